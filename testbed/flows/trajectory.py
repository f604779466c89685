"""Time series of a flow: rates, queueing delay and loss in bins of 100 ms."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.flows.cross_traffic import CrossTrafficLog
from testbed.flows.log import FlowLog
from testbed.flows.simulate import BIN_MS
from testbed.timeline import NEVER

Series = dict[str, NDArray[Any]]
BIN_S = BIN_MS / 1000
_BIN_NS = BIN_MS * 1_000_000


def trajectory(log: FlowLog, bins: int, capacity: Callable[[float], float]) -> Series:
    """Return a flow's time series.

    Parameters
    ----------
    bins
        Number of bins; later packets are left out.
    capacity
        The capacity of the flow's direction at a time in s.

    Returns
    -------
    The columns of `testbed.flows.columns.TRAJECTORY`, by name, (bins,) each.
    """
    sent_ns = np.array(log.sent_ns, np.int64)
    size = np.array(log.size_bytes, np.float64)
    arrived_ns = np.array(log.arrived_ns, np.int64)
    there = arrived_ns != NEVER
    time_s = np.arange(bins) * BIN_S
    sent = _count(sent_ns, None, bins)
    lost = _count(sent_ns[~there], None, bins)
    arrivals = _count(arrived_ns[there], None, bins)
    waited = _count(arrived_ns[there], np.array(log.queue_ns, np.float64)[there] / 1e6, bins)
    targets = np.array(log.targets, np.float64).reshape(-1, 2)
    asked = _count(targets[:, 0].astype(np.int64), None, bins)
    wanted = _count(targets[:, 0].astype(np.int64), targets[:, 1], bins)
    return {
        "time_s": time_s,
        "capacity_kbps": np.array([capacity(at) for at in time_s.tolist()]),
        "target_kbps": _ratio(wanted, asked),
        "sent_kbps": _count(sent_ns, size, bins) * 8 / BIN_MS,
        "received_kbps": _count(arrived_ns[there], size[there], bins) * 8 / BIN_MS,
        "queue_ms": _ratio(waited, arrivals),
        "loss": _ratio(lost, sent),
    }


def cross_traffic_trajectory(log: CrossTrafficLog, bins: int, capacity: Callable[[float], float]) -> Series:
    """Return the time series of cross traffic, whose queueing delay and target are NaN.

    Its `loss` is the share of dropped packets among those delivered or dropped in the bin.
    """
    kbps = 8 * log.packet_bytes / BIN_MS
    sent, delivered, dropped = (
        np.diff(np.array(counts[:bins], np.float64), prepend=0.0)
        for counts in (log.sent, log.delivered, log.dropped)
    )
    time_s = np.arange(bins) * BIN_S
    unknown = np.full(bins, np.nan)
    return {
        "time_s": time_s,
        "capacity_kbps": np.array([capacity(at) for at in time_s.tolist()]),
        "target_kbps": unknown,
        "sent_kbps": sent * kbps,
        "received_kbps": delivered * kbps,
        "queue_ms": unknown,
        "loss": _ratio(dropped, dropped + delivered),
    }


def _count(
    times_ns: NDArray[np.int64], weights: NDArray[np.float64] | None, bins: int
) -> NDArray[np.float64]:
    index = times_ns // _BIN_NS
    inside = index < bins
    counted: NDArray[np.float64] = np.bincount(
        index[inside], None if weights is None else weights[inside], minlength=bins
    ).astype(np.float64)
    return counted


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
