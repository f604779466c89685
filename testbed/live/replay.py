"""The packets of a relay's log, sent through the same stages in the simulation."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from testbed.channels.packet import Packet
from testbed.live.direction import flow_of, kind_of_flow, live_clock
from testbed.live.log import PASSED, SENT, UNSENT, WAITING, PacketFate
from testbed.live.network import LiveNetwork, Way


def replay(network: LiveNetwork, log: Iterable[PacketFate]) -> list[PacketFate]:
    """Return what becomes of the packets of a log in the simulation, in the order of the decisions.

    It begins with the `decisions` of the log; then follow those about packets that were in the channel when
    the relay ended.

    Parameters
    ----------
    network
        The stages of both ways.
    log
        The rows of the log.
    """
    clock = live_clock()
    fates: list[PacketFate] = []
    entrances: dict[Way, Callable[[Packet], None]] = {}

    def enter(fate: PacketFate) -> None:
        packet = Packet(fate.size_bytes, fate.taken_ns, fate.number, flow_of(fate.kind))
        entrances[fate.way](packet)

    def decided(way: Way, packet: Packet, decision: str = SENT) -> None:
        kind, size_bytes = kind_of_flow(packet.flow), packet.size_bytes
        fates.append(PacketFate(way, kind, packet.sequence, size_bytes, packet.sent_ns, decision, clock.now))

    # Packets are scheduled before the stages are built: at the same time, they come before other events.
    packets = {(each.way, each.kind, each.number): each for each in log if each.decision != PASSED}
    for fate in sorted(packets.values(), key=lambda each: each.taken_ns):
        clock.later(fate.taken_ns, enter, fate)
    for way in Way:
        entrances[way] = network.realization(way).build(clock, partial(decided, way), partial(decided, way))
    clock.run()
    return fates


def decisions(log: Iterable[PacketFate]) -> list[PacketFate]:
    """Return the decisions of the stages in a log, as `replay` returns them: without times of sending."""
    return [
        replace(fate, decision=SENT if fate.decision == UNSENT else fate.decision, sent_ns=-1)
        for fate in log
        if fate.decision not in (PASSED, WAITING)
    ]
