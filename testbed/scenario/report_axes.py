"""The key ``report`` of a scenario: the axes that the report's figure of quality begins with."""

from collections.abc import Collection, Iterator

from testbed.columns import MEASURED, names
from testbed.parameters import Parameters
from testbed.words import suggestion


class ReportAxes(Parameters):
    """Axes that the report's figure of quality begins with; rows do not depend on them.

    Attributes
    ----------
    x
        A swept key, or a measured column such as ``wire_kbps``.
    y
        A metric, or a measured column; default: the metric that judges the run.
    lines
        A swept key whose values get solid, dashed and dotted lines.
    facet
        A swept key whose values get a panel each.
    """

    x: str | None = None
    y: str | None = None
    lines: str | None = None
    facet: str | None = None

    def problems(self, swept: Collection[str], metrics: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield each key that names nothing of the run, and the reason."""
        measured = names(MEASURED)
        known = {
            "x": ("no swept key and no measured column", [*swept, *measured]),
            "y": ("no metric of this scenario and no measured column", [*metrics, *measured]),
            "lines": ("not swept", [*swept]),
            "facet": ("not swept", [*swept]),
        }
        for key, (reason, valid) in known.items():
            name = getattr(self, key)
            if name is not None and name not in valid:
                yield key, f"{name} is {reason}{suggestion(name, valid)}"
