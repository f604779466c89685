"""LBRR: Opus's in-band FEC, a low-rate copy of the previous frame (RFC 6716, section 2.1.7)."""

from dataclasses import replace
from typing import ClassVar

from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes.part import WithinEncoder
from testbed.codecs.schemes.redundancy import Redundancy

SHARE = 0.25
"""Share of a total that LBRR is taken to cost."""


class Lbrr(WithinEncoder):
    """In-band FEC: a low-rate copy of the previous frame, written by libopus."""

    key: ClassVar[str] = "lbrr"
    capability: ClassVar[str] = "lbrr"
    usual_kbps: ClassVar[int] = 16

    def label(self) -> str:
        return "LBRR"

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        return replace(settings, inband_fec=True)

    def redundancy(self, total_bps: int, total_given: bool) -> Redundancy:
        return Redundancy(lbrr_bps=self.cost_bps(total_bps, total_given))

    def usual_cost_bps(self, total_bps: int) -> int:
        return round(SHARE * total_bps)
