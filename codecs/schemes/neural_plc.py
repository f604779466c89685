"""Neural packet loss concealment: libopus predicts features and synthesizes them with FARGAN."""

from typing import ClassVar

from testbed.codecs.schemes.part import Concealer, SchemePart


class NeuralPlc(SchemePart):
    """Deep PLC: libopus's concealment at decoder complexity 5 and above. Every scheme falls back on it."""

    key: ClassVar[str] = "neural_plc"
    capability: ClassVar[str] = "deep_plc"

    def label(self) -> str:
        return "neural PLC"

    def concealed_by(self) -> Concealer:
        return "codec"
