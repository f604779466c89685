"""The recommendation for a network: its grid, the search, the choice, and the cost of a wrong guess."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.channels.stage import capacity_kbps
from testbed.choice import Choice, choose
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.errors import ScenarioError
from testbed.metrics import METRICS
from testbed.plan import known_loss, stages
from testbed.playout import PlayoutSpec
from testbed.recommend.candidates import Candidate, CandidateGrid, NetworkFacts, candidate_grid
from testbed.recommend.front import FrontMember, pareto_front
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls, Doing, Report
from testbed.recommend.search import Searched, calls_of, schedule, search
from testbed.recommend.wrong_guess import wrong_guesses
from testbed.stats import Estimate, interval

_PROBE_CALLS = 4
_WRONG_SHARE = 3 / 16
"""Share of the calls of a configuration that a wrong guess gets."""
_SLACK = 1.01
"""A mean over a few calls may exceed a limit by this factor."""
_SECONDS = 10.0
"""Length of a call, over which the mean rate of a link counts."""


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
        """The Pareto front of the configurations that kept the limits, the cheapest first."""
        return pareto_front(self.members)

    @property
    def share(self) -> float:
        """Calls made as a share of those of the whole grid."""
        return self.calls_made / self.calls_of_grid


def recommend(
    base: Mapping[str, Any],
    limits: RecommendLimits,
    doing: Doing | None = None,
    has_exact_dred: bool = False,
    report: Report = lambda done, total, step: None,
) -> Recommendation:
    """Recommend a configuration.

    Parameters
    ----------
    base
        A valid scenario without `sweep` that judges by the limits' metric; its codec's rates, schemes and
        playout are replaced.
    doing
        Where calls are made; default: a process per core, with the cache.
    has_exact_dred
        See `testbed.recommend.candidates.candidate_grid`.

    Raises
    ------
    TestbedError
        No configuration keeps the limits, or the calls are not possible.
    """
    doing = doing or Doing()
    facts, probed = network_facts(base, limits, doing, report)
    grid = candidate_grid(limits, facts, base["codec"], has_exact_dred)
    calls = CandidateCalls(base, grid.candidates, doing)
    rounds = schedule(len(grid.candidates), calls.calls)
    planned = calls_of(rounds)
    calls.report = lambda made, _, step: report(probed + made, probed + planned, step)
    searched = search(
        len(grid.candidates),
        rounds,
        lambda places, number: calls.measured(places, number, f"{len(places)} configurations"),
        limits.margin_used,
        lambda place: exclusion(calls, place, limits) is None,
    )
    if not searched.finalists:
        raise ScenarioError(_nothing(calls, searched, limits))
    members = tuple(_member(calls, searched, place) for place in _possible(searched))
    choice = _choose(calls, searched, limits)
    chosen, is_shown = _chosen(calls, searched, choice, members, limits)
    best = searched.finalists[0]
    scenario = calls.scenario_at(chosen)
    scheme = SchemeSpec.model_validate(dict(grid.candidates[chosen].scheme))
    begun = probed + calls.made
    wrong, wrong_calls = _wrong(
        base, calls, chosen, doing, lambda made, all_, step: report(begun + made, begun + all_, step)
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
        score=_estimate(calls, searched, [chosen])[0],
        gap=_difference(calls, searched, chosen, best),
        members=members,
        wrong=wrong,
        calls_made=probed + calls.made + wrong_calls,
        calls_of_grid=len(grid.candidates) * calls.calls,
        clips=len(calls.clip_names),
    )


def network_facts(
    base: Mapping[str, Any], limits: RecommendLimits, doing: Doing, report: Report
) -> tuple[NetworkFacts, int]:
    """Return what is known of a network, partly from a few calls without scores, and their number."""
    delay = {"policy": "fixed", "delay_ms": limits.max_delay_ms}
    plain = {key: value for key, value in base["codec"].items() if key not in ("bitrate_kbps", "total_kbps")}
    probe_kbps = max(6.0, min(limits.max_kbps, 64.0) / 2)
    probe = Candidate({**plain, "total_kbps": probe_kbps, "expected_loss": 0.0}, {"neural_plc": {}}, delay)
    calls = CandidateCalls({**base, "metrics": []}, [probe], doing, report)
    number = min(_PROBE_CALLS, calls.calls)
    calls.make([0], number, "a probe of the network")
    lost, late, frames, least_ms = (
        calls.column([0], number, name)[:, 0]
        for name in ("packet_loss", "frames_late", "frames", "delay_ms_min")
    )
    scenario = calls.scenario_at(0)
    channel = stages(scenario.channel)
    loss = (known_loss(scenario) or float(np.nanmean(lost))) + float(np.nansum(late) / np.nansum(frames))
    capacity = capacity_kbps(channel, 1000 * _SECONDS, scenario.folder)
    least = float(np.nanmax(least_ms)) if np.isfinite(least_ms).any() else 0.0
    return NetworkFacts(min(1.0, loss), least, capacity), calls.made


def _possible(searched: Searched) -> list[int]:
    return [place for place, number in enumerate(searched.calls) if number and place not in searched.excluded]


def exclusion(calls: CandidateCalls, place: int, limits: RecommendLimits) -> str | None:
    """Return why a measured configuration is not possible; None if it is."""
    kbps, delay_ms = calls.mean(place, "wire_kbps"), calls.mean(place, "mouth_to_ear_ms")
    if kbps > _SLACK * limits.max_kbps:
        return f"{kbps:.1f} kb/s on the wire"
    if delay_ms > _SLACK * limits.max_delay_ms:
        return f"{delay_ms:.0f} ms from mouth to ear"
    scheme = calls.candidates[place].scheme
    unsent = [
        name
        for name, key, column in (("LBRR", "lbrr", "lbrr_sent"), ("DRED", "dred", "dred_sent_ms"))
        if key in scheme and not calls.mean(place, column) > 0
    ]
    return f"sent no {' and no '.join(unsent)}" if unsent else None


def _nothing(calls: CandidateCalls, searched: Searched, limits: RecommendLimits) -> str:
    """Return which limits exclude all configurations, and the nearest that would not."""
    least_kbps = min(calls.mean(place, "wire_kbps") for place in searched.excluded)
    least_ms = min(calls.mean(place, "mouth_to_ear_ms") for place in searched.excluded)
    said = []
    if least_kbps > limits.max_kbps:
        said.append(
            f"--max-kbps {limits.max_kbps:g} excludes everything; the nearest limit is {least_kbps:.1f}"
        )
    if least_ms > limits.max_delay_ms:
        said.append(
            f"--max-delay-ms {limits.max_delay_ms:g} excludes everything; the nearest limit is {least_ms:.0f}"
        )
    if not said:
        said.append(
            f"no configuration keeps both --max-kbps {limits.max_kbps:g} and --max-delay-ms "
            f"{limits.max_delay_ms:g}; raise one of them"
        )
    return "\n".join(said)


def _member(calls: CandidateCalls, searched: Searched, place: int) -> FrontMember:
    """Return a configuration with its score: that of the best, less the difference on common calls."""
    best, number = searched.finalists[0], searched.calls[place]
    measured = calls.measured([place], number, "")
    of_best = calls.measured([best], searched.calls[best], "").scores[:, 0]
    gap = interval(measured.scores[:, 0] - of_best[:number], _clips(calls, number))
    mean = interval(of_best, _clips(calls, len(of_best))).value + gap.value
    kbps, delay_ms = float(measured.wire_kbps[0]), float(measured.delay_ms[0])
    return FrontMember(place, kbps, delay_ms, mean, gap, number)


def _clips(calls: CandidateCalls, number: int) -> NDArray[np.int64]:
    """Return the clip of each of the first calls."""
    return np.arange(number) % len(calls.clip_names)


def _estimate(calls: CandidateCalls, searched: Searched, places: Sequence[int]) -> list[Estimate]:
    """Return mean scores in the metric's own unit."""
    assert calls.metric is not None
    sign = METRICS[calls.metric].sign
    number = min(searched.calls[place] for place in places)
    scores = sign * calls.measured(places, number, "").scores
    return [interval(scores[:, index], _clips(calls, number)) for index in range(len(places))]


