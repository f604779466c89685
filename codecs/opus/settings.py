"""What an Opus encoder is told, as values that can be compared, hashed and stored."""

from dataclasses import dataclass
from typing import Literal

from testbed.codecs.pcm import SAMPLE_RATE_HZ

Application = Literal["voip", "audio"]
Bandwidth = Literal["narrowband", "mediumband", "wideband", "superwideband", "fullband", "auto"]


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Settings of one Opus encoder; mono, 16 kHz.

    Attributes
    ----------
    bitrate_bps
        Total target that libopus divides among speech, LBRR and DRED.
    complexity
        0 to 10.
    frame_ms
        Duration of a packet's audio: 10, 20, 40 or 60.
    bandwidth
        The audio bandwidth that the encoder uses, or ``"auto"`` where it may choose.
    rate_mode
        ``"vbr"``, constrained ``"cvbr"`` or ``"cbr"``.
    application
        libopus's application: ``"voip"`` or ``"audio"``.
    signal
        Hint: ``"auto"``, ``"voice"`` or ``"music"``.
    dtx
        Whether libopus may make packets of 1 or 2 bytes of silence; the sender may leave them out.
    expected_loss_percent
        The loss that libopus plans its redundancy for, 0 to 100. DRED is only sent when it is above 0.
    inband_fec
        Whether LBRR is encoded.
    dred_depth_ms
        DRED asked for, a multiple of 10 up to 1000 (libopus sends up to 1040); 0 for none.
    """

    bitrate_bps: int
    complexity: int = 9
    frame_ms: int = 20
    bandwidth: Bandwidth = "wideband"
    rate_mode: Literal["vbr", "cvbr", "cbr"] = "vbr"
    application: Application = "voip"
    signal: Literal["auto", "voice", "music"] = "auto"
    dtx: bool = False
    expected_loss_percent: int = 0
    inband_fec: bool = False
    dred_depth_ms: int = 0

    @property
    def frame_samples(self) -> int:
        """Samples of one frame."""
        return self.frame_ms * SAMPLE_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class WrittenDred:
    """DRED that is added to the packets of an encoder; see `testbed.codecs.dred_writer`.

    Attributes
    ----------
    depth_ms
        How far back it reaches; a multiple of 10.
    q0, dq, qmax
        How fine it is, see `testbed.codecs.dred.payload.DredHeader`.
    """

    depth_ms: int
    q0: int
    dq: int
    qmax: int

    @property
    def chunks(self) -> int:
        """How many latent vectors, each of 40 ms: as many as libopus sends where it is free to."""
        return (self.depth_ms // 10 + 5) // 4
