"""What a scenario holds, as immutable objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from testbed.allocation import AllocationSpec
from testbed.allocation.loss_adaptive import LossAdaptive
from testbed.channels import StageSpec
from testbed.codecs.engines import EngineName
from testbed.codecs.opus.settings import Bandwidth
from testbed.codecs.schemes import NO_LOSS, SchemeSpec
from testbed.congestion import ControllerSpec
from testbed.congestion.none import NoControl
from testbed.congestion.reporting import Reporting
from testbed.metrics import METRICS
from testbed.parameters import Parameters
from testbed.playout import PlayoutSpec
from testbed.recording import AUDIO_MB
from testbed.scenario.base import BaseScenario, Limits
from testbed.scenario.document import KeyPath


class Speech(Parameters):
    """What is said: clips of a corpus, or the user's own files.

    Attributes
    ----------
    corpus
        ``asterisk`` is fetched by `testbed speech fetch`; ``packaged`` ships with the package.
    clips
        Number of clips, from the first; default: all.
    files
        The user's own recordings, instead of a corpus: a file, a folder, a pattern such as
        ``recordings/*.wav``, or a list of these; relative to the scenario's folder.
    """

    corpus: Literal["asterisk", "packaged"] | None = None
    clips: int | None = Field(None, ge=1)
    files: str | list[str] | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _names(cls, files: Any) -> Any:
        listed = [files] if isinstance(files, str) else files
        if listed is not None and not (
            isinstance(listed, list) and listed and all(isinstance(name, str) and name for name in listed)
        ):
            raise ValueError("must be a file, a folder, a pattern such as rec/*.wav, or a list of them")
        return files

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.corpus is None and self.files is None:
            raise ValueError("give corpus (asterisk, packaged) or files (your own recordings)")
        return self


class Dtx(Parameters):
    """Discontinuous transmission, and the packets of pauses.

    Attributes
    ----------
    send_empty
        Whether packets of at most two bytes, which hold no sound, are sent, as opus_demo does; by default
        they are not (RFC 7587, 3.1.3).
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
    """The speech's own encoding, common to all schemes.

    Attributes
    ----------
    bitrate_kbps
        The speech's own; what a scheme adds comes on top.
    total_kbps
        Instead: speech and redundancy together, the same for every scheme.
    complexity
        The encoder's, 0 to 10.
    decoder_complexity
        5 to 10; a scheme that asks for classic PLC has its own.
    frame_ms
        Duration of a packet's audio.
    expected_loss
        What the encoder plans its redundancy for, 0 to 1; the channel's own mean loss unless told otherwise.
    dtx
        Discontinuous transmission: in pauses only a packet each 400 ms is sent. ``{send_empty: true}`` sends
        the packets without sound, too.
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
        """Whether libopus encodes pauses in packets without sound."""
        return bool(self.dtx)

    @property
    def omits_pauses(self) -> bool:
        """Whether such packets are not sent."""
        return not self.dtx.send_empty if isinstance(self.dtx, Dtx) else self.dtx


def _names_alone(schema: dict[str, Any]) -> None:
    """Tell the JSON Schema that a scheme may be a name alone."""
    schema["items"] = {"anyOf": [{"enum": SchemeSpec.keys()}, schema["items"]]}


class CallLimits(Limits):
    """What a run of calls may use besides.

    Attributes
    ----------
    batch_mb
        Memory for calls that an engine works on together, in each process.
    audio_mb
        Memory for the speech: of one file while it is decoded, and of all clips.
    """

    batch_mb: int = Field(512, ge=64, le=65_536)
    audio_mb: int = Field(AUDIO_MB, ge=1, le=1 << 20)


class Scenario(BaseScenario):
    """Everything that a run does.

    Attributes
    ----------
    schemes
        Ways of surviving loss, all of which meet the same channel.
    channel
        Stages, in the order in which a packet meets them.
    other_calls
        How many further calls of the same scheme are on the channel; nobody listens to them.
    reverse
        Stages that a report meets on its way back.
    feedback
        How the receiver reports; with it, libopus expects the loss that was reported.
    congestion, allocation
        Who makes a target rate of the reports, and who spends it; without a controller the schemes are sent
        as asked.
    engine
        What turns packets into sound: libopus, or kernels that work on many calls at once.
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
    metrics: list[str]

    @property
    def calls_of_a_point(self) -> int:
        """Smallest number of calls at each point; with one clip, if their number is not given."""
        schemes = 1 + sum(len(list(scheme.each())) for scheme in self.schemes)
        return self.realizations * schemes * (self.speech.clips or 1)

    @property
    def is_closed_loop(self) -> bool:
        """Whether what the receiver reports changes what is sent."""
        return self.feedback is not None or self.is_controlled

    @property
    def is_controlled(self) -> bool:
        """Whether a controller sets the sending rate."""
        return not isinstance(self.congestion, NoControl)

    @property
    def reporting(self) -> Reporting:
        """How the receiver reports, where it does."""
        return self.feedback or Reporting()

    def contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield what is wrong only in combination, as a location and a reason."""
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
        if self.congestion.needs_arrivals and not self.reporting.arrivals_known:
            yield (
                ("feedback", "format"),
                (
                    f"{self.congestion.controller} needs the arrivals of single packets, which "
                    f"{self.reporting.format} does not report; use transport_wide or ccfb"
                ),
            )
        for index, metric in enumerate(self.metrics):
            if metric not in METRICS:
                yield ("metrics", index), METRICS.unknown(metric)
            elif metric in self.metrics[:index]:
                yield ("metrics", index), f"{metric} stands here twice"


Kind = TypeVar("Kind", bound=BaseScenario)


@dataclass(frozen=True)
class Point(Generic[Kind]):
    """One combination of swept parameters.

    Attributes
    ----------
    index
        Counts from 0 in written order, the last key of the sweep fastest.
    parameters
        Value of each swept dotted key, fit for a column of a table: numbers, truth values or text, alike in
        all points.
    scenario
        The scenario with these values and without a sweep.
    """

    index: int
    parameters: dict[str, Any]
    scenario: Kind
