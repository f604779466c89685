"""The registry of vocoders, which synthesize gaps from features.

A new vocoder is one file and one line here, or an entry point `testbed.vocoders` of another package.
"""

from typing import Annotated

from testbed.codecs.vocoders.vocoder import Vocoder, VocoderKind
from testbed.named_parameters import NameIn
from testbed.registry import Registry

FARGAN = "fargan"
"""The vocoder of libopus."""


def _lpcnet() -> Vocoder:
    from testbed.codecs.vocoders.lpcnet import LpcnetVocoder

    return LpcnetVocoder()


def _lpc() -> Vocoder:
    from testbed.codecs.vocoders.lpc import LpcVocoder

    return LpcVocoder()


VOCODERS: Registry[VocoderKind] = Registry(
    "vocoder",
    {
        FARGAN: VocoderKind("FARGAN", create=None),
        "lpcnet": VocoderKind("LPCNet", _lpcnet),
        "lpc": VocoderKind("LPC", _lpc),
    },
    group="testbed.vocoders",
    kind=VocoderKind,
)

VocoderName = Annotated[str, NameIn(VOCODERS)]
