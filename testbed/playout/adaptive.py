"""An adaptive playout delay, as NetEq's: the jitter buffer follows the network."""

from typing import Literal

from testbed.parameters import Parameters
from testbed.playout.late import Late


class AdaptivePlayout(Parameters):
    """A jitter buffer whose delay follows the network.

    Attributes
    ----------
    late
        What becomes of sound that arrives while its gap is being concealed.
    """

    policy: Literal["adaptive"]
    late: Late = "stall"
