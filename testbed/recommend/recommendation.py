"""The recommendation for a network: its grid, the search, the choice, and the cost of a wrong guess."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.choice import Choice
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.errors import ScenarioError
from testbed.metrics import METRICS
from testbed.playout import PlayoutSpec
from testbed.recommend.candidates import Candidate, CandidateGrid, NetworkFacts, candidate_grid
from testbed.recommend.comparing import (
    choice_among,
    chosen_of,
    clips_of_calls,
    difference,
    estimated,
    member,
)
from testbed.recommend.exclusion import exclusion, nothing_possible
from testbed.recommend.front import FrontMember, pareto_front
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls, Execution, Report
from testbed.recommend.probe import network_facts
from testbed.recommend.search import MeasuredCalls, Searched, calls_of, schedule, search
from testbed.recommend.wrong_guess import wrong_guesses
from testbed.stats import Estimate, interval

_WRONG_SHARE = 3 / 16
"""Share of the calls of a configuration that a wrong guess gets."""


@dataclass(frozen=True)
class WrongGuess:
    """A wrong value, and its cost.

    Attributes
    ----------
    said
        The value in words.
    gain
        Score minus that of the recommended configuration, on the same calls; larger is better.
    wire_kbps, delay_ms
        Means.
    calls
        Number of calls.
    """

    said: str
    gain: Estimate
    wire_kbps: float
    delay_ms: float
    calls: int


@dataclass(frozen=True)
class Recommendation:
    """A recommended configuration and the way to it.

    Attributes
    ----------
    limits, facts, grid, searched
        The limits, the network, the configurations, and the search.
    needs_repair
        Whether the network loses packets or delays them too much.
    choice
        The choice among the finalists, by name.
    chosen
        Place of the recommended configuration in the grid.
    is_shown
        Whether the calls show that it is good enough; else it has the best mean.
    settings, scheme, playout, decoder_complexity
        The recommended configuration as the run had it.
    score
        Its mean score.
    gap
        Its score minus that of the best mean; larger is better.
    members
        All configurations that kept the limits.
    excluded
        Number of the others, by reason.
    wrong
        Wrong guesses, with their cost.
    calls_made, calls_of_grid
        Calls of the probe, the search and the wrong guesses; those of a comparison of the whole grid.
    clips
        Number of clips.
    """

    limits: RecommendLimits
    facts: NetworkFacts
    grid: CandidateGrid
    searched: Searched
    needs_repair: bool
    choice: Choice
    chosen: int
    is_shown: bool
    settings: EncoderSettings
    scheme: SchemeSpec
    playout: PlayoutSpec
    decoder_complexity: int
    score: Estimate
    gap: Estimate
    members: tuple[FrontMember, ...]
    excluded: Mapping[str, int]
    wrong: tuple[WrongGuess, ...]
    calls_made: int
    calls_of_grid: int
    clips: int

    @property
    def candidate(self) -> Candidate:
        """The recommended configuration."""
        return self.grid.candidates[self.chosen]

    @property
    def front(self) -> list[FrontMember]:
        """The Pareto front of the configurations that kept the limits, and the recommended one."""
        return pareto_front(self.members, self.chosen)

    @property
    def share(self) -> float:
        """Calls made as a share of those of the whole grid."""
        return self.calls_made / self.calls_of_grid


def recommend(
    base: Mapping[str, Any],
    limits: RecommendLimits,
    execution: Execution | None = None,
    has_exact_dred: bool = False,
    report: Report = lambda done, total, step: None,
) -> Recommendation:
    """Recommend a configuration.

    Parameters
    ----------
    base
        A valid scenario without `sweep` that judges by the limits' metric; its codec's rates, schemes and
        playout are replaced.
    execution
        Place of the work; default: a process per core, with the cache.
    has_exact_dred
        See `testbed.recommend.candidates.candidate_grid`.

    Raises
    ------
    TestbedError
        No configuration keeps the limits, or the calls are not possible.
    """
    execution = execution or Execution()
    facts, probed = network_facts(base, limits, execution, report)
    grid = candidate_grid(limits, facts, base["codec"], has_exact_dred)
    calls = CandidateCalls(base, grid.candidates, execution)
    rounds = schedule(len(grid.candidates), calls.calls)
    planned = calls_of(rounds)
    calls.report = lambda made, _, step: report(probed + made, probed + planned, step)

    def measure(places: Sequence[int], number: int) -> MeasuredCalls:
        calls.make(places, number, f"{len(places)} configurations")
        return calls.measured(places, number)

    searched = search(
        len(grid.candidates),
        rounds,
        measure,
        limits.margin_used,
        lambda place: exclusion(calls, place, limits) is None,
        None if limits.min_score is None else METRICS[limits.metric].sign * limits.min_score,
    )
    if not searched.finalists:
        raise ScenarioError(nothing_possible(calls, searched, limits))
    reasons = Counter(str(exclusion(calls, place, limits)) for place in searched.excluded)
    members = tuple(member(calls, searched, place) for place in _possible(searched))
    choice = choice_among(calls, searched, limits)
    chosen, is_shown = chosen_of(calls, searched, choice, members, limits)
    best = searched.finalists[0]
    scenario = calls.scenario_at(chosen)
    scheme = SchemeSpec.model_validate(dict(grid.candidates[chosen].scheme))
    begun = probed + calls.made
    wrong, wrong_calls = _wrong(
        base, calls, chosen, execution, lambda made, all_, step: report(begun + made, begun + all_, step)
    )
    return Recommendation(
        limits=limits,
        facts=facts,
        grid=grid,
        searched=searched,
        needs_repair=facts.loss > 0,
        choice=choice,
        chosen=chosen,
        is_shown=is_shown,
        settings=calls.encoder_settings(chosen),
        scheme=scheme,
        playout=scenario.playout,
        decoder_complexity=scheme.decoder_complexity(scenario.codec.decoder_complexity),
        score=estimated(calls, searched, [chosen])[0],
        gap=difference(calls, searched, chosen, best),
        members=members,
        excluded=reasons,
        wrong=wrong,
        calls_made=probed + calls.made + wrong_calls,
        calls_of_grid=len(grid.candidates) * calls.calls,
        clips=len(calls.clip_names),
    )


def _possible(searched: Searched) -> list[int]:
    return [place for place, number in enumerate(searched.calls) if number and place not in searched.excluded]


def _wrong(
    base: Mapping[str, Any], calls: CandidateCalls, chosen: int, execution: Execution, report: Report
) -> tuple[tuple[WrongGuess, ...], int]:
    """Return the wrong guesses with their cost, and the number of calls made for them."""
    guesses = [*wrong_guesses(calls.candidates[chosen])]
    if not guesses:
        return (), 0
    number = max(1, math.ceil(calls.calls * _WRONG_SHARE))
    others = CandidateCalls(base, [candidate for _, candidate in guesses], execution, report)
    others.make(range(len(guesses)), number, "wrong guesses")
    wrong = others.measured(range(len(guesses)), number)
    right = calls.measured([chosen], number).scores
    found = [
        WrongGuess(
            said,
            interval(wrong.scores[:, index] - right[:, 0], clips_of_calls(calls, number)),
            float(wrong.wire_kbps[index]),
            float(wrong.delay_ms[index]),
            number,
        )
        for index, (said, _) in enumerate(guesses)
    ]
    return tuple(found), others.made
