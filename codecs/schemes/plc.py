"""Classic packet loss concealment: libopus extrapolates pitch and spectrum, without a network."""

from typing import ClassVar

from testbed.codecs.schemes.part import Part


class ClassicPlc(Part):
    """The concealment of libopus up to 1.3: the decoder at complexity 0."""

    key: ClassVar[str] = "plc"

    def label(self) -> str:
        return "classic PLC"

    def decoder_complexity(self, complexity: int) -> int:
        return 0
