"""The answer of a run in sentences, for the page, the terminal and a notebook."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.choice import FEWEST_CLIPS, MARGINS, Choice
from testbed.reports import labels
from testbed.reports.facts import UNLIMITED
from testbed.reports.intervals import Interval
from testbed.reports.summary import CEILING, Cell, Summary
from testbed.reports.verdict import Verdict, ordered, verdicts
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
        Problems of the schemes that it names, and of those that are not ranked for theirs, that no warning
        of the run tells; a line each.
    verdict
        What it was made of.
    """

    lead: str
    more: tuple[str, ...]
    diagnoses: tuple[str, ...]
    verdict: Verdict

    @property
    def recommended(self) -> str | None:
        """The recommended scheme; None if the calls cannot show one, or there is only one."""
        choice = self.verdict.choice
        is_choice = choice is not None and self.verdict.shows_loss and len(choice.ranked) > 1
        return choice.recommended if choice is not None and is_choice else None


def answers(
    summary: Summary, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None
) -> dict[int, Answer]:
    """Return the answer at every point; see `testbed.reports.verdict.verdicts`."""
    return {
        point: _answer(summary, point, verdict)
        for point, verdict in verdicts(summary, margins, budget_kbps).items()
    }


def judge(summary: Summary) -> str | None:
    """Return the metric that charts and tables begin with: the first that shows an effect of loss."""
    metrics = ordered(summary)
    for name in metrics:
        gains = [cell.gains.get(name) for (_, scheme), cell in summary.cells.items() if scheme == CEILING]
        if any(gain is not None and gain.low > 0 for gain in gains):
            return name
    return next(iter(metrics), None)


def ranking(summary: Summary, point: int, metric: str) -> list[Cell]:
    """Return the schemes at a point that sent their redundancy, the highest mean first.

    The means are over the calls with a score of every scheme, if there are any: a scheme that failed on hard
    calls must not gain by it.
    """
    cells = [
        cell
        for scheme in summary.rivals()
        if (cell := summary.cells.get((point, scheme))) and metric in cell.scores and not cell.is_unsent
    ]
    grid = summary.grid(point, metric)
    together = grid[[cell.scheme for cell in cells]].dropna()
    means = grid.mean() if together.empty else together.mean()
    return sorted(cells, key=lambda cell: -float(means[cell.scheme]))


def known(value: Interval) -> bool:
    """Whether there were enough calls for an interval."""
    return math.isfinite(value.low) and math.isfinite(value.high)


def is_significant(value: Interval) -> bool:
    """Whether a difference's interval excludes 0."""
    return known(value) and not value.low <= 0 <= value.high


def mean(value: Interval, places: int = 2, sign: bool = False) -> str:
    """Return ``4.56``, with a plus sign if wanted."""
    return labels.number(value.mean, places, sign=sign)


def limits(value: Interval, places: int = 2, sign: bool = False) -> str:
    """Return ``4.41 to 4.68``."""
    low, high = (labels.number(end, places, sign=sign) for end in (value.low, value.high))
    return f"{low} to {high}"


def shown(value: Interval, places: int = 2, sign: bool = False) -> str:
    """Return ``4.56 [4.41 to 4.68]``, without brackets where there is no interval."""
    text = mean(value, places, sign)
    return f"{text} [{limits(value, places, sign)}]" if known(value) else text


def percent(value: Interval) -> str:
    """Return ``81 % [74 to 88 %]``."""
    mean, low, high = (labels.number(part, 0, 100) for part in (value.mean, value.low, value.high))
    return f"{mean} % [{low} to {high} %]" if known(value) else f"{mean} %"


def calls(number: int) -> str:
    """Return ``1 call`` or ``16 calls``."""
    return counted(number, "call")


