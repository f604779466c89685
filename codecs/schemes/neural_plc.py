"""Neural packet loss concealment: libopus predicts features and turns them into sound with FARGAN."""

from typing import ClassVar

from testbed.codecs.schemes.part import Part


class NeuralPlc(Part):
    """Deep PLC, libopus's concealment at decoder complexity 5 and more; what every scheme falls back on."""

    key: ClassVar[str] = "neural_plc"

    def label(self) -> str:
        return "neural PLC"
