"""Driven by any sequence of times, the stages decide as they do in the simulation."""

import random
from pathlib import Path

import pytest

from testbed.channels import STAGES, StageSpec
from testbed.live.counts import WayCounts
from testbed.live.direction import Direction, live_clock
from testbed.live.kind import DatagramKind
from testbed.live.log import COLUMNS, PASSED, WAITING, PacketFate, read_log, row
from testbed.live.network import LiveNetwork, Way
from testbed.live.replay import decisions, replay

ENTRIES = [(name, example) for name, stage in STAGES.items() for example in stage.examples]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "losses.txt").write_text("0\n1\n0\n0\n1\n1\n0\n0\n")
    (tmp_path / "arrivals.csv").write_text("send_ms,arrival_ms\n0,40\n20,\n40,75\n60,78\n80,140\n")
    (tmp_path / "capacity.up").write_text("3\n10\n11\n40\n60\n90\n")
    return tmp_path


def drive(network: LiveNetwork, packets: int, seed: int) -> list[PacketFate]:
    """Return the log of packets of both ways and all kinds, put at random times, as by the relay."""
    clock, fates, random_ = live_clock(), [], random.Random(seed)

    def direction(way: Way) -> Direction:
        return Direction(
            clock,
            way,
            network.realization(way),
            lambda datagram: clock.now,
            lambda fate, datagram: fates.append(fate),
            WayCounts(),
        )

    directions = {way: direction(way) for way in Way}
    for _ in range(packets):
        # Many come at the same nanosecond as an event of the stages would.
        wait_ns = random_.choice([1, 10_000_000, 20_000_000, random_.randrange(1, 50_000_000)])
        clock.advance(clock.now + wait_ns)
        kind = DatagramKind.RTP if random_.random() < 0.8 else DatagramKind.RTCP
        directions[random_.choice([*Way])].put(kind, b"", random_.randrange(40, 1400))
    clock.advance(clock.now + random_.randrange(100_000_000))
    for each in directions.values():
        each.end()
    return fates


@pytest.mark.parametrize(("name", "example"), ENTRIES, ids=str)
def test_the_simulation_repeats_the_decisions_of_each_stage(
    folder: Path, name: str, example: dict[str, object]
) -> None:
    delay = StageSpec("delay", STAGES["delay"](constant_ms=20))
    stage = StageSpec(name, network_parameters(name, example))
    network = LiveNetwork([stage, delay], [delay, stage], seed=5, folder=folder)
    log = drive(network, 150, seed=7)
    decided = decisions(log)
    assert len(decided) > 20
    repeated = replay(network, log)
    assert repeated[: len(decided)] == decided
    waiting = {(fate.way, fate.kind, fate.number) for fate in log if fate.decision == WAITING}
    assert waiting <= {(fate.way, fate.kind, fate.number) for fate in repeated[len(decided) :]}


def network_parameters(name: str, example: dict[str, object]) -> object:
    from pydantic import TypeAdapter

    spec: StageSpec = TypeAdapter(StageSpec).validate_python({name: example})
    return spec.parameters


def test_packets_of_other_kinds_take_no_random_numbers_of_the_media(folder: Path) -> None:
    loss = StageSpec("loss", network_parameters("loss", {"model": "bernoulli", "rate": 0.5}))
    network = LiveNetwork([loss], seed=1)

    def lost(every: int) -> list[bool]:
        clock, fates = live_clock(), []
        way = Direction(
            clock,
            Way.FORWARD,
            network.realization(Way.FORWARD),
            lambda datagram: clock.now,
            lambda fate, datagram: fates.append(fate),
            WayCounts(),
        )
        for number in range(100):
            clock.advance(clock.now + 1)
            way.put(DatagramKind.RTP, b"", 100)
            if every and number % every == 0:
                way.put(DatagramKind.RTCP, b"", 100)
                way.pass_on(DatagramKind.STUN, b"", 100)
        return [fate.decision == "loss" for fate in fates if fate.kind is DatagramKind.RTP]

    assert lost(0) == lost(3)
    assert 20 < sum(lost(0)) < 80


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    fates = [
        PacketFate(Way.FORWARD, DatagramKind.RTP, 3, 100, 10, "loss", 10),
        PacketFate(Way.REVERSE, DatagramKind.STUN, 0, 48, 11, PASSED, 11, 12),
    ]
    path = tmp_path / "log.csv"
    path.write_text(",".join(COLUMNS) + "\n" + "".join(map(row, fates)))
    assert list(read_log(path)) == fates
