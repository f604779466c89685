"""Creates the controller that the parameters ask for."""

from testbed.neteq.by_buffer_level import ByBufferLevel
from testbed.neteq.by_playout_delay import ByPlayoutDelay
from testbed.neteq.controller import NeteqController
from testbed.neteq.parameters import NeteqParameters


def create_controller(parameters: NeteqParameters, samples_per_ms: int) -> NeteqController:
    """Return a fresh controller; media times and lengths have `samples_per_ms` samples per millisecond."""
    if parameters.decide_by == "buffer_level":
        return ByBufferLevel(parameters, samples_per_ms)
    return ByPlayoutDelay(parameters, samples_per_ms)
