"""The scenario of a comparison of schemes, as immutable objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import Discriminator, Field, Tag, model_validator

from testbed.allocation import AllocationSpec
from testbed.allocation.loss_adaptive import LossAdaptive
from testbed.channels import StageSpec
from testbed.codecs.concealers import ConcealerParameters
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.engines import ENGINES, EngineName
from testbed.codecs.opus.settings import Bandwidth
from testbed.codecs.schemes import NO_LOSS, SchemeSpec
from testbed.codecs.vocoders import FARGAN
from testbed.congestion import ControllerSpec
from testbed.congestion.none import NoControl
from testbed.congestion.reporting import Reporting
from testbed.conversation import Conversation
from testbed.metrics import CONVERSATIONAL, METRICS
from testbed.parameters import Parameters
from testbed.playout import PlayoutSpec
from testbed.playout.adaptive import AdaptivePlayout
from testbed.recording import AUDIO_MB
from testbed.scenario.base import BaseScenario, Limits
from testbed.scenario.document import KeyPath
from testbed.scenario.metric_spec import MetricSpec
from testbed.scenario.report_axes import ReportAxes
from testbed.scenario.speech import Speech


class Dtx(Parameters):
    """Discontinuous transmission, and the packets of pauses.

    Attributes
    ----------
    send_empty
        Whether packets of at most two bytes, which hold no sound, are sent, as by opus_demo. Default: they
        are not sent (RFC 7587, section 3.1.3).
    """

    send_empty: bool = False


def _kind_of_dtx(given: Any) -> str | None:
    kinds: dict[type, str] = {bool: "switch", dict: "mapping", Dtx: "mapping"}
    return kinds.get(type(given))


OptionalDtx = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[Dtx, Tag("mapping")],
    Discriminator(
        _kind_of_dtx,
        custom_error_type="dtx",
        custom_error_message="must be true, false or {send_empty: true}",
    ),
]


class Codec(Parameters):
    """Opus encoding and decoding of the speech, common to all schemes. Give one of the two bitrates.

    Attributes
    ----------
    bitrate_kbps
        Bitrate of the speech; the redundancy of a scheme is added to it.
    total_kbps
        Bitrate of speech and redundancy together, the same for every scheme.
    complexity
        Complexity of the encoder (libopus).
    decoder_complexity
        Complexity of the decoder (libopus): from 5 deep PLC, from 6 enhancement of the decoded speech. The
        scheme part ``plc`` sets 0.
    frame_ms
        Duration of the audio in a packet.
    bandwidth
        Highest audio bandwidth of the encoder (RFC 6716, section 2).
    rate_mode
        Variable, constrained variable, or constant bitrate.
    application
        libopus's application: ``voip`` favours intelligibility, ``audio`` fidelity.
    signal
        Hint to libopus about the signal.
    dtx
        Discontinuous transmission: in pauses one packet is sent per 400 ms. ``{send_empty: true}`` sends the
        packets without sound, too.
    expected_loss
        Loss that the encoder plans its redundancy for, a share of 1; default: the channel's mean loss.
    """

    bitrate_kbps: float | None = Field(None, ge=6, le=510)
    total_kbps: float | None = Field(None, ge=6, le=510)
    complexity: int = Field(9, ge=0, le=10)
    decoder_complexity: int = Field(10, ge=5, le=10)
    frame_ms: Literal[10, 20, 40, 60] = 20
    bandwidth: Bandwidth = "wideband"
    rate_mode: Literal["vbr", "cvbr", "cbr"] = "vbr"
    application: Literal["voip", "audio"] = "voip"
    signal: Literal["auto", "voice", "music"] = "auto"
    dtx: OptionalDtx = False
    expected_loss: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _one_bitrate(self) -> Self:
        if (self.bitrate_kbps is None) == (self.total_kbps is None):
            raise ValueError(
                "give exactly one of bitrate_kbps (the speech's own) and total_kbps (every scheme's)"
            )
        return self

    @property
    def uses_dtx(self) -> bool:
        """True if libopus encodes pauses in packets without sound."""
        return bool(self.dtx)

    @property
    def omits_pauses(self) -> bool:
        """True if those packets are not sent."""
        return not self.dtx.send_empty if isinstance(self.dtx, Dtx) else self.dtx


def _names_alone(schema: dict[str, Any]) -> None:
    """Add to the JSON Schema that a scheme may be a name alone."""
    schema["items"] = {"anyOf": [{"enum": SchemeSpec.keys()}, schema["items"]]}


class CallLimits(Limits):
    """Limits of a comparison of schemes.

    Attributes
    ----------
    batch_mb
        Memory in each process for calls that an engine decodes together.
    audio_mb
        Memory for speech: for one file while it is decoded, and for all clips.
    """

    batch_mb: int = Field(512, ge=64, le=65_536)
    audio_mb: int = Field(AUDIO_MB, ge=1, le=1 << 20)


class Scenario(BaseScenario):
    """A comparison of schemes: the same speech through the same channel, once per scheme.

    Attributes
    ----------
    speech
        The speech that is sent.
    codec
        Encoding and decoding of the speech, common to all schemes.
    schemes
        Ways of surviving loss, which are compared on the same channel.
    channel
        Stages of the channel, in the order in which a packet meets them.
    other_calls
        Number of further calls with the same scheme on the channel, which are not scored.
    reverse
        Stages of the return path of feedback packets; default: none, feedback arrives at once.
    feedback
        Feedback of the receiver; with it, libopus expects the loss that was reported.
    congestion
        Controller that turns feedback into a target rate; default: ``none``, schemes are sent as asked.
    allocation
        Policy that divides the target rate between speech and redundancy.
    playout
        Policy that decides when a frame is played.
    engine
        Decoder of the packets: ``libopus``, or ``numba``, kernels that decode many calls at once.
    limits
        Largest size of a run, and of a simulation before it is aborted.
    metrics
        Metrics that score the calls; one that is slow can score a part of them:
        ``{pesq_wb: {realizations: 2}}``.
    conversation
        What the metric ``mos_cq`` is computed from.
    report
        Axes that the report's figure of quality begins with.
    """

    speech: Speech
    codec: Codec
    schemes: list[SchemeSpec] = Field(min_length=1, json_schema_extra=_names_alone)
    channel: list[StageSpec]
    other_calls: int = Field(0, ge=0, le=32)
    reverse: list[StageSpec] = Field(default_factory=list)
    feedback: Reporting | None = None
    congestion: ControllerSpec = Field(default_factory=NoControl)
    allocation: AllocationSpec = Field(default_factory=LossAdaptive)
    playout: PlayoutSpec
    engine: EngineName = "libopus"
    limits: CallLimits = Field(default_factory=CallLimits)
    metrics: list[MetricSpec]
    conversation: Conversation = Field(default_factory=Conversation)
    report: ReportAxes | None = None

    @property
    def calls_of_a_point(self) -> int:
        """Smallest number of calls at each point; with one clip, if their number is not given."""
        schemes = 1 + sum(len(list(scheme.each())) for scheme in self.schemes)
        return self.realizations * schemes * (self.speech.clips or 1)

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics."""
        return [metric.name for metric in self.metrics]

    def metrics_of(self, realization: int, language: str = "") -> list[str]:
        """Return the names of the metrics that score some calls.

        Parameters
        ----------
        realization
            The realization of the calls, counted from 0.
        language
            The language of their clip (ISO 639-1); "" if unknown.
        """
        return [metric.name for metric in self.metrics if metric.scores(realization, language)]

    @property
    def is_closed_loop(self) -> bool:
        """True if the receiver's feedback changes what is sent."""
        return self.feedback is not None or self.is_controlled

    @property
    def is_controlled(self) -> bool:
        """True if a controller sets the sending rate."""
        return not isinstance(self.congestion, NoControl)

    @property
    def reporting(self) -> Reporting:
        """Feedback of the receiver; the default where the scenario has none."""
        return self.feedback or Reporting()

    def contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield mistakes in the combination of values, each as a location and a reason."""
        names: dict[str, int] = {NO_LOSS: -1}
        for index, scheme in enumerate(self.schemes):
            for name in (each.name for each in scheme.each()):
                if name in names:
                    other = names[name]
                    held = "the ceiling, which every run has" if other < 0 else f"schemes.{other}"
                    yield ("schemes", index), f"{name!r} is the name of {held}; give this one another `name`"
                names[name] = index
            for part in scheme.parts:
                found = part.problems(
                    self.codec.frame_ms, self.codec.total_kbps is not None, self.is_closed_loop
                )
                yield from ((("schemes", index, part.key, key), reason) for key, reason in found)
        yield from self._decoder_contradictions()
        if self.congestion.needs_arrivals and not self.reporting.arrivals_known:
            yield (
                ("feedback", "format"),
                (
                    f"{self.congestion.controller} needs the arrivals of single packets, which "
                    f"{self.reporting.format} does not report; use transport_wide or ccfb"
                ),
            )
        for index, metric in enumerate(self.metric_names):
            if metric in self.metric_names[:index]:
                yield ("metrics", index), f"duplicate metric {metric}"
        yield from self._conversational_contradictions()
        if self.report is not None:
            for key, reason in self.report.problems(self.grid.values, self.metric_names):
                yield ("report", key), reason

    def _decoder_contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield each vocoder, concealer and network of DRED that the decoder of the calls lacks."""
        reason = self._left_to_libopus()
        for index, scheme in enumerate(self.schemes if reason else ()):
            for part in scheme.parts:
                if (vocoder := part.synthesized_by()) not in (None, FARGAN):
                    yield (
                        ("schemes", index, part.key, "vocoder"),
                        f"{vocoder} needs {reason.format(own='fargan')}",
                    )
                if isinstance(concealer := part.concealed_by(), ConcealerParameters):
                    yield (
                        ("schemes", index, part.key, "concealer"),
                        f"{concealer.key} needs {reason.format(own='its own concealment')}",
                    )
                written = part.dred_to_write()
                if written is not None and written.network != LIBOPUS:
                    yield (
                        ("schemes", index, part.key, "network"),
                        f"{written.network.title} needs {reason.format(own='its own network')}",
                    )

    def _left_to_libopus(self) -> str:
        """Return what an engine's kernels need to decode the calls in libopus's place; "" if they do."""
        if not ENGINES[self.engine].uses_kernels:
            return "engine: numba; libopus's own decoder has {own} alone"
        if isinstance(self.playout, AdaptivePlayout):
            return "another playout than adaptive, whose packets libopus decodes, with {own}"
        if self.codec.uses_dtx:
            return "codec.dtx: false; libopus decodes calls with pauses, with {own}"
        if self.codec.bandwidth in ("narrowband", "mediumband"):
            return "codec.bandwidth: wideband; libopus decodes narrower speech, with {own}"
        return ""

    def _conversational_contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield mistakes in what `mos_cq` is computed from."""
        parts, name = {metric.name: metric.part for metric in self.metrics}, self.conversation.metric
        if CONVERSATIONAL not in parts:
            if self.conversation != Conversation():
                yield ("conversation",), f"has no effect without {CONVERSATIONAL} in metrics"
            return
        index = self.metric_names.index(CONVERSATIONAL)
        if not METRICS[name].is_opinion or name == CONVERSATIONAL:
            yield (
                ("conversation", "metric"),
                f"{name} is no mean opinion score of what is heard, as plcmos is",
            )
        elif name not in parts:
            yield (
                ("metrics", index),
                f"{CONVERSATIONAL} is computed from {name}, which is not in metrics; add it",
            )
        elif parts[name] != parts[CONVERSATIONAL]:
            yield (
                ("metrics", index),
                f"{CONVERSATIONAL} needs the realizations of {name}, which it is computed from",
            )


Kind = TypeVar("Kind", bound=BaseScenario)


@dataclass(frozen=True)
class Point(Generic[Kind]):
    """One combination of swept parameters.

    Attributes
    ----------
    index
        Counts from 0 in written order, the last key of the sweep fastest.
    parameters
        Value of each swept dotted key as a column holds it: numbers, truth values or text, of one type in
        all points.
    scenario
        The scenario with these values and without a sweep.
    """

    index: int
    parameters: dict[str, Any]
    scenario: Kind
