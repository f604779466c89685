"""Warnings about DTX: no pause at all, or different pauses in the schemes."""

from typing import TYPE_CHECKING

from testbed.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

_SAME = 0.9
"""Ratio of the shortest pauses to the longest, by scheme, above which they count as the same."""
_NONE = (
    "no packet was left out. libopus begins a pause after 200 ms without voice; in CELT mode, at "
    "codec.complexity below 7, only in digital silence"
)
_UNLIKE = (
    "one scheme left out {} packets, another {} of the same speech: a loss does not hit the same frames in "
    "all schemes"
)


def pause_caveats(plan: Plan, table: "pd.DataFrame") -> list[str]:
    """Return the warnings about pauses, each for the first point only.

    Parameters
    ----------
    plan
        The plan of all calls.
    table
        One row per call made.
    """
    said: dict[str, str] = {}
    for point in plan.points:
        rows = table[(table["point"] == point.index) & table["frames"].notna()]
        if rows.empty or not point.scenario.codec.omits_pauses:
            continue
        schemes = rows["scheme"].nunique()
        pauses = rows.groupby("clip")["frames_dtx"].agg(["min", "max"]).sum()
        at = ", ".join(f"{key} = {value}" for key, value in point.parameters.items())
        where = f"{at}: codec.dtx: " if at else "codec.dtx: "
        if not pauses["max"]:
            said.setdefault("none", where + _NONE)
        elif not point.scenario.is_closed_loop and schemes > 1 and pauses["min"] < _SAME * pauses["max"]:
            said.setdefault("unlike", where + _UNLIKE.format(int(pauses["min"]), int(pauses["max"])))
    return list(said.values())
