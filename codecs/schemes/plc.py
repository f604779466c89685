"""Concealment without a network: by libopus, which extrapolates pitch and spectrum, or by NetEq."""

from typing import ClassVar

from testbed.codecs.schemes.part import Concealer, SchemePart


class ClassicPlc(SchemePart):
    """Classic concealment.

    Attributes
    ----------
    concealer
        ``codec``: libopus up to 1.3, a decoder at complexity 0. ``neteq``: Expand and Merge of libwebrtc's
        receiver, which browsers use with Opus; the decoder is not told of the loss.
    """

    key: ClassVar[str] = "plc"
    excludes: ClassVar[dict[str, str]] = {
        "neural_plc": "a decoder conceals in one way",
        "dred": "libopus decodes DRED only with its networks on",
    }
    concealer: Concealer = "codec"

    def label(self) -> str:
        return "classic PLC" if self.concealer == "codec" else "NetEq PLC"

    def decoder_complexity(self, complexity: int) -> int:
        return 0

    def concealed_by(self) -> Concealer:
        return self.concealer