def listed(names: list[str], last: str = "and") -> str:
    """Return ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""


def _answer(summary: Summary, point: int, verdict: Verdict) -> Answer:
    lead, *more = _sentences(summary, point, verdict)
    named = _named(verdict)
    cells = [
        cell
        for (at, scheme), cell in summary.cells.items()
        if at == point and (scheme in named or cell.is_unsent)
    ]
    return Answer(lead, tuple(more), tuple(_problems(cells, summary.warnings)), verdict)


def _named(verdict: Verdict) -> set[str]:
    """Return the schemes that an answer is about."""
    choice, affordable = verdict.choice, verdict.affordable
    if choice is None:
        return set()
    about = {*choice.ranked[:1], *(choice.equals or choice.running if choice.has_order else ())}
    return about | {affordable.recommended or ""} if affordable else about


def _problems(cells: Sequence[Cell], warnings: Sequence[str]) -> list[str]:
    """Tell each problem that no warning tells once, of all schemes that have it."""
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
    is_unclear = not verdict.shows_loss or (choice.recommended is None and _is_whole(summary, point))
    if is_unclear and len(choice.ranked) > 1:
        said = _no_effect(summary, point, choice, verdict)
    elif len(choice.ranked) < 2:
        said = _alone(summary, point, choice)
    elif choice.recommended is None:
        said = _undecided(summary, point, choice)
    else:
        said = _recommendation(summary, point, choice, verdict)
    said[1:1] = _unlimited(summary, point, choice)
    within = _within_budget(summary, point, verdict)
    if verdict.is_budget_given and within:
        said[0] = f"With no such limit: {said[0]}"
        said[0:0] = within
    else:
        said += within
    said += _compared(summary, point, choice)
    said += [
        f"{labels.short(name)} shows no effect of loss here, so {labels.short(choice.metric)} judges."
        for name in verdict.effects
        if name != choice.metric and verdict.shows_loss
    ]
    if choice.left_out:
        said.append(f"Not compared, as too few of their calls were scored: {listed([*choice.left_out])}.")
    return said


def _nothing_to_rank(summary: Summary, verdict: Verdict) -> list[str]:
    if verdict.metric is None and summary.failures.empty:
        return ["This run measured no quality (`metrics: []`), so there is no ranking."]
    if verdict.metric is None:
        return ["No call could be scored, so there is no ranking; see the failed rows below."]
    if verdict.metric in MARGINS:
        return ["No scheme sent the redundancy that was asked for, so there is nothing to rank."]
    return [
        f"No scheme is recommended by {labels.short(verdict.metric)}, which has no margin.",
        f"Give one with --margin {verdict.metric}=NUMBER: the difference that does not matter.",
    ]


def _no_effect(summary: Summary, point: int, choice: Choice, verdict: Verdict) -> list[str]:
    is_whole = _is_whole(summary, point)
    said = ["These calls show no effect of loss, so they cannot rank the schemes."]
    if choice.clips < FEWEST_CLIPS and not is_whole:
        said = _undecided(summary, point, choice)
    by = {
        name: f"{labels.short(name)} by {shown(effect, labels.places(name), sign=True)}"
        for name, effect in verdict.effects.items()
    }
    worse = [text for name, text in by.items() if verdict.effects[name].high < 0]
    if differences := [text for text in by.values() if text not in worse]:
        said.append(f"No loss and {summary.plain} differ in {listed(differences)}: not significant.")
    if worse:
        said.append(f"No loss scores lower than {summary.plain}, in {listed(worse)}.")
    return [*said, "No packet was lost or late."] if is_whole else said


def _is_whole(summary: Summary, point: int) -> bool:
    """Return whether no packet of the plain choice was lost or late."""
    plain = summary.cells.get((point, summary.plain or ""))
    return plain is not None and plain.costs.get("packet_loss") == 0 and not plain.shares.get("late")


def _compared(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Say on how many calls the schemes are compared, where some have no score of a scheme."""
    cells = [summary.cells[point, name] for name in choice.ranked]
    total = max((cell.calls for cell in cells), default=0)
    lacking = {cell.scheme: total - cell.scores[choice.metric].pairs for cell in cells}
    who = [f"{name} has none in {missing}" for name, missing in lacking.items() if missing]
    if len(cells) < 2 or choice.calls == total or not who:
        return []
    if not choice.calls:
        return [f"Scores: {listed(who)} of {calls(total)}."]
    return [f"Compared on the {choice.calls} of {calls(total)} with a score of every scheme: {listed(who)}."]


def _alone(summary: Summary, point: int, choice: Choice) -> list[str]:
    if not choice.ranked:
        return ["No scheme was scored in half of the calls, so there is no ranking."]
    cell = summary.cells[point, choice.ranked[0]]
    unsent = [scheme for at, scheme in summary.cells if at == point and summary.cells[at, scheme].is_unsent]
    score = shown(cell.scores[choice.metric], labels.places(choice.metric))
    scored = f"{labels.short(choice.metric)} {score}, the mean of {calls(cell.scores[choice.metric].pairs)}"
    if unsent:
        lead = f"There is nothing to compare with {cell.scheme}: {listed(unsent)} sent no redundancy."
        said = [lead, f"{cell.scheme}: {scored}, for {_terms(cell)}."]
        return [*said, "No packet was lost or late."] if _is_whole(summary, point) else said
    what = "of this run" if len(summary.rivals()) == 1 else "that can be judged here"
    return [f"{cell.scheme} is the only scheme {what}: {scored}, for {_terms(cell)}."]


