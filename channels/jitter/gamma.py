"""Gamma-distributed delays: never below 0, with a long tail."""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from testbed.channels.jitter.model import JitterModel


class GammaJitter(JitterModel):
    """Gamma-distributed delays of any mean and standard deviation.

    Shape and scale are ``(mean / std) ** 2`` and ``std ** 2 / mean``. Each delay has the same rank in its
    distribution as the normal number that it comes from (a Gaussian copula).
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"mean_ms": 30, "std_ms": 20, "correlation": 0.8},
        {"mean_ms": 20, "std_ms": 40, "reorder": True},
    )

    model: Literal["gamma"] = "gamma"

    def shape(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the delays in ms that belong to standard normal numbers."""
        from scipy.special import gammainccinv, ndtr

        shape, scale = (self.mean_ms / self.std_ms) ** 2, self.std_ms**2 / self.mean_ms
        return np.asarray(scale * gammainccinv(shape, ndtr(-normal)), dtype=np.float64)
