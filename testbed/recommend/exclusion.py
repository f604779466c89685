"""Configurations that were measured and are not possible: over a limit, or without their redundancy."""

from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls
from testbed.recommend.search import Searched

_SLACK = 1.01
"""A mean over a few calls may exceed a limit by this factor."""


def exclusion(calls: CandidateCalls, place: int, limits: RecommendLimits) -> str | None:
    """Return why a measured configuration is not possible; None if it is."""
    kbps, delay_ms = calls.mean(place, "wire_kbps"), calls.mean(place, "mouth_to_ear_ms")
    if kbps > _SLACK * limits.max_kbps:
        return f"more than {limits.max_kbps:g} kb/s on the wire"
    if delay_ms > _SLACK * limits.max_delay_ms:
        return f"more than {limits.max_delay_ms:g} ms from mouth to ear"
    scheme = calls.candidates[place].scheme
    unsent = [
        name
        for name, key, column in (("LBRR", "lbrr", "lbrr_sent"), ("DRED", "dred", "dred_sent_ms"))
        if key in scheme and not calls.mean(place, column) > 0
    ]
    return f"no {' and no '.join(unsent)} sent" if unsent else None


def nothing_possible(calls: CandidateCalls, searched: Searched, limits: RecommendLimits) -> str:
    """Return which limits exclude all configurations, and the nearest that would not."""
    least_kbps = min(calls.mean(place, "wire_kbps") for place in searched.excluded)
    least_ms = min(calls.mean(place, "mouth_to_ear_ms") for place in searched.excluded)
    said = []
    if least_kbps > limits.max_kbps:
        said.append(
            f"--max-kbps {limits.max_kbps:g} excludes everything; the nearest limit is {least_kbps:.1f}"
        )
    if least_ms > limits.max_delay_ms:
        said.append(
            f"--max-delay-ms {limits.max_delay_ms:g} excludes everything; the nearest limit is {least_ms:.0f}"
        )
    if not said:
        said.append(
            f"no configuration keeps both --max-kbps {limits.max_kbps:g} and --max-delay-ms "
            f"{limits.max_delay_ms:g}; raise one of them"
        )
    return "\n".join(said)
