"""Media of a flow: synthetic video, one voice call, or audio of constant rate (RFC 8867, section 4.3)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from testbed.codecs.rtp.extension import EXTENSION_BYTES
from testbed.codecs.rtp.packet import WIRE_HEADER_BYTES
from testbed.named_parameters import TaggedUnion
from testbed.parameters import Parameters

LEAST_PACKET_BYTES = WIRE_HEADER_BYTES + EXTENSION_BYTES + 1
MTU_BYTES = 1500


class Adaptive(Parameters):
    """Media that follows a target rate. Rates are on the wire, all headers included.

    Attributes
    ----------
    min_kbps
        Lowest rate.
    start_kbps
        Rate before any feedback; default: `min_kbps`.
    max_kbps
        Highest rate.
    variation
        Largest deviation of a frame's size from the target's, as a share of it; uniformly distributed.
    response_ms
        Time until the encoder follows a new target.
    """

    min_kbps: float = Field(150.0, gt=0, le=1e6)
    start_kbps: float | None = Field(None, gt=0, le=1e6)
    max_kbps: float = Field(1500.0, gt=0, le=1e6)
    variation: float = Field(0.05, ge=0, lt=1)
    response_ms: float = Field(100.0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _ordered(self) -> "Adaptive":
        if not self.min_kbps <= self.begins_kbps <= self.max_kbps:
            raise ValueError(
                f"rates must be in order: min_kbps {self.min_kbps:g}, start_kbps {self.begins_kbps:g}, "
                f"max_kbps {self.max_kbps:g}"
            )
        return self

    @property
    def begins_kbps(self) -> float:
        """The rate before any feedback."""
        return self.min_kbps if self.start_kbps is None else self.start_kbps


class Video(Adaptive):
    """Synthetic video: frames cut into packets that are spread over the time until the next frame.

    Attributes
    ----------
    frame_rate
        Frames per second.
    packet_bytes
        Largest packet, headers included.
    """

    kind: Literal["video"] = "video"
    frame_rate: float = Field(25.0, ge=1, le=1000)
    packet_bytes: int = Field(1200, ge=LEAST_PACKET_BYTES, le=MTU_BYTES)

    @property
    def frame_ns(self) -> int:
        """Time between two frames."""
        return round(1e9 / self.frame_rate)


class Voice(Adaptive):
    """One voice call: one packet per frame of any size.

    Attributes
    ----------
    min_kbps
        Lowest rate.
    max_kbps
        Highest rate.
    frame_ms
        Duration of a frame.
    """

    kind: Literal["voice"] = "voice"
    min_kbps: float = Field(24.0, gt=0, le=1e6)
    max_kbps: float = Field(150.0, gt=0, le=1e6)
    frame_ms: float = Field(20.0, ge=2.5, le=120)

    @property
    def frame_ns(self) -> int:
        """Time between two frames."""
        return round(1e6 * self.frame_ms)

    @property
    def packet_bytes(self) -> int:
        """Largest packet, headers included."""
        return 65_535


class Audio(Parameters):
    """Audio of constant rate, without congestion control.

    Attributes
    ----------
    rate_kbps
        Rate on the wire, all headers included.
    frame_ms
        Duration of a frame.
    """

    kind: Literal["audio"] = "audio"
    rate_kbps: float = Field(20.0, gt=0, le=1e6)
    frame_ms: float = Field(20.0, ge=2.5, le=120)

    @property
    def frame_ns(self) -> int:
        """Time between two frames."""
        return round(1e6 * self.frame_ms)

    @property
    def packet_bytes(self) -> int:
        """Largest packet, headers included."""
        return MTU_BYTES


MEDIA: TaggedUnion[Video | Voice | Audio] = TaggedUnion(
    "kind of media", "kind", {"video": Video, "voice": Voice, "audio": Audio}
)

Media = Annotated[Video | Voice | Audio, MEDIA]


def cut(frame_bytes: int, packet_bytes: int) -> list[int]:
    """Return the sizes of the packets in which a frame travels: as few as possible, of nearly equal size.

    Parameters
    ----------
    frame_bytes
        Size of the frame on the wire, headers included.
    packet_bytes
        Largest packet.
    """
    frame_bytes = max(LEAST_PACKET_BYTES, frame_bytes)
    count = -(-frame_bytes // packet_bytes)
    size, rest = divmod(frame_bytes, count)
    return [size + 1] * rest + [size] * (count - rest)
