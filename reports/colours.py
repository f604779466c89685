"""Colours: one per scheme and one per part of a bar, the same on the whole page and in every figure."""

from collections.abc import Sequence

# Okabe and Ito's colours without yellow, which is faint on white, then Tol's: for the colour-blind, too.
PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#332288",
    "#56b4e9",
    "#882255",
    "#999933",
    "#44aa99",
    "#8c564b",
    "#5d3a9b",
    "#aa4499",
    "#6b7280",
)
CEILING_COLOUR = "#30363d"
PARTS = {
    "primary": ("its own packet", "#9aa7b5"),
    "speech": ("speech", "#57606a"),
    "red": ("RED copy", "#56b4e9"),
    "lbrr": ("LBRR", "#0072b2"),
    "dred": ("DRED", "#009e73"),
    "plc": ("concealed (PLC)", "#d55e00"),
    "dtx": ("pause, not sent (DTX)", "#e3e8ed"),
    "late": ("late", "#e69f00"),
    "headers": ("headers (RTP, UDP, IPv4)", "#8c959f"),
    "lost": ("lost", "#1c2128"),
    "arrived": ("arrived in time", "#d0d7de"),
}
"""Label and colour of the parts of a bar or a strip: grey for the usual case, colours for repairs, and the
most conspicuous ones for concealment and loss."""


def colours(schemes: Sequence[str], ceiling: str | None) -> dict[str, str]:
    """Return the colour of each scheme, by its place among those that meet loss."""
    rivals = [scheme for scheme in schemes if scheme != ceiling]
    chosen = {scheme: PALETTE[index % len(PALETTE)] for index, scheme in enumerate(rivals)}
    return chosen if ceiling is None else {ceiling: CEILING_COLOUR} | chosen
