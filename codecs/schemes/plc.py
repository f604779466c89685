"""Concealment without libopus's networks: by its classic PLC, by NetEq, or by a concealer of one's own."""

from collections.abc import Mapping
from typing import ClassVar

from testbed.codecs.concealers import AnyConcealer, ConcealerParameters
from testbed.codecs.schemes.part import SchemePart


class ClassicPlc(SchemePart):
    """Concealment by a concealer.

    Attributes
    ----------
    concealer
        ``codec``: libopus up to 1.3, a decoder at complexity 0. ``neteq``: Expand and Merge of libwebrtc's
        receiver, which browsers use with Opus; the decoder is not told of the loss. ``{onnx: FILE}``: a
        network in ONNX. Others are of other packages. One that is not the testbed's own needs ``engine:
        numba``, can have ``dred`` beside it, and leaves the decoder's complexity as it is.
    """

    key: ClassVar[str] = "plc"
    concealer: AnyConcealer = "codec"

    def excludes(self) -> Mapping[str, str]:
        excluded = {"neural_plc": "a decoder conceals in one way"}
        if not isinstance(self.concealer, ConcealerParameters):
            excluded["dred"] = "libopus decodes DRED only with its networks on"
        return excluded

    def label(self) -> str:
        if isinstance(self.concealer, ConcealerParameters):
            return self.concealer.label()
        return "classic PLC" if self.concealer == "codec" else "NetEq PLC"

    def decoder_complexity(self, complexity: int) -> int:
        return complexity if isinstance(self.concealer, ConcealerParameters) else 0

    def concealed_by(self) -> AnyConcealer:
        return self.concealer
