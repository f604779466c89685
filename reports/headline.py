"""What a run says, in sentences that can be pasted into a mail."""

import math

from testbed.reports import labels
from testbed.reports.intervals import Interval
from testbed.reports.summary import CEILING, Cell, Summary

_FAVOURITES = ("plcmos", "pesq_wb", "estoi")


def judge(summary: Summary) -> str | None:
    """Return the metric that the headline goes by."""
    for name in (*_FAVOURITES, *summary.metrics):
        if name in summary.metrics:
            return name
    return None


def best(summary: Summary, point: int, metric: str) -> Cell | None:
    """Return the scheme with the highest mean at a point, the ceiling aside."""
    ranked = ranking(summary, point, metric)
    return ranked[0] if ranked else None


def ranking(summary: Summary, point: int, metric: str) -> list[Cell]:
    """Return the schemes at a point, the highest mean first, the ceiling aside.

    The means are over the calls on which every scheme was scored, if there are any: a scheme that failed
    where calls are hard must not win by it.
    """
    cells = [
        cell
        for scheme in summary.rivals()
        if (cell := summary.cells.get((point, scheme))) and metric in cell.scores
    ]
    grid = summary.grid(point, metric)
    together = grid[[cell.scheme for cell in cells]].dropna()
    means = grid.mean() if together.empty else together.mean()
    return sorted(cells, key=lambda cell: -float(means[cell.scheme]))


def sentences(summary: Summary, point: int) -> list[str]:
    """Return the answer at one point: who is best, by how much, at what cost, and who is as good for less."""
    metric = judge(summary)
    if metric is None or (winner := best(summary, point, metric)) is None:
        return ["No call of this run could be scored, so there is no ranking; see the failed rows below."]
    score = winner.scores[metric]
    second = next(iter(ranking(summary, point, metric)[1:]), None)
    gap = None
    if second is not None:
        gap = summary.difference(summary.grid(point, metric), winner.scheme, second.scheme)
    is_first = gap is not None and known(gap) and gap.low > 0
    verdict = "sounds best" if is_first else "scores highest"
    if len(summary.rivals()) == 1:
        verdict = "is the only scheme of this run"
    said = [
        f"{winner.scheme} {verdict}: {labels.short(metric)} {shown(score, labels.places(metric))}, "
        f"the mean of {calls(score.pairs)}."
    ]
    said += _against_plain(summary, winner, metric)
    said += _against_ceiling(summary, winner, metric)
    as_good = _as_good(summary, winner, metric)
    if second is not None and not is_first and not any(second.scheme in sentence for sentence in as_good):
        difference = "" if gap is None else f" ({shown(gap, labels.places(metric), sign=True)})"
        said.append(f"These calls cannot tell it from {second.scheme}{difference}.")
    said += as_good
    said += _other_metrics(summary, winner, metric)
    return said


def known(value: Interval) -> bool:
    """Whether there were enough calls for an interval."""
    return math.isfinite(value.low) and math.isfinite(value.high)


def mean(value: Interval, places: int = 2, sign: bool = False) -> str:
    """Return ``4.56``, with a plus sign where asked."""
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
    return f"{number} call{'' if number == 1 else 's'}"


def cost(cell: Cell) -> str:
    """Return what a scheme takes on the wire and in payload."""
    parts = []
    if "wire_kbps" in cell.costs:
        parts.append(f"{cell.costs['wire_kbps']:.1f} kb/s on the wire")
    if "payload_kbps" in cell.costs:
        parts.append(f"{cell.costs['payload_kbps']:.1f} kb/s of payload")
    return " and ".join(parts) if parts else "an unmeasured bitrate"


def _against_plain(summary: Summary, winner: Cell, metric: str) -> list[str]:
    plain = summary.cells.get((winner.point, summary.plain or ""))
    if plain is None or metric not in plain.scores:
        return [f"It takes {cost(winner)}."]
    if winner.scheme == plain.scheme:
        return [f"It is the plain choice itself, and takes {cost(winner)}."]
    text = f"It takes {cost(winner)}, where the plain choice ({plain.scheme}) takes {cost(plain)}"
    gain = winner.gains.get(metric)
    if gain is None:
        return [text + "."]
    sure = "" if _clear(gain) else ", a difference that these calls cannot tell from none"
    places = labels.places(metric)
    return [
        f"Against {plain.scheme} ({mean(plain.scores[metric], places)}) on the same loss that is "
        f"{shown(gain, places, sign=True)}{sure}.",
        text + ".",
    ]


def _against_ceiling(summary: Summary, winner: Cell, metric: str) -> list[str]:
    ceiling = summary.cells.get((winner.point, CEILING))
    if ceiling is None or metric not in ceiling.scores:
        return []
    text = f"With no loss the same speech scores {shown(ceiling.scores[metric], labels.places(metric))}"
    if (share := winner.repaired.get(metric)) is not None:
        text += f", so {winner.scheme} repairs {percent(share)} of what loss takes from {summary.plain}"
    return [text + "."]


def _as_good(summary: Summary, winner: Cell, metric: str) -> list[str]:
    """Name the cheapest scheme that the calls tell from the plain choice, but not from the winner."""
    grid = summary.grid(winner.point, metric)
    candidates = []
    for scheme in summary.rivals():
        cell = summary.cells.get((winner.point, scheme))
        if cell is None or scheme == winner.scheme or scheme not in grid:
            continue
        saved = winner.costs.get("wire_kbps", 0) - cell.costs.get("wire_kbps", 0)
        gap = summary.difference(grid, scheme, winner.scheme)
        gain = cell.gains.get(metric)
        worth_it = gain is not None and known(gain) and gain.low > 0
        if worth_it and saved > 0.05 and gap is not None and known(gap) and not _clear(gap):
            candidates.append((saved, scheme, gap))
    if not candidates:
        return []
    saved, scheme, gap = max(candidates)
    return [
        f"These calls cannot tell {scheme} from it ({shown(gap, labels.places(metric), sign=True)}), "
        f"and {scheme} takes {saved:.1f} kb/s less on the wire."
    ]


def _other_metrics(summary: Summary, winner: Cell, metric: str) -> list[str]:
    agree, differ = [], []
    for other in summary.metrics:
        if other == metric or (first := best(summary, winner.point, other)) is None:
            continue
        if first.scheme == winner.scheme:
            agree.append(labels.short(other))
        else:
            score = shown(first.scores[other], labels.places(other))
            differ.append(f"{labels.short(other)} puts {first.scheme} first ({score})")
    said = []
    if agree and len(summary.rivals()) > 1:
        said.append(f"{' and '.join(agree)} put{'s' if len(agree) == 1 else ''} the same scheme first.")
    if differ:
        said.append("The metrics disagree: " + "; ".join(differ) + ".")
    return said


def _clear(gap: Interval) -> bool:
    return not (known(gap) and gap.low <= 0 <= gap.high)
