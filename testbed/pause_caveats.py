"""Where DTX was asked for: whether there was a pause at all, and whether all schemes had the same."""

from typing import TYPE_CHECKING

from testbed.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd

_ALIKE = 0.9
"""Schemes whose pauses differ by less are not told of."""
_NONE = (
    "no packet was left out. libopus begins a pause after 200 ms without voice; in CELT mode, at "
    "codec.complexity below 7, only in digital silence"
)
_UNLIKE = (
    "of the same speech one scheme left out {} packets, another {}: a loss does not hit the same frames in "
    "all schemes"
)


def pause_caveats(whole: Plan, table: "pd.DataFrame") -> list[str]:
    """Return what must be said of the pauses in a run, once for all points alike.

    Parameters
    ----------
    whole
        What was to be done.
    table
        A row for each call that was.
    """
    said: dict[str, str] = {}
    for point in whole.points:
        rows = table[(table["point"] == point.index) & table["frames"].notna()]
        if rows.empty or not point.scenario.codec.omits_pauses:
            continue
        schemes = rows["scheme"].nunique()
        pauses = rows.groupby("clip")["frames_dtx"].agg(["min", "max"]).sum()
        at = ", ".join(f"{key} = {value}" for key, value in point.parameters.items())
        where = f"{at}: codec.dtx: " if at else "codec.dtx: "
        if not pauses["max"]:
            said.setdefault("none", where + _NONE)
        elif not point.scenario.is_closed_loop and schemes > 1 and pauses["min"] < _ALIKE * pauses["max"]:
            said.setdefault("unlike", where + _UNLIKE.format(int(pauses["min"]), int(pauses["max"])))
    return list(said.values())
