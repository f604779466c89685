"""Losses from a Markov chain with any number of states."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from testbed.channels.loss.model import BLOCK, LossModel
from testbed.named_parameters import invalid

Probability = Annotated[float, Field(ge=0, le=1)]
_ROW_TOLERANCE = 1e-6
_MOST_STATES = 64


class Markov(LossModel):
    """A channel with n states, which may change from packet to packet; each has its own probability of loss.

    With two states this is the Gilbert-Elliott model. A channel starts in a state drawn from the stationary
    distribution, so there must be only one: no two groups of states that are never left.

    Attributes
    ----------
    transitions
        Row i has the probabilities that each state follows state i; every row sums to 1.
    loss
        Probability of loss in each state.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"transitions": [[0.95, 0.04, 0.01], [0.3, 0.6, 0.1], [0.0, 0.2, 0.8]], "loss": [0.0, 0.3, 0.95]},
        {"transitions": [[1]], "loss": [0.5]},
    )

    model: Literal["markov"] = "markov"
    transitions: tuple[tuple[Probability, ...], ...]
    loss: tuple[Probability, ...]

    @model_validator(mode="after")
    def _is_a_chain(self) -> "Markov":
        states = len(self.transitions)
        if not 1 <= states <= _MOST_STATES:
            raise invalid(f"needs at least one row and at most {_MOST_STATES}", "transitions")
        for index, row in enumerate(self.transitions):
            if len(row) != states:
                raise invalid(
                    f"row {index + 1} has {len(row)} probabilities; for {states} states it needs {states}",
                    "transitions",
                    index,
                    value=row,
                )
            if abs(sum(row) - 1) > _ROW_TOLERANCE:
                raise invalid(
                    f"row {index + 1} must sum to 1, not {sum(row):g}", "transitions", index, value=row
                )
        if len(self.loss) != states:
            raise invalid(f"must have {states} probabilities, one for each state", "loss", value=self.loss)
        if not _has_one_end(np.array(self.transitions)):
            raise invalid(
                "these states fall into groups that are never left, so how often each occurs depends on "
                "where the chain starts: connect them, or leave a group out",
                "transitions",
            )
        return self

    def stationary(self) -> NDArray[np.float64]:
        """Return the long-run share of packets in each state."""
        step = np.array(self.transitions)
        equations = np.vstack([step.T - np.eye(len(step)), np.ones(len(step))])
        shares = np.linalg.lstsq(equations, np.append(np.zeros(len(step)), 1.0))[0]
        shares = np.clip(shares, 0, None)
        return np.asarray(shares / shares.sum(), dtype=np.float64)

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is lost; each takes two random numbers."""
        last = len(self.transitions) - 1
        ladders = [list(accumulate(row))[:last] for row in self.transitions]
        state = bisect_right(np.cumsum(self.stationary())[:last].tolist(), rng.random())
        while True:
            for change, fate in rng.random((BLOCK, 2)).tolist():
                yield fate < self.loss[state]
                state = bisect_right(ladders[state], change)

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that are lost."""
        return float(self.stationary() @ np.array(self.loss))


def _has_one_end(step: NDArray[np.float64]) -> bool:
    """Return whether some state can be reached from every state."""
    reached = (step > 0) | np.eye(len(step), dtype=bool)
    for _ in range(len(step).bit_length()):
        reached = reached @ reached
    return bool(reached.all(axis=0).any())
