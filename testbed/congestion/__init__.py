"""The registry of congestion controllers.

A new controller is one file and one line here, or an entry point `testbed.controllers` of another package.
"""

from typing import Annotated

from testbed.congestion.controller import ControllerParameters
from testbed.congestion.gcc import Gcc
from testbed.congestion.nada import Nada
from testbed.congestion.none import NoControl
from testbed.congestion.scream import Scream
from testbed.named_parameters import TaggedUnion

CONTROLLERS: TaggedUnion[ControllerParameters] = TaggedUnion(
    "congestion controller",
    "controller",
    {"none": NoControl, "gcc": Gcc, "nada": Nada, "scream": Scream},
    group="testbed.controllers",
    kind=ControllerParameters,
)

ControllerSpec = Annotated[ControllerParameters, CONTROLLERS]

__all__ = ["CONTROLLERS", "ControllerSpec"]
