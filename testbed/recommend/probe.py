"""A probe: the facts about a network that the grid follows from, by a few calls without scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from testbed.channels.stage import capacity_kbps
from testbed.plan import known_loss, stages
from testbed.recommend.candidates import Candidate, NetworkFacts
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls, Execution, Report

_CALLS = 4
_LEAST_KBPS, _MOST_KBPS = 6.0, 32.0
_SECONDS = 10.0
"""Length of a call, over which the mean rate of a link counts."""


def network_facts(
    base: Mapping[str, Any], limits: RecommendLimits, execution: Execution, report: Report
) -> tuple[NetworkFacts, int]:
    """Return the facts about a network, partly from a few calls without scores, and the number of calls."""
    delay = {"policy": "fixed", "delay_ms": limits.max_delay_ms}
    plain = {key: value for key, value in base["codec"].items() if key not in ("bitrate_kbps", "total_kbps")}
    probe_kbps = max(_LEAST_KBPS, min(limits.max_kbps / 2, _MOST_KBPS))
    probe = Candidate({**plain, "total_kbps": probe_kbps, "expected_loss": 0.0}, {"neural_plc": {}}, delay)
    calls = CandidateCalls({**base, "metrics": []}, [probe], execution, report)
    number = min(_CALLS, calls.calls)
    calls.make([0], number, "a probe of the network")
    lost, late, frames, least_ms = (
        calls.column([0], number, name)[:, 0]
        for name in ("packet_loss", "frames_late", "frames", "delay_ms_min")
    )
    scenario = calls.scenario_at(0)
    channel = stages(scenario.channel)
    capacity = capacity_kbps(channel, 1000 * _SECONDS, scenario.folder)
    stated = known_loss(scenario)  # without that of a link's queue
    is_known = stated > 0 and np.isinf(capacity)
    loss = (stated if is_known else float(np.nanmean(lost))) + float(np.nansum(late) / np.nansum(frames))
    least = float(np.nanmax(least_ms)) if np.isfinite(least_ms).any() else 0.0
    return NetworkFacts(min(1.0, loss), least, capacity), calls.made
