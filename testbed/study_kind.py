"""The two kinds of study: studies of calls and studies of flows, and the rows of their tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StudyKind:
    """A kind of study.

    Attributes
    ----------
    name
        ``"calls"`` or ``"flows"``, as in the manifest.
    row
        Subject of a row of the table: ``"call"`` or ``"flow"``.
    subject
        Column of the items that the study compares.
    units
        Columns of the random units of a mean, the outer one first: a clip and then its channel, or a
        realization and then its flows.
    text_columns
        Columns of text that every table has.
    rate_columns
        Columns of numbers that every table has; NaN in the row of a failure.
    has_schemes
        Whether the study compares schemes, and so has an answer and calls to repeat.
    """

    name: str
    row: str
    subject: str
    units: tuple[str, str]
    text_columns: tuple[str, ...]
    rate_columns: tuple[str, ...]
    has_schemes: bool

    def is_failure(self, table: "pd.DataFrame") -> bool:
        """Return True if all rows of a table are those of failures."""
        column = self.rate_columns[0]
        return column not in table or bool(table[column].isna().all())


CALLS = StudyKind(
    name="calls",
    row="call",
    subject="scheme",
    units=("clip", "realization"),
    text_columns=("scheme", "clip", "error"),
    rate_columns=("payload_kbps", "wire_kbps"),
    has_schemes=True,
)
FLOWS = StudyKind(
    name="flows",
    row="flow",
    subject="flow",
    units=("realization", "flow"),
    text_columns=("flow", "direction", "kind", "error"),
    rate_columns=("received_kbps",),
    has_schemes=False,
)


def kind_of(manifest: Mapping[str, Any]) -> StudyKind:
    """Return the kind of the study that wrote a manifest."""
    return FLOWS if manifest.get("kind") == FLOWS.name else CALLS
