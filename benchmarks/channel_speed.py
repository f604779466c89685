"""Measures simulated packets per second through link, queue, jitter and loss, compared with ns.py.

Run it with ``.venv/bin/python benchmarks/channel_speed.py``; ``make setup`` installs ns.py. Both get the same
packets at the same times from a list, send them through a drop-tail queue and a link of 80 % load, delay each
by a normally distributed time without reordering, lose 1 % and count the arrivals. They take turns, and the
best of their runs counts, so that the ratios depend little on the speed and the load of the machine. The last
line is JSON: our speed per packet as a multiple of that of ns.py; the time per packet of a million packets
relative to that of ten thousand (1 is linear growth); and the events' share of our time, measured as the time
of as many events that do nothing.
"""

import gc
import json
import random
import time
from collections.abc import Callable

import numpy as np
import simpy
from ns.packet.dist_generator import DistPacketGenerator
from ns.packet.sink import PacketSink
from ns.port.port import Port
from ns.port.wire import Wire

from testbed.channels.clock import Clock
from testbed.channels.jitter.normal import NormalJitter
from testbed.channels.link import Link
from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.randomness import generator

SIZES = (10_000, 100_000, 1_000_000)
REPEATS = {10_000: 5, 100_000: 3, 1_000_000: 1}
PACKET_BYTES = 200
RATE_KBPS = 1000
LOAD = 0.8
QUEUE_PACKETS = 50
JITTER_MEAN_MS, JITTER_STD_MS = 20.0, 5.0
LOSS = 0.01
EVENTS_A_PACKET = 3


def gaps_ns(packets: int) -> list[int]:
    """Return the times between packets: a Poisson process."""
    mean_ns = PACKET_BYTES * 8 / (RATE_KBPS * 1000) / LOAD * 1e9
    drawn = generator(1, "arrivals").exponential(mean_ns, packets)
    return [int(gap) for gap in np.rint(drawn)]


def ours(gaps: list[int]) -> int:
    """Simulate with the testbed and return the number of packets that arrived."""
    clock, arrived = Clock(10**9), [0]
    stages = [
        Link.model_validate(
            {"rate_kbps": RATE_KBPS, "queue": {"discipline": "drop_tail", "limit_packets": QUEUE_PACKETS}}
        ),
        NormalJitter(mean_ms=JITTER_MEAN_MS, std_ms=JITTER_STD_MS),
        Bernoulli(rate=LOSS),
    ]

    def arrive(packet: Packet) -> None:
        arrived[0] += 1

    def drop(packet: Packet, cause: str) -> None:
        pass

    rngs = [generator(1, "stage", number) for number in range(len(stages))]
    put = Realization(stages, rngs).build(clock, arrive, drop)
    left = iter(gaps)

    def send(sequence: int) -> None:
        put(Packet(PACKET_BYTES, clock.now, sequence))
        gap_ns = next(left, None)
        if gap_ns is not None:
            clock.later(gap_ns, send, sequence + 1)

    clock.later(next(left), send, 0)
    clock.run()
    return arrived[0]


def theirs(gaps: list[int]) -> int:
    """Simulate with ns.py and return the number of packets that arrived."""
    random.seed(1)
    env = simpy.Environment()
    seconds = iter([gap_ns / 1e9 for gap_ns in gaps])
    source = DistPacketGenerator(
        env, "source", seconds.__next__, lambda: PACKET_BYTES, size=PACKET_BYTES * len(gaps)
    )
    port = Port(env, RATE_KBPS * 1000, qlimit=QUEUE_PACKETS)
    wire = Wire(
        env,
        lambda: max(0.0, random.gauss(JITTER_MEAN_MS / 1000, JITTER_STD_MS / 1000)),
        lambda packet_id: LOSS,
    )
    sink = PacketSink(env, rec_arrivals=False, rec_waits=False)
    source.out, port.out, wire.out = port, wire, sink
    env.run()
    return int(sum(sink.packets_received.values()))


def events_alone(packets: int) -> None:
    """Process as many events as `ours` does, in a queue of the same length; each only schedules the next."""
    clock, left = Clock(10**9), [EVENTS_A_PACKET * packets]

    def follow(delay_ns: int) -> None:
        left[0] -= 1
        if left[0] > 0:
            clock.later(delay_ns, follow, delay_ns)

    for number in range(round(1000 * LOAD * JITTER_MEAN_MS / 1000 * RATE_KBPS / 8 / PACKET_BYTES)):
        clock.later(number, follow, 1000 + number)
    clock.run()


def timed(function: Callable[..., object], argument: object) -> tuple[float, object]:
    """Return the processor time of a function call, and its result."""
    gc.collect()
    started = time.process_time()
    result = function(argument)
    return time.process_time() - started, result


def main() -> None:
    """Print a table and, last, one line of JSON with the ratios."""
    ours(gaps_ns(1000))
    best: dict[tuple[str, int], float] = {}
    print(f"{'packets':>10}{'ours':>14}{'ns.py':>14}{'times':>8}{'events alone':>16}   packets per second")
    for packets in SIZES:
        gaps = gaps_ns(packets)
        for _ in range(REPEATS[packets]):
            for name, function, argument in (
                ("ours", ours, gaps),
                ("ns.py", theirs, gaps),
                ("events", events_alone, packets),
            ):
                seconds, arrived = timed(function, argument)
                best[name, packets] = min(seconds, best.get((name, packets), seconds))
                if arrived is not None:
                    expected = packets * (1 - LOSS)
                    assert abs(int(str(arrived)) - expected) < 5 * np.sqrt(expected * LOSS) + 0.001 * packets
        speeds = [packets / best[name, packets] for name in ("ours", "ns.py", "events")]
        print(f"{packets:>10}{speeds[0]:14.0f}{speeds[1]:14.0f}{speeds[0] / speeds[1]:8.2f}{speeds[2]:16.0f}")
    few, many = SIZES[0], SIZES[-1]
    ratios = {
        "channel_vs_ns_py": best["ns.py", SIZES[1]] / best["ours", SIZES[1]],
        "channel_vs_ns_py_million_packets": best["ns.py", many] / best["ours", many],
        "time_per_packet_1e6_to_1e4": best["ours", many] / many / (best["ours", few] / few),
        "share_of_events_alone": best["events", SIZES[1]] / best["ours", SIZES[1]],
    }
    print(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}))


if __name__ == "__main__":
    main()
