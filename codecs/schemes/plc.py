"""Classic packet loss concealment: libopus extrapolates pitch and spectrum, without a network."""

from typing import ClassVar

from testbed.codecs.schemes.part import SchemePart


class ClassicPlc(SchemePart):
    """The concealment of libopus up to 1.3: a decoder at complexity 0."""

    key: ClassVar[str] = "plc"
    excludes: ClassVar[dict[str, str]] = {
        "neural_plc": "a decoder conceals in one way",
        "dred": "libopus decodes DRED only with its networks on",
    }

    def label(self) -> str:
        return "classic PLC"

    def decoder_complexity(self, complexity: int) -> int:
        return 0