def _undecided(summary: Summary, point: int, choice: Choice) -> list[str]:
    these = (
        "One clip" if choice.clips == 1 else f"These {choice.clips} clips" if choice.clips else "These calls"
    )
    if not choice.clips:
        said = [f"{these} cannot rank the schemes: none has a score of every scheme."]
    elif choice.clips < FEWEST_CLIPS:
        said = [f"{these} cannot rank the schemes: a recommendation needs at least {FEWEST_CLIPS} clips."]
    elif choice.has_order:
        said = [f"Probably {listed([*choice.running], 'or')}: {_not_shown(choice)}."]
    else:
        why = f"no difference in {labels.short(choice.metric)} between them is significant"
        said = [f"{these} cannot rank the schemes: {why}."]
    nearest = _nearest(choice, [summary.cells[point, name] for name in choice.ranked])
    if choice.clips == 1:
        said.append(_on_this_clip(summary, summary.cells[point, choice.ranked[0]], choice.metric))
    if choice.clips:
        said.append(_more_clips(choice, nearest))
    if nearest is not None:
        cell = summary.cells[point, nearest]
        gain = cell.gains.get(choice.metric)
        if gain is not None and is_significant(gain):
            said.append(f"{nearest} is {_against(summary, gain, choice.metric)}, for {_terms(cell)}.")
    return said


def _not_shown(choice: Choice) -> str:
    """Return what is missing for a recommendation where some schemes are shown to be worse than others."""
    which = "which of them" if len(choice.running) > 1 else "that it"
    return f"{counted(choice.clips, 'clip')} do not show {which} is within {_margin(choice)} of the best"


def _on_this_clip(summary: Summary, cell: Cell, metric: str) -> str:
    """Return the scheme with the highest mean on the only clip."""
    gain = cell.gains.get(metric)
    against = f", {_against(summary, gain, metric)}" if gain is not None and is_significant(gain) else ""
    score = shown(cell.scores[metric], labels.places(metric))
    return (
        f"On this clip {cell.scheme} has the highest mean, {labels.short(metric)} {score}{against}; "
        "on others it may be another scheme."
    )


def _recommendation(summary: Summary, point: int, choice: Choice, verdict: Verdict) -> list[str]:
    cell = summary.cells[point, choice.equals[0]]
    metric, gain = choice.metric, cell.gains.get(choice.metric)
    if cell.scheme == summary.plain:
        lead = f"{cell.scheme} is enough: no scheme is more than {_margin(choice)} better"
        lead += f", and it takes {_terms(cell)}."
    else:
        better = f" and {_against(summary, gain, metric)}" if gain is not None else ""
        lead = f"Use {cell.title}: within {_margin(choice)} of the best{better}, for {_terms(cell)}."
    said = [lead]
    best = summary.cells[point, choice.ranked[0]]
    gap = summary.difference(summary.grid(point, metric), cell.scheme, best.scheme)
    if best.scheme != cell.scheme and gap is not None:
        said.append(
            f"{best.scheme} has the highest mean, {labels.short(metric)} "
            f"{shown(best.scores[metric], labels.places(metric))}; the difference is "
            f"{shown(gap, labels.places(metric), sign=True)}."
        )
    if others := [f"{each} ({_kbps(summary.cells[point, each])})" for each in choice.equals[1:]]:
        is_dearer = _kbps(summary.cells[point, choice.equals[1]]) != _kbps(cell)
        said.append(f"As good{', for more bits' if is_dearer else ''}: {listed(others)}.")
    ranked = [summary.cells[point, each] for each in choice.ranked]
    cheaper = _nearest(choice, [each for each in ranked if _wire_kbps(each) < _wire_kbps(cell)])
    if cheaper is not None:
        said.append(_more_clips(choice, cheaper))
    said += _against_ceiling(summary, cell, metric)
    said += _other_metrics(summary, cell, verdict)
    return said


