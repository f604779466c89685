"""Why a run with ``--until-ci`` ended, and how much it used, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.wording import number
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
    used = (
        f"{last['clips']} of at most {counted(rule['clips'], 'clip')} and {last['realizations']} of at most "
        f"{counted(rule['realizations'], 'realization')}"
    )
    share = last["clips"] * last["realizations"] / (rule["clips"] * rule["realizations"])
    rounds = counted(len(rule["rounds"]), "round")
    said = f"after {used}, in {rounds}: {number(share, 0, 100)} % of the calls"
    match last["ending"]:
        case "narrow":
            return [f"Stopped {said}. Every headline difference is known to {target}, as asked."]
        case "floor":
            return [
                f"Stopped {said}. {_widest(last, points)}, and {_floor(last, target)}",
                _needed(last, target),
            ]
        case "most":
            return [f"Ended {said}. {_widest(last, points)}, not to {target}.", _needed(last, target)]
    return [f"Not yet ended {said}. {_widest(last, points)}; {target} is asked for."]


def _widest(last: Mapping[str, Any], points: Sequence[dict[str, Any]]) -> str:
    """Return how well the headline difference with the widest interval is known."""
    if last["point"] is None:
        return "No headline difference is known"
    judge = described(last["metric"])
    at = f" at {labels.point(points[last['point']])}" if len(points) > 1 else ""
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
    if last["units_needed"] is None:
        return f"More than 1000 {last['unit']}s would be needed for {target}."
    more = counted(max(1, last["units_needed"] - last["units"]), f"more {last['unit']}")
    return f"About {more} would do for {target}."
