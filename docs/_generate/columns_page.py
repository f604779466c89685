"""The reference of the results' columns, from their declarations."""

from collections.abc import Iterable

from page_text import table

from testbed.columns import ERROR, IDENTITY, MEASURED, TIMINGS, Column
from testbed.flows import columns as flows

INTRODUCTION = """# Columns

`results.parquet` has one row per call: one point of the sweep, scheme, clip and realization. `testbed plot`
draws any column against any other. After the identity of the call come its swept parameters, each under its
dotted key (`channel.loss.rate`); after the measurements come the scenario's [metrics](metrics.md). A value
that cannot be known is NaN, and `error` says why.

"""


def columns_page() -> str:
    """Return the page, as Markdown."""
    groups = {
        "Identity": IDENTITY,
        "Measurements": MEASURED,
        "Processor time": TIMINGS,
        "Errors": (ERROR,),
        "Flow studies": (*flows.IDENTITY, *flows.MEASURED),
    }
    return INTRODUCTION + "\n".join(f"## {title}\n\n{_table(columns)}" for title, columns in groups.items())


def _table(columns: Iterable[Column]) -> str:
    rows = [(f"`{each.name}`", each.unit, each.about) for each in columns]
    return table(("column", "unit", "meaning"), rows)
