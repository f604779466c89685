"""A matplotlib figure that a notebook shows."""

from io import BytesIO

import matplotlib
from matplotlib.figure import Figure

from testbed.figures import STYLE

_DPI = 90


class InlineFigure(Figure):
    """A figure that a notebook shows without pyplot, and that needs no closing."""

    def _repr_png_(self) -> bytes:
        """Return the picture; notebooks call this."""
        picture = BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(picture, format="png", dpi=_DPI)
        return picture.getvalue()
