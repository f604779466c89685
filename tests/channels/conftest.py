from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.channels.stage import StageParameters
from testbed.randomness import generator


class Event(NamedTuple):
    """The fate of a packet: `cause` is "" for a delivered one."""

    at_ns: int
    packet: Packet
    cause: str


class Run:
    """Everything that came out of a chain of stages."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.delivered = [event for event in events if not event.cause]
        self.dropped = [event for event in events if event.cause]

    @property
    def order(self) -> list[int]:
        """Sequence numbers in the order of delivery."""
        return [event.packet.sequence for event in self.delivered]

    @property
    def trace(self) -> list[tuple[int, int, str]]:
        """Values by which two runs are compared."""
        return [(event.at_ns, event.packet.sequence, event.cause) for event in self.events]

    def lost(self, count: int) -> list[bool]:
        """For each of the packets, whether it was dropped."""
        gone = {event.packet.sequence for event in self.dropped}
        return [sequence in gone for sequence in range(count)]


def send(
    stages: Sequence[StageParameters], packets: Sequence[Packet], folder: Path = Path(), seed: int = 1
) -> Run:
    """Put each packet at its time into a chain of stages and run until nothing happens any more."""
    env = Clock()
    events: list[Event] = []
    rngs = [generator(seed, "channel", index) for index in range(len(stages))]
    put = Realization(stages, rngs, folder).build(
        env,
        lambda packet: events.append(Event(env.now, packet, "")),
        lambda packet, cause: events.append(Event(env.now, packet, cause)),
    )
    for packet in packets:
        env.timeout(packet.sent_ns, packet).callbacks.append(lambda event: put(event.value))
    env.run()
    return Run(events)


def regular(count: int, interval_ms: float = 20, size_bytes: int = 100) -> list[Packet]:
    """A call's packets."""
    return [Packet(size_bytes, round(index * interval_ms * 1e6), index) for index in range(count)]


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    return send


@pytest.fixture(scope="session")
def call() -> Callable[..., list[Packet]]:
    return regular


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the stages' own examples name."""
    folder = tmp_path_factory.mktemp("traces")
    rng = np.random.default_rng(5)
    (folder / "losses.txt").write_text(" ".join(map(str, rng.integers(0, 2, 50))))
    (folder / "capacity.up").write_text("0\n3\n3\n40\n41\n90\n")
    lines = ["send_ms,arrival_ms"]
    for index in range(60):
        lost = rng.random() < 0.2
        lines.append(f"{index * 10},{'' if lost else index * 10 + rng.integers(0, 35)}")
    (folder / "arrivals.csv").write_text("\n".join(lines))
    return folder