def _unlimited(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return the buffer below which a scheme repairs less, if the receiver waits without limit."""
    longest = [
        (summary.cells[point, name].costs.get("buffer_needed_ms_max", 0.0), name) for name in choice.ranked
    ]
    wait_ms, scheme = max(longest, default=(0.0, ""))
    if summary.receivers[point] != UNLIMITED or not wait_ms:
        return []
    return [f"The {UNLIMITED}; with a buffer of less than {labels.number(wait_ms)} ms {scheme} repairs less."]


def _within_budget(summary: Summary, point: int, verdict: Verdict) -> list[str]:
    """Say what to use under the budget where some schemes take more; of one not given, only what is shown."""
    choice, under = verdict.affordable, f"Under {verdict.budget_kbps or 0:g} kb/s"
    if choice is None or not verdict.shows_loss:
        return []
    if choice.recommended is None and not verdict.is_budget_given:
        return []
    if verdict.choice is not None and choice.recommended == verdict.choice.recommended is not None:
        return []
    if len(choice.ranked) < 2:
        return [f"{under} there is {f'only {choice.ranked[0]}' if choice.ranked else 'no scheme'}."]
    if choice.recommended is None:
        probably = f"probably {listed([*choice.running], 'or')}: {_not_shown(choice)}"
        return [f"{under} {probably if choice.has_order else 'these calls cannot rank the schemes'}."]
    cell = summary.cells[point, choice.recommended]
    gain = cell.gains.get(choice.metric)
    gained = "" if gain is None else f"{mean(gain, labels.places(choice.metric), sign=True)}, "
    return [f"{under} use {cell.scheme} ({gained}{_kbps(cell)})."]


def _against_ceiling(summary: Summary, cell: Cell, metric: str) -> list[str]:
    ceiling = summary.cells.get((cell.point, CEILING))
    if ceiling is None or metric not in ceiling.scores:
        return []
    text = f"With no loss the same speech scores {shown(ceiling.scores[metric], labels.places(metric))}"
    share = cell.repaired.get(metric)
    if share is not None and share.low > 1:
        text += f"; {cell.scheme} scores higher"
    elif share is not None and cell.redundancy_kbps > 0:
        text += f"; {cell.scheme} repairs {percent(share)} of what loss takes from {summary.plain}"
    return [text + "."]


def _other_metrics(summary: Summary, cell: Cell, verdict: Verdict) -> list[str]:
    """Say what the metrics say that did not judge; of those before the judge see `_sentences`."""
    agree, differ, blind = [], [], []
    for other in ordered(summary):
        if (
            other == verdict.metric
            or other in verdict.effects
            or not (ranked := ranking(summary, cell.point, other))
        ):
            continue
        ceiling = summary.cells.get((cell.point, CEILING))
        effect = ceiling.gains.get(other) if ceiling else None
        gap = summary.difference(summary.grid(cell.point, other), ranked[0].scheme, cell.scheme)
        if effect is not None and known(effect) and not effect.low > 0:
            blind.append(labels.short(other))
        elif gap is not None and is_significant(gap) and gap.mean > MARGINS.get(other, 0.0):
            by = shown(gap, labels.places(other), sign=True)
            differ.append(f"{labels.short(other)} puts {ranked[0].scheme} above it ({by})")
        else:
            agree.append(labels.short(other))
    said = []
    if differ:
        said.append(f"The metrics disagree: {'; '.join(differ)}.")
    elif agree:
        said.append(f"{listed(agree)} do{'es' if len(agree) == 1 else ''} not contradict it.")
    if blind:
        said.append(f"{listed(blind)} show{'s' if len(blind) == 1 else ''} no effect of loss.")
    return said


def _nearest(choice: Choice, cells: Sequence[Cell]) -> str | None:
    """Return the scheme that the fewest further clips would show to be as good as the best; the cheapest."""
    found = [
        (choice.clips_needed.get(cell.scheme, math.inf), _wire_kbps(cell), cell.scheme) for cell in cells
    ]
    clips, _, scheme = min(found, default=(math.inf, 0.0, ""))
    return scheme if math.isfinite(clips) else None


def _more_clips(choice: Choice, scheme: str | None) -> str:
    if scheme is not None:
        more = counted(choice.clips_needed[scheme] - choice.clips, "more clip")
        return f"About {more} would show whether {scheme} is within {_margin(choice)} of the best."
    if choice.clips < FEWEST_CLIPS:
        return f"At least {counted(FEWEST_CLIPS - choice.clips, 'more clip')} would be needed."
    return "More than 1000 clips would be needed."


def _margin(choice: Choice) -> str:
    return f"{choice.margin:g} {labels.short(choice.metric)}"


def _wire_kbps(cell: Cell) -> float:
    return cell.costs.get("wire_kbps", math.inf)


def _kbps(cell: Cell) -> str:
    return f"{labels.number(cell.costs.get('wire_kbps'), 1)} kb/s"


def _terms(cell: Cell) -> str:
    """Return the cost of a scheme: its bitrate, and the buffer for its repairs."""
    longest = cell.costs.get("buffer_needed_ms_max")
    buffer = "" if longest is None else f" and a buffer of {labels.number(longest)} ms"
    return f"{_kbps(cell)} on the wire{buffer}"


def _against(summary: Summary, gain: Interval, metric: str) -> str:
    """Return how much better or worse than the baseline a scheme is."""
    same = "network" if summary.network else "losses"
    places = labels.places(metric)
    if not is_significant(gain):
        difference = shown(gain, places, sign=True)
        return f"{difference} against {summary.plain} on the same {same} (not significant)"
    if gain.mean > 0:
        return f"{shown(gain, places)} better than {summary.plain} on the same {same}"
    worse = Interval(-gain.mean, -gain.high, -gain.low, gain.pairs)
    return f"{shown(worse, places)} worse than {summary.plain} on the same {same}"
