"""One direction of the network: its stages, with a look at how long packets wait in its links."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from testbed.channels.clock import Clock
from testbed.channels.cross_traffic import SharedLink
from testbed.channels.link import Link
from testbed.channels.packet import Packet
from testbed.channels.stage import OnDrop, Out, StageContext, StageParameters, milliseconds
from testbed.flows.capacity import link_kbps
from testbed.flows.log import FlowLog


def build_path(
    env: Clock,
    stages: Sequence[StageParameters],
    rngs: Sequence[np.random.Generator],
    folder: Path,
    media: Mapping[str, FlowLog],
    out: Out,
    drop: OnDrop,
) -> tuple[Out, list[tuple[Link, SharedLink]]]:
    """Build the stages of a direction.

    Parameters
    ----------
    env
        The clock.
    stages, rngs
        The stages' parameters in the order in which a packet meets them, and the random stream of each.
    folder
        What file names of stages are relative to.
    media
        The log of each flow whose media takes this direction: there the waiting in links is added up.
    out
        Where packets arrive.
    drop
        Called with a packet that ends here, and the cause.

    Returns
    -------
    Where packets enter, and the links into which others send, with their parameters.
    """
    shared = []
    for parameters, rng in zip(reversed(stages), reversed(rngs), strict=True):
        if isinstance(parameters, Link):
            watch = LinkWatch(env, parameters, media, out)
            stage = parameters.build(StageContext(env, rng, watch.leave, drop, folder))
            if isinstance(stage, SharedLink):
                shared.append((parameters, stage))
            out = watch.enter(stage.put)
        else:
            out = parameters.build(StageContext(env, rng, out, drop, folder)).put
    return out, shared


class LinkWatch:
    """Measures how long packets of media wait in a link: what is neither sending nor travelling.

    In a link that replays a trace, sending takes no time.
    """

    def __init__(self, env: Clock, link: Link, media: Mapping[str, FlowLog], out: Out) -> None:
        self._env = env
        self._link = link
        self._delay_ns = milliseconds(link.delay_ms)
        self._steady_kbps = link.rate_kbps
        self._logs = media
        self._out = out
        self._entered: dict[tuple[str, int], int] = {}

    def enter(self, put: Callable[[Packet], None]) -> Out:
        """Return an entrance before `put`."""

        def entrance(packet: Packet) -> None:
            if packet.flow in self._logs:
                self._entered[packet.flow, packet.sequence] = self._env.now
            put(packet)

        return entrance

    def leave(self, packet: Packet) -> None:
        """Take a packet at the link's end and pass it on."""
        entered_ns = self._entered.pop((packet.flow, packet.sequence), None)
        if entered_ns is not None:
            sent_ns = self._env.now - self._delay_ns
            kbps = self._steady_kbps or link_kbps(self._link, sent_ns / 1e9)
            sending_ns = round(packet.size_bytes * 8e6 / kbps) if kbps > 0 else 0
            waited_ns = max(0, sent_ns - entered_ns - sending_ns)
            self._logs[packet.flow].queue_ns[packet.sequence] += waited_ns
        self._out(packet)
