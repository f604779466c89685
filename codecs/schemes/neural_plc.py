"""Neural packet loss concealment: features are predicted, and a vocoder synthesizes them."""

from typing import ClassVar

from testbed.codecs.concealers import Concealer
from testbed.codecs.schemes.part import SchemePart, with_vocoder
from testbed.codecs.vocoders import FARGAN, VocoderName


class NeuralPlc(SchemePart):
    """Deep PLC: libopus's concealment at decoder complexity 5 and above. Every scheme falls back on it.

    Attributes
    ----------
    vocoder
        Synthesizes the features that libopus's network predicts: ``fargan``, libopus's own; ``lpcnet``,
        LPCNet of 2019 with FreeDV's weights, which `testbed lpcnet fetch` gets; ``lpc``, pulses and noise
        through a filter, without a network; or one of another package. All but ``fargan`` need
        `engine: numba`.
    """

    key: ClassVar[str] = "neural_plc"
    capability: ClassVar[str] = "deep_plc"
    vocoder: VocoderName = FARGAN

    def label(self) -> str:
        return with_vocoder("neural PLC", self.vocoder)

    def concealed_by(self) -> Concealer:
        return "codec"

    def synthesized_by(self) -> str:
        return self.vocoder
