"""Sentences of a point at which no scheme is recommended."""

from testbed.choice import FEWEST_CLIPS, Choice
from testbed.metrics import described
from testbed.reports import terms
from testbed.reports.summary import Cell, Summary
from testbed.reports.verdict import Verdict
from testbed.reports.wording import listed
from testbed.words import counted


def no_effect(summary: Summary, point: int, choice: Choice, verdict: Verdict) -> list[str]:
    """Return the sentences of calls that show no effect of loss."""
    without_loss = is_without_loss(summary, point)
    said = ["These calls show no effect of loss, so they cannot rank the schemes."]
    if choice.units < FEWEST_CLIPS and not without_loss:
        said = unranked(summary, point, choice)
    by = {
        name: f"{described(name).label} by {terms.difference(effect, name)}"
        for name, effect in verdict.effects.items()
    }
    worse = [text for name, text in by.items() if verdict.effects[name].high < 0]
    if differences := [text for text in by.values() if text not in worse]:
        said.append(f"No loss and {summary.baseline} differ in {listed(differences)}: not significant.")
    if worse:
        said.append(f"No loss scores worse than {summary.baseline}, in {listed(worse)}.")
    return [*said, "No packet was lost or late."] if without_loss else said


def is_without_loss(summary: Summary, point: int) -> bool:
    """Return whether no packet of the baseline was lost or late."""
    baseline = summary.cells.get((point, summary.baseline or ""))
    return baseline is not None and baseline.costs.get("packet_loss") == 0 and not baseline.shares.get("late")


def single(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return the sentences of a point with one scheme to judge, or none."""
    if not choice.ranked:
        return ["No scheme was scored in half of the calls, so there is no ranking."]
    cell = summary.cells[point, choice.ranked[0]]
    unsent = [scheme for at, scheme in summary.cells if at == point and summary.cells[at, scheme].is_unsent]
    score = cell.scores[choice.metric]
    scored = (
        f"{described(choice.metric).label} {terms.score(score, choice.metric)}, "
        f"the mean of {counted(score.pairs, 'call')}"
    )
    if unsent:
        lead = f"There is nothing to compare with {cell.scheme}: {listed(unsent)} sent no redundancy."
        said = [lead, f"{cell.scheme}: {scored}, for {terms.costs(summary, cell, choice.metric)}."]
        return [*said, "No packet was lost or late."] if is_without_loss(summary, point) else said
    what = "of this run" if len(summary.rivals()) == 1 else "that can be judged here"
    costs = terms.costs(summary, cell, choice.metric)
    return [f"{cell.scheme} is the only scheme {what}: {scored}, for {costs}."]


def unranked(summary: Summary, point: int, choice: Choice) -> list[str]:
    """Return the sentences of calls that show no scheme to be as good as the best."""
    several = f"These {choice.units} {choice.unit}s" if choice.units else "These calls"
    these = f"One {choice.unit}" if choice.units == 1 else several
    if not choice.units:
        said = [f"{these} cannot rank the schemes: none has a score of every scheme."]
    elif choice.units < FEWEST_CLIPS:
        least = counted(FEWEST_CLIPS, choice.unit)
        said = [f"{these} cannot rank the schemes: a recommendation needs at least {least}."]
    elif choice.has_order:
        said = [f"Probably {listed([*choice.running], 'or')}: {terms.not_shown(choice)}."]
    else:
        why = f"no difference in {described(choice.metric).label} between them is significant"
        said = [f"{these} cannot rank the schemes: {why}."]
    nearest = terms.nearest(choice, [summary.cells[point, name] for name in choice.ranked])
    if choice.units == 1 and choice.unit == "clip":
        said.append(_on_this_clip(summary, summary.cells[point, choice.ranked[0]], choice.metric))
    if choice.units:
        said.append(terms.more_units(choice, nearest))
    if nearest is not None:
        cell = summary.cells[point, nearest]
        gain = cell.gains.get(choice.metric)
        if gain is not None and gain.is_significant:
            said.append(
                f"{nearest} is {terms.against(summary, gain, choice.metric)}, "
                f"for {terms.costs(summary, cell, choice.metric)}."
            )
    return said


def _on_this_clip(summary: Summary, cell: Cell, metric: str) -> str:
    """Return the sentence about the scheme with the best mean on the only clip."""
    gain = cell.gains.get(metric)
    against = f", {terms.against(summary, gain, metric)}" if gain is not None and gain.is_significant else ""
    judge = described(metric)
    return (
        f"On this clip {cell.scheme} has the {judge.best} mean, {judge.label} "
        f"{terms.score(cell.scores[metric], metric)}{against}; on others it may be another scheme."
    )
