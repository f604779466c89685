"""LBRR: Opus's in-band FEC, a low-rate copy of the previous frame (RFC 6716, section 2.1.7)."""

from dataclasses import replace
from typing import ClassVar

from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes.part import WithinEncoder


class Lbrr(WithinEncoder):
    """In-band FEC."""

    key: ClassVar[str] = "lbrr"
    usual_kbps: ClassVar[int] = 16

    def label(self) -> str:
        return "LBRR"

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        return replace(settings, inband_fec=True)
