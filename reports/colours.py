"""One colour per scheme, the same on the whole page and in every plot."""

from collections.abc import Sequence

# Okabe and Ito's colours, less the yellow that white paper swallows, then Tol's: for the colour-blind too.
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


def colours(schemes: Sequence[str], ceiling: str | None) -> dict[str, str]:
    """Return the colour of each scheme, by its place among those that meet loss."""
    rivals = [scheme for scheme in schemes if scheme != ceiling]
    chosen = {scheme: PALETTE[index % len(PALETTE)] for index, scheme in enumerate(rivals)}
    return chosen if ceiling is None else {ceiling: CEILING_COLOUR} | chosen
