"""The two ends of a flow: source and controller at the sender, feedback at the receiver."""

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import Out, milliseconds
from testbed.codecs.rtp.packet import RtpPacket
from testbed.congestion.controller import Controller
from testbed.congestion.scream import Scream
from testbed.feedback_loop import FeedbackReceiver, FeedbackSender
from testbed.flows.log import FlowLog
from testbed.flows.source import MediaSource
from testbed.randomness import generator
from testbed.scenario.flow_media import Adaptive, Audio
from testbed.scenario.flow_scenario import Flow, FlowScenario

_PAYLOAD_TYPE = 96
_RECEIVERS = 1_000_000
"""SSRC of the receiver of the first flow."""


class FlowEnds:
    """The two ends of one flow: the source with its controller, and the receiver.

    Parameters
    ----------
    env
        The simulation's clock.
    scenario, realization
        See `testbed.flows.simulate.simulate`.
    index
        Number of the flow in the scenario, from 0.
    log
        Log of the flow.
    out, back
        Entrances of the direction of its media and of that of its feedback.
    """

    def __init__(
        self,
        env: Clock,
        scenario: FlowScenario,
        realization: int,
        index: int,
        log: FlowLog,
        out: Out,
        back: Out,
    ) -> None:
        flow = scenario.flows[index]
        self._env, self._flow, self._log, self._out, self._back = env, flow, log, out, back
        self._access_ns = milliseconds(flow.access_delay_ms)
        self._ssrc = index
        self._sender: FeedbackReceiver | None = None
        self._receiver: FeedbackSender | None = None
        spans_ns = [(round(1e9 * a), round(1e9 * b)) for a, b in flow.spans_s(scenario.duration_s)]
        if flow.is_controlled:
            self._sender = FeedbackReceiver(env, controller_of(scenario, flow), scenario.feedback, index)
            self._receiver = FeedbackSender(
                env, scenario.feedback, _RECEIVERS + index, index, flow.name, self._send_report
            )
            env.process(self._receiver.run(round(1e9 * scenario.duration_s)))
        rng = generator(scenario.seed, "flows", realization, "media", flow.name)
        source = MediaSource(env, flow.media, self._target_kbps, self._send, rng)
        env.process(source.run(spans_ns))

    def on_arrival(self, packet: Packet) -> None:
        """Take a packet of media at the receiver."""
        self._log.on_arrival(packet.sequence, self._env.now)
        if self._receiver is not None:
            self._receiver.on_packet(packet)

    def on_report(self, packet: Packet) -> None:
        """Take a report from the shared stages; it reaches the sender after the access delay."""
        self._env.later(self._access_ns, self._receive_report, packet)

    def _target_kbps(self) -> float:
        media = self._flow.media
        if self._sender is not None:
            kbps = self._sender.target_kbps
        else:
            assert isinstance(media, Audio)
            kbps = media.rate_kbps
        self._log.targets.append((self._env.now, kbps))
        return kbps

    def _send(self, size_bytes: int) -> None:
        now_ns = self._env.now
        sequence = self._log.on_sent(now_ns, size_bytes)
        timestamp = (now_ns * 90_000 // 1_000_000_000) & 0xFFFF_FFFF
        rtp = RtpPacket(_PAYLOAD_TYPE, sequence & 0xFFFF, timestamp, self._ssrc, b"").serialize()
        if self._sender is not None:
            rtp = self._sender.stamp(rtp, sequence)
        packet = Packet(size_bytes, now_ns, sequence, self._flow.name, rtp)
        if self._sender is not None:
            self._sender.on_sent(packet)
        self._env.later(self._access_ns, self._out, packet)

    def _send_report(self, packet: Packet) -> None:
        self._log.feedback_bytes += packet.size_bytes
        self._log.feedback_sent += 1
        self._back(packet)

    def _receive_report(self, packet: Packet) -> None:
        self._log.feedback_arrived += 1
        if self._sender is not None:
            self._sender.put(packet)


def controller_of(scenario: FlowScenario, flow: Flow) -> Controller:
    """Return a fresh controller for a flow that adapts, with the bounds of its media.

    Without control, media is sent at its highest rate. SCReAM's default of RAMP_UP_SPEED is a rate and grows
    with the highest rate: 187.5 kb/s per second for video of 1.5 Mb/s, where RFC 8298 has 200.
    """
    media = flow.media
    assert isinstance(media, Adaptive)
    congestion = scenario.congestion
    start_kbps = media.max_kbps if congestion.controller == "none" else media.begins_kbps
    bounds = {"min_kbps": media.min_kbps, "start_kbps": start_kbps, "max_kbps": media.max_kbps}
    speed = "ramp_up_speed_kbps_per_s"
    if isinstance(scenario.congestion, Scream) and speed not in scenario.congestion.model_fields_set:
        bounds[speed] = (
            media.max_kbps * scenario.congestion.ramp_up_speed_kbps_per_s / scenario.congestion.max_kbps
        )
    return scenario.congestion.model_copy(update=bounds).build()
