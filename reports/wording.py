"""Numbers, intervals and lists as text."""

import math
import re
from collections.abc import Sequence
from numbers import Real
from typing import Any

from testbed.columns import Column
from testbed.reports.intervals import Interval

_UNIT = re.compile(r"(?<=\d) (?=%|kb/s\b|ms\b)")


def number(value: Any, decimals: int = 0, factor: float = 1.0, sign: bool = False) -> str:
    """Return ``−0.01`` with a true minus, and a plus if `sign` is set; ``–`` for an unknown value."""
    if not isinstance(value, Real) or not math.isfinite(value):
        return "–"
    return f"{factor * float(value):{'+' if sign else ''}z.{decimals}f}".replace("-", "−")


def cell(value: Any, column: Column) -> str:
    """Return a value with the decimals of its column; shares and seconds with their unit: ``12.5 %``."""
    if column.unit == "share":
        return f"{number(value, max(0, column.decimals - 2), 100)} %"
    return f"{number(value, column.decimals)}{' s' if column.unit == 's' else ''}"


def mean(value: Interval, decimals: int = 2, sign: bool = False) -> str:
    """Return ``4.56``, with a plus sign if `sign` is set."""
    return number(value.mean, decimals, sign=sign)


def limits(value: Interval, decimals: int = 2, sign: bool = False) -> str:
    """Return ``4.41 to 4.68``."""
    low, high = (number(end, decimals, sign=sign) for end in (value.low, value.high))
    return f"{low} to {high}"


def estimate(value: Interval, decimals: int = 2, sign: bool = False) -> str:
    """Return ``4.56 [4.41 to 4.68]``, without brackets if the interval is not known."""
    text = mean(value, decimals, sign)
    return f"{text} [{limits(value, decimals, sign)}]" if value.is_known else text


def percent(value: Interval) -> str:
    """Return ``81 % [74 to 88 %]``."""
    mean, low, high = (number(part, 0, 100) for part in (value.mean, value.low, value.high))
    return f"{mean} % [{low} to {high} %]" if value.is_known else f"{mean} %"


def unbroken(text: str) -> str:
    """Return a text whose numbers stay with their units at the end of a line."""
    return _UNIT.sub("\u00a0", text)


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""
