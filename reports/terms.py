"""Costs, gains and margins of a scheme in words, and the further clips that would decide about it."""

import math
from collections.abc import Sequence

from testbed.choice import FEWEST_CLIPS, Choice
from testbed.metrics import CONVERSATIONAL, described
from testbed.reports.facts import ADAPTIVE
from testbed.reports.intervals import Interval
from testbed.reports.summary import DELAY, Cell, Summary
from testbed.reports.wording import estimate, mean, number
from testbed.words import counted


def wire_kbps(cell: Cell) -> float:
    """Return the bitrate on the wire; inf if every call failed."""
    return cell.costs.get("wire_kbps", math.inf)


def kbps(cell: Cell) -> str:
    """Return ``56.2 kb/s``: the bitrate on the wire."""
    return f"{number(cell.costs.get('wire_kbps'), 1)} kb/s"


def wait_column(summary: Summary, point: int, metric: str) -> str:
    """Return the column of the delay if the receiver adapts or the metric counts it, else of the buffer."""
    has_delay = summary.policies[point] == ADAPTIVE or metric == CONVERSATIONAL
    return DELAY if has_delay else "buffer_needed_ms_max"


def costs(summary: Summary, cell: Cell, metric: str) -> str:
    """Return the bitrate on the wire, and the delay or the repairs' buffer: see `wait_column`."""
    column = wait_column(summary, cell.point, metric)
    said, wait_ms = f"{kbps(cell)} on the wire", cell.costs.get(column)
    if wait_ms is None:
        return said
    if column == DELAY:
        return f"{said} and a delay of {number(wait_ms)} ms from mouth to ear"
    return f"{said} and a buffer of {number(wait_ms)} ms"


def score(value: Interval, metric: str) -> str:
    """Return ``4.56 [4.41 to 4.68]`` with the metric's decimals and unit."""
    about = described(metric)
    return f"{estimate(value, about.decimals)} {about.unit}".rstrip()


def difference(gain: Interval, metric: str) -> str:
    """Return a gain as a difference of scores: negative for a better scheme if lower is better."""
    about = described(metric)
    return f"{estimate(gain.times(about.sign), about.decimals, sign=True)} {about.unit}".rstrip()


def mean_difference(gain: Interval, metric: str) -> str:
    """Return the mean of a gain as a difference of scores, without its interval."""
    about = described(metric)
    return f"{mean(gain.times(about.sign), about.decimals, sign=True)} {about.unit}".rstrip()


def against(summary: Summary, gain: Interval, metric: str) -> str:
    """Return a scheme's difference to the baseline in words."""
    same = "network" if summary.network else "losses"
    if not gain.is_significant:
        return f"{difference(gain, metric)} against {summary.baseline} on the same {same} (not significant)"
    word = "better" if gain.mean > 0 else "worse"
    amount = score(gain.times(1 if gain.mean > 0 else -1), metric)
    return f"{amount} {word} than {summary.baseline} on the same {same}"


def margin(choice: Choice) -> str:
    """Return ``0.1 PLCMOS``."""
    about = described(choice.metric)
    return " ".join(filter(None, (f"{choice.margin:g}", about.unit, about.label)))


def not_shown(choice: Choice) -> str:
    """Return the evidence that is missing for a recommendation, if some schemes are shown to be worse."""
    which = "which of them" if len(choice.running) > 1 else "that it"
    return f"{counted(choice.units, choice.unit)} do not show {which} is within {margin(choice)} of the best"


def nearest(choice: Choice, cells: Sequence[Cell]) -> str | None:
    """Return the scheme that the fewest further clips, or speakers, would show to be as good as the best.

    The cheapest of several; None if no number would.
    """
    found = [(choice.units_needed.get(cell.scheme, math.inf), wire_kbps(cell), cell.scheme) for cell in cells]
    units, _, scheme = min(found, default=(math.inf, 0.0, ""))
    return scheme if math.isfinite(units) else None


def more_units(choice: Choice, scheme: str | None) -> str:
    """Return the sentence about the further clips, or speakers, needed, for a scheme of `nearest`."""
    if scheme is not None:
        more = counted(choice.units_needed[scheme] - choice.units, f"more {choice.unit}")
        return f"About {more} would show whether {scheme} is within {margin(choice)} of the best."
    if choice.units < FEWEST_CLIPS:
        return f"At least {counted(FEWEST_CLIPS - choice.units, f'more {choice.unit}')} would be needed."
    return f"More than 1000 {choice.unit}s would be needed."
