"""A bottleneck driven packet by packet in a plain loop: link, queue, real RTCP on the way back."""

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pytest

from testbed.congestion.history import SentHistory
from testbed.congestion.reporting import Reporter, Reporting

MS, S = 1_000_000, 1_000_000_000
FRAME_NS = 20 * MS
LEAST_PACKET_BYTES = 60


@dataclass
class Flow:
    """One call: what its controller said, and what became of its packets."""

    controller: object
    start_ns: int
    history: SentHistory
    reporter: Reporter
    targets: list[Any] = field(default_factory=list)
    packets: list[Any] = field(default_factory=list)

    def between(self, begin_s, end_s):
        return [p for p in self.packets if begin_s * S <= p[0] < end_s * S]

    def received_kbps(self, begin_s, end_s):
        return (
            8e-3
            * sum(size for _, size, queue in self.between(begin_s, end_s) if queue is not None)
            / (end_s - begin_s)
        )

    def queue_ms(self, begin_s, end_s, percentile=95):
        waits = [queue / 1e6 for _, _, queue in self.between(begin_s, end_s) if queue is not None]
        return float(np.percentile(waits, percentile))

    def loss(self, begin_s, end_s):
        fates = [queue is None for _, _, queue in self.between(begin_s, end_s)]
        return sum(fates) / len(fates)

    def target_kbps(self, begin_s, end_s):
        return float(np.mean([kbps for at, kbps in self.targets if begin_s * S <= at < end_s * S]))

    def first_s(self, condition, begin_s):
        return next(
            (at / S - begin_s for at, kbps in self.targets if at >= begin_s * S and condition(kbps)), None
        )


def run_bottleneck(
    controllers,
    capacity_kbps,
    seconds,
    *,
    starts_s=None,
    queue_limit_ms=300.0,
    one_way_ms=50.0,
    loss=0.0,
    report_loss=0.0,
    report_delay_ms=None,
    jitter_ms=0.0,
    reporting=None,
    seed=1,
):
    """Run calls through one link; `capacity_kbps` is a number or a function of seconds."""
    capacity = capacity_kbps if callable(capacity_kbps) else lambda second: capacity_kbps
    reporting = reporting or Reporting()
    chance = random.Random(seed)
    flows = [
        Flow(controller, round((starts_s or [0] * len(controllers))[n] * S), SentHistory(n), None)
        for n, controller in enumerate(controllers)
    ]
    order, heap, free_ns = count(), [], 0
    for n, flow in enumerate(flows):
        flow.reporter = Reporter(reporting, 1000 + n, n)
        # Calls do not send in the same instant.
        heapq.heappush(heap, (flow.start_ns + n * 7 * MS, next(order), "send", flow, 0))
        heapq.heappush(heap, (flow.start_ns + flow.reporter.first_ns, next(order), "report", flow, None))
    while heap:
        now_ns, _, kind, flow, data = heapq.heappop(heap)
        if now_ns >= seconds * S:
            break
        if kind == "send":
            target = flow.controller.target_kbps(now_ns)
            flow.targets.append((now_ns, target))
            size = max(LEAST_PACKET_BYTES, round(target * FRAME_NS / 8e6))
            flow.history.on_sent(data, size, now_ns)
            heapq.heappush(heap, (now_ns + FRAME_NS, next(order), "send", flow, data + 1))
            wait_ns = max(0, free_ns - now_ns)
            if wait_ns > queue_limit_ms * MS or chance.random() < loss:
                flow.packets.append((now_ns, size, None))
                continue
            free_ns = now_ns + wait_ns + round(size * 8e6 / capacity(now_ns / S))
            flow.packets.append((now_ns, size, wait_ns))
            at_ns = free_ns + round((one_way_ms + jitter_ms * chance.random()) * MS)
            heapq.heappush(heap, (at_ns, next(order), "arrive", flow, (data & 0xFFFF, size)))
        elif kind == "arrive":
            flow.reporter.on_packet(data[0], data[1], now_ns)
        elif kind == "report":
            rtcp, next_ns = flow.reporter.report(now_ns)
            heapq.heappush(heap, (next_ns, next(order), "report", flow, None))
            if rtcp and chance.random() >= report_loss:
                back_ms = one_way_ms if report_delay_ms is None else report_delay_ms(now_ns / S)
                heapq.heappush(heap, (now_ns + round(back_ms * MS), next(order), "rtcp", flow, rtcp))
        else:
            feedback = flow.history.on_rtcp(data, now_ns)
            if feedback is not None:
                flow.controller.on_feedback(feedback)
    return flows


@pytest.fixture
def bottleneck():
    return run_bottleneck
