"""Independent losses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.channels.loss.model import BLOCK, LossModel


class Bernoulli(LossModel):
    """Each packet is lost with the same probability, independent of the others.

    Attributes
    ----------
    rate
        Probability of loss, 0 to 1.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"rate": 0.1}, {"rate": 0.0}, {"rate": 1.0})

    model: Literal["bernoulli"] = "bernoulli"
    rate: float = Field(ge=0, le=1)

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is lost."""
        while True:
            yield from (rng.random(BLOCK) < self.rate).tolist()

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that are lost."""
        return self.rate
