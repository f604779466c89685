"""Figures of names that others chose: well-formed, and the names are names."""

from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure

from testbed.figures import STYLE, save

NAMES = ["a\x1b]0;x\x07", "$\\frac{$", "nul\x00", "<b>&", "turn\u202eed"]


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_any_name_can_be_drawn(tmp_path: Path, suffix: str) -> None:
    for turn in ("one", "two"):
        with matplotlib.rc_context(STYLE):
            figure = Figure()
            axes = figure.subplots()
            axes.set_title(NAMES[0])
            axes.set_xticks(range(len(NAMES)), NAMES)
            axes.plot(range(len(NAMES)), label=NAMES[1])
            figure.legend()
            save(figure, tmp_path / f"{turn}{suffix}", dpi=50)
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    if suffix == ".svg":
        shown = "".join(ElementTree.parse(tmp_path / "one.svg").getroot().itertext())
        for name in (r"a\x1b]0;x\x07", "$\\frac{$", r"nul\x00", "<b>&", r"turn\u202eed"):
            assert name in shown
