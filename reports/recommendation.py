"""Sentences that recommend a scheme."""

from operator import itemgetter

from testbed.choice import Choice
from testbed.metrics import CONVERSATIONAL, described
from testbed.reports import terms
from testbed.reports.facts import OFFLINE, UNLIMITED
from testbed.reports.summary import Cell, Summary
from testbed.reports.verdict import Verdict, ordered
from testbed.reports.wording import listed, number, percent


def recommendation(summary: Summary, point: int, choice: Choice, verdict: Verdict) -> list[str]:
    """Return the recommendation, then further facts about the scheme."""
    cell = summary.cells[point, choice.equals[0]]
    metric, gain = choice.metric, cell.gains.get(choice.metric)
    if cell.scheme == summary.baseline:
        lead = f"{cell.scheme} is enough: no scheme is more than {terms.margin(choice)} better"
        lead += f", and it takes {terms.costs(summary, cell, choice.metric)}."
    else:
        better = f" and {terms.against(summary, gain, metric)}" if gain is not None else ""
        lead = (
            f"Use {cell.title}: within {terms.margin(choice)} of the best{better}, "
            f"for {terms.costs(summary, cell, choice.metric)}."
        )
    said = [lead]
    best = summary.cells[point, choice.ranked[0]]
    gap = summary.gap(point, metric, cell.scheme, best.scheme)
    if best.scheme != cell.scheme and gap is not None:
        judge = described(metric)
        said.append(
            f"{best.scheme} has the {judge.best} mean, {judge.label} "
            f"{terms.score(best.scores[metric], metric)}; the difference is {terms.difference(gap, metric)}."
        )
    if others := [f"{each} ({terms.kbps(summary.cells[point, each])})" for each in choice.equals[1:]]:
        is_dearer = terms.kbps(summary.cells[point, choice.equals[1]]) != terms.kbps(cell)
        said.append(f"As good{', for more bits' if is_dearer else ''}: {listed(others)}.")
    ranked = [summary.cells[point, each] for each in choice.ranked]
    cheaper = terms.nearest(
        choice, [each for each in ranked if terms.wire_kbps(each) < terms.wire_kbps(cell)]
    )
    if cheaper is not None:
        said.append(terms.more_units(choice, cheaper))
    said += _against_ceiling(summary, cell, metric)
    said += _other_metrics(summary, cell, verdict)
    return said


def unlimited(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return the buffer below which a scheme repairs less, if the receiver waits without limit."""
    longest = [
        (summary.cells[point, name].costs.get("buffer_needed_ms_max", 0.0), name) for name in choice.ranked
    ]
    wait_ms, scheme = max(longest, key=itemgetter(0), default=(0.0, ""))
    if summary.policies[point] != OFFLINE or not wait_ms:
        return []
    return [f"The {UNLIMITED}; with a buffer of less than {number(wait_ms)} ms {scheme} repairs less."]


def within_budget(summary: Summary, point: int, verdict: Verdict) -> list[str]:
    """Return the choice under a budget that some schemes exceed; under a default one, only shown facts."""
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
        probably = f"probably {listed([*choice.running], 'or')}: {terms.not_shown(choice)}"
        return [f"{under} {probably if choice.has_order else 'these calls cannot rank the schemes'}."]
    cell = summary.cells[point, choice.recommended]
    gain = cell.gains.get(choice.metric)
    gained = "" if gain is None else f"{terms.mean_difference(gain, choice.metric)}, "
    return [f"{under} use {cell.scheme} ({gained}{terms.kbps(cell)})."]


def within_wobble(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return how far differences move by what nobody hears, and the schemes that are closer to the best."""
    wobble = summary.wobble.get(choice.metric)
    if not wobble or len(choice.ranked) < 2:
        return []
    about, best = described(choice.metric), choice.ranked[0]
    amount = " ".join(filter(None, (f"{wobble:.{about.decimals}f}", about.unit)))
    said = f"Changes that nobody hears move differences of {about.label} by up to {amount}"
    if choice.margin == wobble:
        said += ", so the margin is not smaller"
    gaps = {name: summary.gap(point, choice.metric, name, best) for name in choice.ranked[1:]}
    near = [name for name, gap in gaps.items() if gap is not None and abs(gap.mean) < wobble]
    return [f"{said}{f'; closer than that to {best}: {listed(near)}' if near else ''}."]


def _against_ceiling(summary: Summary, cell: Cell, metric: str) -> list[str]:
    ceiling = summary.ceiling_at(cell.point)
    if ceiling is None or metric not in ceiling.scores:
        return []
    has_delay = metric == CONVERSATIONAL
    without, taken = (
        ("neither loss nor delay", "loss and delay take") if has_delay else ("no loss", "loss takes")
    )
    text = f"With {without} the same speech scores {terms.score(ceiling.scores[metric], metric)}"
    share = cell.repaired.get(metric)
    if share is not None and share.low > 1:
        text += f"; {cell.scheme} scores better"
    elif share is not None and cell.redundancy_kbps > 0:
        text += f"; {cell.scheme} repairs {percent(share)} of what {taken} from {summary.baseline}"
    return [text + "."]


def _other_metrics(summary: Summary, cell: Cell, verdict: Verdict) -> list[str]:
    """Return the sentences about the metrics after the judging one."""
    agree, differ, blind = [], [], []
    for other in ordered(summary):
        if (
            other == verdict.metric
            or other in verdict.effects
            or not (ranked := ranking(summary, cell.point, other))
        ):
            continue
        about = described(other)
        ceiling = summary.ceiling_at(cell.point)
        effect = ceiling.gains.get(other) if ceiling else None
        gap = summary.gap(cell.point, other, ranked[0].scheme, cell.scheme)
        least = max(about.margin or 0.0, summary.wobble.get(other, 0.0))
        if effect is not None and effect.is_known and not effect.low > 0:
            blind.append(about.label)
        elif gap is not None and gap.is_significant and gap.mean > least:
            by = terms.difference(gap, other)
            differ.append(f"{about.label} puts {ranked[0].scheme} above it ({by})")
        else:
            agree.append(about.label)
    said = []
    if differ:
        said.append(f"The metrics disagree: {'; '.join(differ)}.")
    elif agree:
        said.append(f"{listed(agree)} do{'es' if len(agree) == 1 else ''} not contradict it.")
    if blind:
        said.append(f"{listed(blind)} show{'s' if len(blind) == 1 else ''} no effect of loss.")
    return said


def ranking(summary: Summary, point: int, metric: str) -> list[Cell]:
    """Return the schemes at a point that sent their redundancy, the best mean first.

    The means are over the calls with a score of every scheme, if there are any, so that a scheme does not
    gain by failing on hard calls.
    """
    cells = [
        cell
        for scheme in summary.rivals()
        if (cell := summary.cells.get((point, scheme))) and metric in cell.scores and not cell.is_unsent
    ]
    grid = summary.grid(point, metric)
    together = grid[[cell.scheme for cell in cells]].dropna()
    means = described(metric).sign * (grid.mean() if together.empty else together.mean())
    return sorted(cells, key=lambda cell: -float(means[cell.scheme]))
