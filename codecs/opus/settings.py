"""Settings of an Opus encoder, as values that can be compared, hashed and stored."""

from dataclasses import dataclass
from typing import Literal

from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.pcm import SAMPLE_RATE_HZ

Application = Literal["voip", "audio"]
Bandwidth = Literal["narrowband", "mediumband", "wideband", "superwideband", "fullband", "auto"]


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Settings of one Opus encoder; mono, 16 kHz.

    Attributes
    ----------
    bitrate_bps
        Target for the sum, which libopus divides among speech, LBRR and DRED.
    complexity
        0 to 10.
    frame_ms
        Duration of a packet's audio: 10, 20, 40 or 60.
    bandwidth
        The audio bandwidth; ``"auto"``: the encoder chooses.
    rate_mode
        ``"vbr"``, constrained ``"cvbr"`` or ``"cbr"``.
    application
        libopus's application: ``"voip"`` or ``"audio"``.
    signal
        Hint: ``"auto"``, ``"voice"`` or ``"music"``.
    dtx
        Whether silence may become packets of 1 or 2 bytes, which the sender may omit.
    expected_loss_percent
        The loss for which libopus plans its redundancy, 0 to 100. With 0, no DRED is sent.
    inband_fec
        Whether LBRR is encoded.
    dred_depth_ms
        Depth of DRED requested, a multiple of 10 up to 1000 (libopus sends up to 1040); 0 for none.
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
        """Samples per frame."""
        return self.frame_ms * SAMPLE_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class WrittenDred:
    """DRED that the testbed adds to the packets of an encoder; see `testbed.codecs.dred.writer`.

    Attributes
    ----------
    depth_ms
        Its depth, a multiple of 10.
    q0, dq, qmax
        Its quantization; see `testbed.codecs.dred.payload.DredHeader`.
    network
        The network that makes it.
    """

    depth_ms: int
    q0: int
    dq: int
    qmax: int
    network: DredNetwork = LIBOPUS

    @property
    def chunks(self) -> int:
        """Number of latent vectors, each of 40 ms: as many as libopus sends if the bitrate allows."""
        return (self.depth_ms // 10 + 5) // 4
