"""LBRR: Opus's in-band FEC, a low-rate copy of the previous frame (RFC 6716, section 2.1.7)."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from testbed.codecs.scheme import Part
from testbed.codecs.settings import EncoderSettings


class Lbrr(Part):
    """In-band FEC.

    Attributes
    ----------
    bitrate_kbps
        What it may add to the speech; libopus divides the sum. Not used where `codec.total_kbps` is given.
    """

    key: ClassVar[str] = "lbrr"
    bitrate_kbps: float | None = Field(None, gt=0, le=256)

    def label(self) -> str:
        return "LBRR"

    def problem(self, frame_ms: int, total_given: bool) -> tuple[str, str] | None:
        if self.bitrate_kbps is None and not total_given:
            return "bitrate_kbps", "missing: say what LBRR may add to the speech, e.g. bitrate_kbps: 16"
        return None

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        return bitrate_bps if total_given else bitrate_bps + round(1000 * (self.bitrate_kbps or 0))

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        return replace(settings, inband_fec=True)
