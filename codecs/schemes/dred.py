"""DRED: up to a second of past speech as latents in each packet (draft-ietf-mlcodec-opus-dred)."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from testbed.codecs.scheme import Part
from testbed.codecs.settings import EncoderSettings


class Dred(Part):
    """Deep redundancy.

    Attributes
    ----------
    depth_ms
        How far back each packet is asked to reach. libopus sends as much of it as its rate rule grants.
    bitrate_kbps
        What it may add to the speech; libopus divides the sum. Not used where `codec.total_kbps` is given.
    """

    key: ClassVar[str] = "dred"
    depth_ms: int = Field(ge=20, le=1000, multiple_of=10)
    bitrate_kbps: float | None = Field(None, gt=0, le=256)

    def label(self) -> str:
        return f"DRED {self.depth_ms} ms"

    def problem(self, frame_ms: int, total_given: bool) -> tuple[str, str] | None:
        if self.bitrate_kbps is None and not total_given:
            return "bitrate_kbps", "missing: say what DRED may add to the speech, e.g. bitrate_kbps: 32"
        return None

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        return bitrate_bps if total_given else bitrate_bps + round(1000 * (self.bitrate_kbps or 0))

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        return replace(settings, dred_depth_ms=self.depth_ms)
