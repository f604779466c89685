"""Why a run with ``--until-ci`` ended, and how much it used, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.wording import listed, number
from testbed.words import counted


def stopped(manifest: Mapping[str, Any], points: Sequence[dict[str, Any]]) -> list[str]:
    """Return the sentences about the rounds of a run; none for a run with all its calls.

    Parameters
    ----------
    points
        The swept values of every point.
    """
    rule = manifest.get("until_ci") or {}
    if not rule.get("rounds"):
        return []
    last, target = rule["rounds"][-1], f"±{rule['half_width']:g}"
    used = f"{_of(last['clips'], rule['clips'], 'clip')} and "
    used += _of(last["realizations"], rule["realizations"], "realization")
    share = last["clips"] * last["realizations"] / (rule["clips"] * rule["realizations"])
    said = f"after {used}, {number(share, 0, 100)} % of the calls, in {counted(len(rule['rounds']), 'round')}"
    match last["ending"]:
        case "narrow":
            return [f"Stopped {said}. Every headline difference is known to {target}, as asked."]
        case "floor":
            lowest = f"{_widest(last, points)}, and {_floor(last, target)}"
            return [f"Stopped {said}. {lowest}", _needed(last, target)]
        case "most":
            return [f"Ended {said}. {_widest(last, points)}, not to {target}.", _needed(last, target)]
    return [f"Not yet ended {said}. {_widest(last, points)}; {target} is asked for."]


def _of(used: int, most: int, what: str) -> str:
    """Return ``6 of at most 24 realizations``."""
    return f"all of {counted(most, what)}" if used == most else f"{used} of at most {counted(most, what)}"


def _widest(last: Mapping[str, Any], points: Sequence[dict[str, Any]]) -> str:
    """Return how well the headline difference with the widest interval is known."""
    if last["point"] is None or last["point"] >= len(points):
        return "No headline difference is known"
    judge = described(last["metric"])
    swept = {name: points[last["point"]][name] for name in labels.telling(points)}
    at = f" at {labels.point(swept)}" if len(points) > 1 else ""
    what = f"{judge.label} of {last['scheme']} against {last['other']}{at}"
    if last["half_width"] is None:
        return f"{what} has no interval"
    return f"{what} is known to ±{number(last['half_width'], judge.decimals)}"


def _floor(last: Mapping[str, Any], target: str) -> str:
    decimals = described(last["metric"]).decimals
    floor, low, high = (number(last[name], decimals) for name in ("floor", "floor_low", "floor_high"))
    return (
        f"realizations cannot make it {target}: with these {counted(last['units'], last['unit'])} "
        f"no number of them goes below ±{floor} [{low} to {high}]."
    )


def _needed(last: Mapping[str, Any], target: str) -> str:
    """Return the further clips, or speakers, or the realizations that would do."""
    found = []
    if last.get("realizations_needed") is not None and last["ending"] == "most":
        found.append(counted(last["realizations_needed"], "realization"))
    if last["units_needed"] is not None:
        found.append(counted(max(1, last["units_needed"] - last["units"]), f"more {last['unit']}"))
    if not found:
        return f"More than 1000 {last['unit']}s would be needed for {target}."
    return f"About {listed(found, 'or')} would do for {target}."
