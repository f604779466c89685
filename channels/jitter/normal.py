"""Normally distributed delays."""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from testbed.channels.jitter.model import JitterModel


class NormalJitter(JitterModel):
    """Normally distributed delays; one below 0 becomes 0, which is rare if the mean is several deviations."""

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"mean_ms": 40, "std_ms": 10, "correlation": 0.9},
        {"mean_ms": 20, "std_ms": 20, "reorder": True},
    )

    model: Literal["normal"] = "normal"

    def shape(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the delays in ms that belong to standard normal numbers."""
        return np.maximum(0.0, self.mean_ms + self.std_ms * normal)
