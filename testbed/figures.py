"""Style and output of figures: reproducible files, in which names are plain text."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.escaping import printable
from testbed.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "testbed",
    "font.size": 10,
    "text.parse_math": False,
}
"""matplotlib's settings, for `matplotlib.rc_context`; text between dollar signs is not a formula."""
_DATES = {".png": "Creation Time", ".pdf": "CreationDate"}


def save(figure: "Figure", path: Path, dpi: int) -> None:
    """Write a figure in the format of its suffix, without a date; characters forbidden in XML are escaped."""
    import matplotlib

    suffix = path.suffix.lower()
    with written_whole(path) as temporary, matplotlib.rc_context(STYLE):
        figure.savefig(temporary, dpi=dpi, metadata={_DATES.get(suffix, "Date"): None})
        if suffix == ".svg":
            temporary.write_text(printable(temporary.read_text("utf-8")), "utf-8")
