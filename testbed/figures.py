"""How figures are drawn and written: the same figure gives the same file, and names in it are only names."""

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
"""matplotlib's settings, for `matplotlib.rc_context`; text between dollar signs is no formula."""
_DATES = {".png": "Creation Time", ".pdf": "CreationDate"}


def save(figure: "Figure", path: Path, dpi: int) -> None:
    """Write a figure without its date, as its suffix says; an SVG holds nothing that XML forbids."""
    suffix = path.suffix.lower()
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={_DATES.get(suffix, "Date"): None})
        if suffix == ".svg":
            temporary.write_text(printable(temporary.read_text("utf-8")), "utf-8")
