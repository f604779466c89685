"""The congestion controllers' registry. A new controller is one new file and one line here."""

from typing import Annotated

from pydantic import Field

from testbed.congestion.gcc import Gcc
from testbed.congestion.nada import Nada
from testbed.congestion.none import NoControl
from testbed.congestion.scream import Scream

CONTROLLERS = {"none": NoControl, "gcc": Gcc, "nada": Nada, "scream": Scream}

ControllerSpec = Annotated[NoControl | Gcc | Nada | Scream, Field(discriminator="controller")]

__all__ = ["CONTROLLERS", "ControllerSpec"]
