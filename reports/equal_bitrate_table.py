"""The table of schemes at equal bitrate and at equal quality, in words for page, terminal and notebook."""

from collections.abc import Mapping
from dataclasses import dataclass

from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.equal_bitrate import EqualBitrate, at_equal_bitrate
from testbed.reports.intervals import Interval
from testbed.reports.rate_curve import Difference
from testbed.reports.summary import Summary
from testbed.reports.wording import estimate, listed, number

ABOUT = (
    "Differences to the baseline are means over what both curves share, over the logarithm of the bitrate on "
    "the wire (Bjøntegaard deltas)."
)


@dataclass(frozen=True)
class EqualBitrateTable:
    """One table.

    Attributes
    ----------
    title
        The metric, and the other swept values.
    headings, rows
        Texts; the first column has the scheme.
    notes
        Why cells are empty, a sentence each.
    points
        The points along the curves.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    points: tuple[int, ...]


def equal_bitrate_tables(summary: Summary, metric: str | None) -> list[EqualBitrateTable]:
    """Return the tables of a metric; none unless four bitrates of the speech or more are swept."""
    if metric is None:
        return []
    return [_table(each, summary) for each in at_equal_bitrate(summary, metric)]


def _table(compared: EqualBitrate, summary: Summary) -> EqualBitrateTable:
    judge = described(compared.metric)
    at = f" at {labels.point(compared.at)}" if compared.at else ""
    headings = (
        "Scheme",
        f"Bitrate at equal {judge.label}",
        f"{judge.heading} at equal bitrate",
        f"{judge.label} at {number(compared.at_kbps)} kb/s",
    )
    rows = []
    for each in compared.schemes:
        score = "–" if each.score is None else estimate(each.score, judge.decimals)
        rows.append((each.scheme, _percent(each.bitrate.value), _gain(each.quality.value, compared), score))
    others = [each for each in compared.schemes if each.scheme != summary.baseline]
    said = [
        *_reasons(f"bitrate at equal {judge.label}", {each.scheme: each.bitrate for each in others}),
        *_reasons(f"{judge.label} at equal bitrate", {each.scheme: each.quality for each in others}),
    ]
    short = [each.scheme for each in compared.schemes if each.score is None]
    if short:
        said.append(f"{number(compared.at_kbps)} kb/s is beyond the bitrates of {listed(short)}.")
    return EqualBitrateTable(f"{judge.label}{at}", headings, tuple(rows), tuple(said), compared.points)


def _reasons(what: str, differences: Mapping[str, Difference]) -> list[str]:
    """Return a sentence for each reason, with the schemes that have it."""
    schemes: dict[str, list[str]] = {}
    for scheme, difference in differences.items():
        if difference.value is None:
            schemes.setdefault(difference.reason, []).append(scheme)
    return [f"No {what} is known for {listed(names)}: {reason}." for reason, names in schemes.items()]


def _percent(value: Interval | None) -> str:
    if value is None:
        return "–"
    mean, low, high = (number(each, 0, 100, sign=True) for each in (value.mean, value.low, value.high))
    return f"{mean} % [{low} to {high} %]" if value.is_known else f"{mean} %"


def _gain(value: Interval | None, compared: EqualBitrate) -> str:
    judge = described(compared.metric)
    return "–" if value is None else estimate(value.times(judge.sign), judge.decimals, sign=True)
