"""The budget of a scheme: the part of a rate on the wire that is left for speech and redundancy.

A packet consists of headers, and an Opus packet for its frame and for each frame copied (RFC 2198).
libopus divides the encoder's bitrate among speech, LBRR and DRED itself, so a copy repeats all three.
"""

from dataclasses import dataclass, replace

from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.rtp.red import BLOCK_HEADER_BYTES, PRIMARY_HEADER_BYTES
from testbed.codecs.schemes import SchemeSpec
from testbed.codecs.schemes.redundancy import Redundancy

HIGHEST_ENCODER_BPS = 510_000


@dataclass(frozen=True, slots=True)
class Allocation:
    """Settings of the sender from the next frame on.

    Attributes
    ----------
    settings
        For `testbed.codecs.opus.codec.Encoder.tune`.
    distances
        Distances of the RED copies from their packet, in frames, farthest first; empty: no RED.
    """

    settings: EncoderSettings
    distances: tuple[int, ...] = ()

    def wire_kbps(self, header_bytes: int) -> float:
        """Return the rate on the wire if the encoder keeps to its bitrate.

        Parameters
        ----------
        header_bytes
            RTP with its extensions, UDP and IP; RED's own headers come on top.
        """
        copies = len(self.distances)
        overhead_bytes = header_bytes + red_header_bytes(copies)
        return self.settings.bitrate_bps * (1 + copies) / 1000 + 8 * overhead_bytes / self.settings.frame_ms


@dataclass(frozen=True, slots=True)
class SchemeBudget:
    """Upper bound of the spending of a scheme, under any policy.

    Attributes
    ----------
    settings
        Encoder settings of the scheme at a constant rate.
    speech_bps
        Bitrate of the speech alone.
    redundancy
        All redundancy of the scheme.
    """

    settings: EncoderSettings
    speech_bps: int
    redundancy: Redundancy

    @classmethod
    def of(cls, scheme: SchemeSpec, speech: EncoderSettings, total_given: bool = False) -> "SchemeBudget":
        """Return the budget of a scheme, given the scenario's settings for the speech."""
        settings = scheme.encoder_settings(speech, total_given)
        total_bps = settings.bitrate_bps
        redundancy = scheme.redundancy(total_bps, total_given)
        return cls(settings, max(1, total_bps - redundancy.in_encoder_bps), redundancy)

    def allocation(self, encoder_bps: int, redundancy: Redundancy, loss_percent: int) -> Allocation:
        """Return the allocation that spends a bitrate of the encoder on speech and this redundancy."""
        settings = replace(
            self.settings,
            bitrate_bps=min(encoder_bps, HIGHEST_ENCODER_BPS),
            inband_fec=redundancy.lbrr_bps > 0,
            dred_depth_ms=redundancy.dred_depth_ms,
            expected_loss_percent=loss_percent,
        )
        return Allocation(settings, redundancy.distances)


def red_header_bytes(copies: int) -> int:
    """Return the size of RED's headers in a packet."""
    return PRIMARY_HEADER_BYTES + copies * BLOCK_HEADER_BYTES if copies else 0


def encoder_bps(target_kbps: float, copies: int, header_bytes: int, frame_ms: int) -> int:
    """Return the highest encoder bitrate that fits into a target on the wire, or 0 if none does."""
    packet_bits = target_kbps * frame_ms
    payload_bits = packet_bits - 8 * (header_bytes + red_header_bytes(copies))
    return max(0, int(payload_bits * 1000 / frame_ms / (1 + copies)))