def _difference(calls: CandidateCalls, searched: Searched, one: int, other: int) -> Estimate:
    number = min(searched.calls[one], searched.calls[other])
    scores = calls.measured([one, other], number, "").scores
    return interval(scores[:, 0] - scores[:, 1], _clips(calls, number))


def _choose(calls: CandidateCalls, searched: Searched, limits: RecommendLimits) -> Choice:
    """Choose among the finalists, as `testbed run` chooses among schemes."""
    names, number = calls.clip_names, min(searched.calls[place] for place in searched.finalists)
    columns = (calls.column(searched.finalists, number, column) for column in (limits.metric, "wire_kbps"))
    scores, kbps = columns
    rows = [
        {
            "point": 0,
            "scheme": calls.candidates[place].name,
            "clip": names[call % len(names)],
            "realization": call // len(names),
            "wire_kbps": kbps[call, index],
            limits.metric: scores[call, index],
        }
        for index, place in enumerate(searched.finalists)
        for call in range(number)
    ]
    finalists = [calls.candidates[place].name for place in searched.finalists]
    return choose(pd.DataFrame(rows), limits.metric, finalists, limits.margin_used)[0]


def _chosen(
    calls: CandidateCalls,
    searched: Searched,
    choice: Choice,
    members: Sequence[FrontMember],
    limits: RecommendLimits,
) -> tuple[int, bool]:
    """Return the recommended configuration, and whether the calls show that it is good enough."""
    if limits.min_score is not None:
        sign = METRICS[limits.metric].sign
        estimates = {each.place: _estimate(calls, searched, [each.place])[0] for each in members}
        reaching = [
            each for each in members if sign * _worst(estimates[each.place], sign) >= sign * limits.min_score
        ]
        if reaching:
            return min(reaching, key=lambda each: (each.wire_kbps, each.delay_ms)).place, True
        return searched.finalists[0], False
    names = [calls.candidates[place].name for place in searched.finalists]
    if choice.recommended is None:
        return searched.finalists[0], False
    return searched.finalists[names.index(choice.recommended)], True


def _worst(estimate: Estimate, sign: int) -> float:
    """Return the bound of an interval on the side of bad scores."""
    return estimate.low if sign > 0 else estimate.high


def _wrong(
    base: Mapping[str, Any], calls: CandidateCalls, chosen: int, doing: Doing, report: Report
) -> tuple[tuple[WrongGuess, ...], int]:
    """Return the wrong guesses with their cost, and the number of calls made for them."""
    guesses = [*wrong_guesses(calls.candidates[chosen])]
    if not guesses:
        return (), 0
    number = max(1, math.ceil(calls.calls * _WRONG_SHARE))
    others = CandidateCalls(base, [candidate for _, candidate in guesses], doing, report)
    wrong = others.measured(range(len(guesses)), number, "wrong guesses")
    right = calls.measured([chosen], number, "").scores
    found = [
        WrongGuess(
            said,
            interval(wrong.scores[:, index] - right[:, 0], _clips(calls, number)),
            float(wrong.wire_kbps[index]),
            float(wrong.delay_ms[index]),
            number,
        )
        for index, (said, _) in enumerate(guesses)
    ]
    return tuple(found), others.made
