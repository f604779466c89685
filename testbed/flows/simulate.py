"""One run of a flow study: sources, controllers and receivers around two shared directions."""

import time
from dataclasses import dataclass

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.channels.stage import OnDrop, Out, milliseconds
from testbed.codecs.rtp.packet import RtpPacket
from testbed.congestion.controller import Controller
from testbed.congestion.scream import Scream
from testbed.feedback_loop import FeedbackReceiver, FeedbackSender
from testbed.flows.cross_traffic import CrossTrafficLog, CrossTrafficRecorder
from testbed.flows.log import FlowLog
from testbed.flows.path import build_path
from testbed.flows.source import MediaSource
from testbed.randomness import generator
from testbed.scenario.flow_media import Adaptive, Audio
from testbed.scenario.flow_scenario import DIRECTIONS, Flow, FlowScenario

BIN_MS = 100
_PAYLOAD_TYPE = 96
_RECEIVERS = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What was written down in a run.

    Attributes
    ----------
    flows
        The log of each flow.
    cross_traffic
        The logs of cross traffic, updated every `BIN_MS`.
    seconds
        Processor time that it took.
    """

    flows: dict[str, FlowLog]
    cross_traffic: list[CrossTrafficLog]
    seconds: float


def simulate(study: FlowScenario, realization: int) -> Outcome:
    """Run a study without a sweep.

    Parameters
    ----------
    realization
        Which draw of everything random.

    Raises
    ------
    ChannelError
        The budget of events is used up.
    """
    started = time.process_time()
    env = Clock(study.limits.events)
    logs = {flow.name: FlowLog() for flow in study.flows}
    ends: dict[str, End] = {}
    entrances: dict[str, Out] = {}
    recorders: list[CrossTrafficRecorder] = []
    for direction in DIRECTIONS:
        going = {flow.name for flow in study.going(direction)}
        specs = study.forward if direction == "forward" else study.backward
        entrances[direction], shared = build_path(
            env,
            Realization.of(specs, study.folder, study.seed, "flows", realization, direction),
            {name: logs[name] for name in going},
            _sorted_out(going, ends),
            _dropped(going, logs),
        )
        recorders.append(CrossTrafficRecorder(direction, shared, sum(len(each.logs) for each in recorders)))
    for index, flow in enumerate(study.flows):
        back = "backward" if flow.direction == "forward" else "forward"
        ends[flow.name] = End(
            env, study, realization, index, logs[flow.name], entrances[flow.direction], entrances[back]
        )
    bins = round(1000 * study.duration_s / BIN_MS)
    for number in range(1, bins + 1):
        env.later(milliseconds(BIN_MS * number), _update, recorders)
    env.run()
    return Outcome(logs, [log for each in recorders for log in each.logs], time.process_time() - started)


class End:
    """Both ends of one flow: the source with its controller, and the receiver.

    Parameters
    ----------
    env, study, realization
        Where it lives.
    index
        Which flow of the study it is.
    log
        Where it is written down.
    out, back
        Where the direction of its media begins, and that of its feedback.
    """

    def __init__(
        self, env: Clock, study: FlowScenario, realization: int, index: int, log: FlowLog, out: Out, back: Out
    ) -> None:
        flow = study.flows[index]
        self._env, self._flow, self._log, self._out, self._back = env, flow, log, out, back
        self._access_ns = milliseconds(flow.access_delay_ms)
        self._ssrc = index
        self._sender: FeedbackReceiver | None = None
        self._receiver: FeedbackSender | None = None
        spans_ns = [(round(1e9 * a), round(1e9 * b)) for a, b in flow.spans_s(study.duration_s)]
        if flow.is_controlled:
            self._sender = FeedbackReceiver(env, controller_of(study, flow), study.feedback, index)
            self._receiver = FeedbackSender(
                env, study.feedback, _RECEIVERS + index, index, flow.name, self._send_report
            )
            env.process(self._receiver.run(round(1e9 * study.duration_s)))
        rng = generator(study.seed, "flows", realization, "media", flow.name)
        source = MediaSource(env, flow.media, self._target_kbps, self._send, rng)
        env.process(source.run(spans_ns))

    def arrive(self, packet: Packet) -> None:
        """Take media at the receiver."""
        self._log.on_arrival(packet.sequence, self._env.now)
        if self._receiver is not None:
            self._receiver.on_packet(packet)

    def return_report(self, packet: Packet) -> None:
        """Take a report that has crossed the network, and is not at the sender yet."""
        self._env.later(self._access_ns, self._heed, packet)

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

    def _heed(self, packet: Packet) -> None:
        self._log.feedback_arrived += 1
        if self._sender is not None:
            self._sender.put(packet)


def controller_of(study: FlowScenario, flow: Flow) -> Controller:
    """Return a fresh controller for a flow that adapts, with the bounds of its media.

    Without control, media is sent at its highest rate. A default that is a rate of its own, SCReAM's
    RAMP_UP_SPEED, grows with the highest rate: it is then 187.5 kb/s a second for video of 1.5 Mb/s, where
    RFC 8298 has 200.
    """
    media = flow.media
    assert isinstance(media, Adaptive)
    start_kbps = media.max_kbps if study.congestion.controller == "none" else media.begins_kbps
    bounds = {"min_kbps": media.min_kbps, "start_kbps": start_kbps, "max_kbps": media.max_kbps}
    speed = "ramp_up_speed_kbps_per_s"
    if isinstance(study.congestion, Scream) and speed not in study.congestion.model_fields_set:
        bounds[speed] = media.max_kbps * study.congestion.ramp_up_speed_kbps_per_s / study.congestion.max_kbps
    return study.congestion.model_copy(update=bounds).build()


def _update(recorders: list[CrossTrafficRecorder]) -> None:
    for recorder in recorders:
        recorder.update()


def _sorted_out(going: set[str], ends: "dict[str, End]") -> Out:
    """Return where a direction ends: media goes to its receiver, a report to the sender it is for."""

    def arrive(packet: Packet) -> None:
        end = ends[packet.flow]
        if packet.flow in going:
            end.arrive(packet)
        else:
            end.return_report(packet)

    return arrive


def _dropped(going: set[str], logs: dict[str, FlowLog]) -> OnDrop:
    """Return what notes the end of a packet of media; a report that is lost just does not come."""

    def drop(packet: Packet, cause: str) -> None:
        if packet.flow in going:
            logs[packet.flow].dropped[cause] += 1

    return drop
