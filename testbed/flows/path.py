"""One direction of the network: its stages, and probes of the queueing delay in its links."""

from collections.abc import Mapping
from dataclasses import replace

from testbed.channels.clock import Clock
from testbed.channels.cross_traffic import SharedLink
from testbed.channels.link import Link
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.channels.stage import OnDrop, Out, StageContext, milliseconds
from testbed.flows.capacity import link_kbps
from testbed.flows.log import FlowLog


def build_path(
    env: Clock, channel: Realization, media: Mapping[str, FlowLog], out: Out, drop: OnDrop
) -> tuple[Out, list[tuple[Link, SharedLink]]]:
    """Build the stages of a direction.

    Parameters
    ----------
    env, out, drop
        See `testbed.channels.realization.Realization.build`.
    channel
        The stages.
    media
        The log of each flow whose media takes this direction; it takes the queueing delay in links.

    Returns
    -------
    The entrance of the first stage, and the links with cross traffic, the last one first.
    """
    probed = [LinkProbe(stage, media) if isinstance(stage, Link) else stage for stage in channel.stages]
    entrance = replace(channel, stages=probed).build(env, out, drop)
    probes = [stage for stage in reversed(probed) if isinstance(stage, LinkProbe)]
    return entrance, [(each.link, each.stage) for each in probes if isinstance(each.stage, SharedLink)]


class LinkProbe:
    """A link that logs the queueing delay of media packets: their delay without transmission and propagation.

    In a link that replays a trace, transmission takes no time.

    Parameters
    ----------
    link
        The link.
    logs
        The log of each flow of media.

    Attributes
    ----------
    stage
        The link's stage, once it is built.
    """

    def __init__(self, link: Link, logs: Mapping[str, FlowLog]) -> None:
        self.link = link
        self._delay_ns = milliseconds(link.delay_ms)
        self._logs = logs
        self._entered_ns: dict[tuple[str, int], int] = {}

    def build(self, context: StageContext) -> "LinkProbe":
        """Build the link's stage and return the probe in its place."""
        self._env, self._out = context.env, context.out
        self.stage = self.link.build(replace(context, out=self._leave))
        return self

    def put(self, packet: Packet) -> None:
        """Put a packet into the link."""
        if packet.flow in self._logs:
            self._entered_ns[packet.flow, packet.sequence] = self._env.now
        self.stage.put(packet)

    def _leave(self, packet: Packet) -> None:
        entered_ns = self._entered_ns.pop((packet.flow, packet.sequence), None)
        if entered_ns is not None:
            sent_ns = self._env.now - self._delay_ns
            kbps = self.link.rate_kbps or link_kbps(self.link, sent_ns / 1e9)
            transmission_ns = round(packet.size_bytes * 8e6 / kbps) if kbps > 0 else 0
            waited_ns = max(0, sent_ns - entered_ns - transmission_ns)
            self._logs[packet.flow].queue_ns[packet.sequence] += waited_ns
        self._out(packet)
