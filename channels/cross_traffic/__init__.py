"""Cross traffic into the queue of a link, chosen by `model`. A new model is one file and one line here.

Its packets end at the end of the link: `SharedLink` removes them there.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from testbed.channels.cross_traffic.cbr import ConstantBitRate
from testbed.channels.cross_traffic.model import CrossTraffic, TrafficContext
from testbed.channels.cross_traffic.on_off import OnOff
from testbed.channels.cross_traffic.tcp import Tcp
from testbed.channels.packet import Packet
from testbed.channels.stage import Stage, StageContext
from testbed.named_parameters import TaggedUnion

CROSS_TRAFFIC: TaggedUnion[CrossTraffic] = TaggedUnion(
    "model of cross traffic", "model", {"cbr": ConstantBitRate, "on_off": OnOff, "tcp": Tcp}
)


class SharedLink:
    """A link with cross traffic, which runs in the background except for the packets of calls and flows.

    Parameters
    ----------
    context
        Dependencies of the stage.
    build
        Builds the link itself in a context.
    models
        The cross traffic. Each entry has its own random stream.

    Attributes
    ----------
    sources
        The sources of cross traffic, in the order of the models.
    fates
        By flow of cross traffic, the number of packets ``"sent"``, ``"delivered"`` and dropped by each cause.
    """

    def __init__(
        self,
        context: StageContext,
        build: Callable[[StageContext], Stage],
        models: Sequence[CrossTraffic],
    ) -> None:
        self.fates: dict[str, Counter[str]] = defaultdict(Counter)
        self._models = models
        self._env = context.env
        self._out, self._drop = context.out, context.drop
        self._arrivals: dict[str, Callable[[Packet], None]] = {}
        inside = replace(context, out=self._leave, drop=self._lose, in_background=True)
        self._put = build(inside).put
        self.sources = [
            model.build(
                TrafficContext(
                    env=context.env,
                    later=context.env.background,
                    rng=rng,
                    name=model.flow(number),
                    put=self._put_cross_traffic,
                    arrivals=self._arrivals,
                )
            )
            for number, (model, rng) in enumerate(
                zip(models, context.rng.spawn(len(models)), strict=True), start=1
            )
        ]

    def put(self, packet: Packet) -> None:
        """Take a packet of a call or a flow."""
        self._env.held += 1
        self._put(packet)

    def counts(self, number: int) -> Counter[str]:
        """Return the sum of the `fates` of all flows of one entry; the first entry has number 1."""
        name = self._models[number - 1].flow(number)
        total: Counter[str] = Counter()
        for flow, fates in self.fates.items():
            if flow == name or flow.startswith(f"{name} "):
                total += fates
        return total

    def _put_cross_traffic(self, packet: Packet) -> None:
        self.fates[packet.flow]["sent"] += 1
        self._put(packet)

    def _leave(self, packet: Packet) -> None:
        fates = self.fates.get(packet.flow)
        if fates is None:
            self._env.held -= 1
            self._out(packet)
            return
        fates["delivered"] += 1
        tell = self._arrivals.get(packet.flow)
        if tell is not None:
            tell(packet)

    def _lose(self, packet: Packet, cause: str) -> None:
        fates = self.fates.get(packet.flow)
        if fates is None:
            self._env.held -= 1
            self._drop(packet, cause)
        else:
            fates[cause] += 1
