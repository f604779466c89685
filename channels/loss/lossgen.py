"""Losses as in real calls, at any rate: the neural generator of libopus."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.channels.loss.model import BLOCK, LossModel
from testbed.errors import ChannelError, CodecError
from testbed.files import cache_dir

WEIGHTS = Path("opus", "current", "source", "dnn", "lossgen_data.c")
"""Path of the generator's weights in the user's cache; `testbed opus build` puts them there."""
SKIPPED_PACKETS = 1000
"""Packets that libopus's own generator skips, as the first ones are not quite random."""


class Lossgen(LossModel):
    """libopus's neural generator (``dnn/lossgen.c``), trained on the calls of the PLC Challenge.

    The network was trained to reach the given rate, and nearly does: to 0.055 for 0.05, to 0.20 for 0.2 and
    to 0.49 for 0.5.

    Attributes
    ----------
    rate
        Share of packets to be lost, above 0 and below 1.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"rate": 0.2},)

    model: Literal["lossgen"] = "lossgen"
    rate: float = Field(gt=0, lt=1)

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is lost; each takes one random number.

        Raises
        ------
        ChannelError
            If libopus has not been built here.
        """
        return _without_end(rng, self.rate, _network(cache_dir() / WEIGHTS))

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the requested share."""
        return self.rate


def _without_end(rng: np.random.Generator, rate: float, network: Any) -> Iterator[bool]:
    from testbed.kernels.lossgen import draw, fresh_state

    state1, state2, last = fresh_state()
    draw(network, state1, state2, last, rate, rng.random(SKIPPED_PACKETS, np.float32))
    while True:
        yield from draw(network, state1, state2, last, rate, rng.random(BLOCK, np.float32)).tolist()


@lru_cache(maxsize=1)
def _network(path: Path) -> Any:
    from testbed.kernels import lossgen

    if not path.is_file():
        raise ChannelError(
            "the loss model 'lossgen' is in libopus's source, which is not on this machine: "
            "run 'testbed opus build' first"
        )
    try:
        return lossgen.network(lossgen.read_arrays(path))
    except CodecError as error:
        raise ChannelError(f"the loss model 'lossgen' cannot be read: {error}") from None
