"""The answer of a run in sentences, for the page, the terminal and a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.choice import Choice
from testbed.metrics import described
from testbed.reports.recommendation import ranking, recommendation, unlimited, within_budget, within_wobble
from testbed.reports.summary import Cell, Summary
from testbed.reports.undecided import is_without_loss, no_effect, single, unranked
from testbed.reports.verdict import Verdict, verdicts
from testbed.reports.wording import listed
from testbed.words import counted


@dataclass(frozen=True)
class Answer:
    """The answer at one point.

    Attributes
    ----------
    lead
        The recommendation, or why there is none.
    more
        The sentences after it.
    diagnoses
        Problems of the schemes that it names, and of those that are not ranked because of theirs, without
        those in the warnings of the run; a line each.
    verdict
        The decision behind it.
    leading
        The recommended scheme, else the only one, else the one with the best mean; None without scores.
    """

    lead: str
    more: tuple[str, ...]
    diagnoses: tuple[str, ...]
    verdict: Verdict
    leading: str | None

    @property
    def recommended(self) -> str | None:
        """The recommended scheme; None if the calls cannot show one, or there is only one."""
        return _recommended(self.verdict)


def answers(
    summary: Summary,
    margins: Mapping[str, float] | None = None,
    budget_kbps: float | None = None,
    points: Sequence[int] | None = None,
) -> dict[int, Answer]:
    """Return the answer at every point, or at some; see `testbed.reports.verdict.verdicts`."""
    found = verdicts(summary, margins, budget_kbps)
    return {point: _answer(summary, point, found[point]) for point in (found if points is None else points)}


def _answer(summary: Summary, point: int, verdict: Verdict) -> Answer:
    lead, *more = _sentences(summary, point, verdict)
    named = _named(verdict)
    cells = [
        cell
        for (at, scheme), cell in summary.cells.items()
        if at == point and (scheme in named or cell.is_unsent)
    ]
    diagnoses = tuple(_problems(cells, summary.warnings))
    return Answer(lead, tuple(more), diagnoses, verdict, _leading(summary, point, verdict))


def _recommended(verdict: Verdict) -> str | None:
    choice = verdict.choice
    if choice is None or not verdict.shows_loss or len(choice.ranked) < 2:
        return None
    return choice.recommended


def _leading(summary: Summary, point: int, verdict: Verdict) -> str | None:
    if verdict.metric is None:
        return None
    if verdict.choice is not None and verdict.choice.ranked:
        return _recommended(verdict) or verdict.choice.ranked[0]
    return next((cell.scheme for cell in ranking(summary, point, verdict.metric)), None)


def _named(verdict: Verdict) -> set[str]:
    """Return the schemes that an answer is about."""
    choice, affordable = verdict.choice, verdict.affordable
    if choice is None:
        return set()
    about = {*choice.ranked[:1], *(choice.equals or choice.running if choice.has_order else ())}
    return about | {affordable.recommended or ""} if affordable else about


def _problems(cells: Sequence[Cell], warnings: Sequence[str]) -> list[str]:
    """Return each problem that is in no warning, once for all schemes that have it."""
    met: dict[str, list[str]] = {}
    for cell in cells:
        for text in (text for text in cell.diagnoses if not any(text in each for each in warnings)):
            met.setdefault(text.removeprefix(f"{cell.scheme} "), []).append(cell.scheme)
        if cell.is_unsent and not cell.diagnoses:
            text = "sent none of the redundancy that was asked for, so it is not ranked"
            met.setdefault(text, []).append(cell.scheme)
    return [
        f"{names[0] if len(names) == 1 else f'Each of {listed(names)}'} {text}" for text, names in met.items()
    ]


def _sentences(summary: Summary, point: int, verdict: Verdict) -> list[str]:
    choice = verdict.choice
    if choice is None:
        return _nothing_to_rank(summary, verdict)
    without_loss = choice.recommended is None and is_without_loss(summary, point)
    if (not verdict.shows_loss or without_loss) and len(choice.ranked) > 1:
        said = no_effect(summary, point, choice, verdict)
    elif len(choice.ranked) < 2:
        said = single(summary, point, choice)
    elif choice.recommended is None:
        said = unranked(summary, point, choice)
    else:
        said = recommendation(summary, point, choice, verdict)
    said[1:1] = unlimited(summary, point, choice)
    within = within_budget(summary, point, verdict)
    if verdict.is_budget_given and within:
        said[0] = f"With no such limit: {said[0]}"
        said[0:0] = within
    else:
        said += within
    said += within_wobble(summary, point, choice)
    said += _compared(summary, point, choice)
    said += _parts(summary, point)
    said += [
        f"{described(name).label} shows no effect of loss here, so {described(choice.metric).label} judges."
        for name in verdict.effects
        if name != choice.metric and verdict.shows_loss
    ]
    if choice.left_out:
        said.append(f"Not compared, as too few of their calls were scored: {listed(choice.left_out)}.")
    return said


def _nothing_to_rank(summary: Summary, verdict: Verdict) -> list[str]:
    if verdict.metric is None and summary.failures.empty:
        return ["This run measured no quality, so there is no ranking."]
    if verdict.metric is None:
        return ["No call could be scored, so there is no ranking; see the failed rows below."]
    if described(verdict.metric).margin is not None:
        return ["No scheme sent the redundancy that was asked for, so there is nothing to rank."]
    return [
        f"No scheme is recommended by {described(verdict.metric).label}, which has no margin.",
        f"Give one with --margin {verdict.metric}=NUMBER: the difference that does not matter.",
    ]


def _parts(summary: Summary, point: int) -> list[str]:
    """Return a note with the number of calls of each metric; empty if every metric scores every call."""
    if not summary.partly_scored:
        return []
    cells = [cell for (at, _), cell in summary.cells.items() if at == point]
    said = []
    if whole := [described(name).label for name in summary.metrics if name not in summary.partly_scored]:
        said.append(f"{max(cell.calls for cell in cells)} for {listed(whole)}")
    for name in summary.partly_scored:
        calls = max(cell.calls_to_score(name) for cell in cells)
        realizations = summary.scored_realizations.get(name)
        first = "realization" if realizations == 1 else f"{realizations} realizations"
        which = f"the first {first}" if realizations else "those"
        clips = summary.grids[name].part(point).number_of_clips
        whose = "the clip" if clips == 1 else f"each of {clips} clips"
        languages = listed(described(name).languages, "or") if name in summary.clips_not_scored else ""
        spoken = f" in {languages}" if languages else ""
        said.append(f"{calls} for {described(name).label}, {which} of {whose}{spoken}")
    return [f"Calls per scheme: {'; '.join(said)}."]


def _compared(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return a note with the number of calls compared; empty if every call has a score of every scheme."""
    cells = [summary.cells[point, name] for name in choice.ranked]
    total = max((cell.calls_to_score(choice.metric) for cell in cells), default=0)
    lacking = {cell.scheme: total - cell.scores[choice.metric].pairs for cell in cells}
    who = [f"{name} has none in {missing}" for name, missing in lacking.items() if missing]
    if len(cells) < 2 or choice.calls == total or not who:
        return []
    calls = counted(total, "call")
    if not choice.calls:
        return [f"Scores: {listed(who)} of {calls}."]
    return [f"Compared on the {choice.calls} of {calls} with a score of every scheme: {listed(who)}."]
