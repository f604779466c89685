"""Stages: what each does to a packet, and the loss, rate and delay of a list of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, prod
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet

Out = Callable[[Packet], None]
OnDrop = Callable[[Packet, str], None]
Later = Callable[[int, Callable[[Any], object], Any], None]


@dataclass(frozen=True)
class StageContext:
    """What a stage is given to live in.

    Attributes
    ----------
    env
        The simulation's clock, in integer nanoseconds.
    rng
        The stage's own random stream: no one else draws from it.
    out
        Where a packet goes on to.
    drop
        Called with a packet and the name of the cause (a word such as ``"loss"``) when the packet ends here.
    folder
        The folder that relative file names are relative to.
    in_background
        Whether what the stage does does not keep the simulation going.
    """

    env: Clock
    rng: np.random.Generator
    out: Out
    drop: OnDrop
    folder: Path = field(default_factory=Path)
    in_background: bool = False

    @property
    def later(self) -> Later:
        """How the stage has something done later, as by ``later(delay_ns, out, packet)``."""
        return self.env.background if self.in_background else self.env.later


class Stage(Protocol):
    """Takes a packet; passes it on to `StageContext.out` later, twice, or never (with a named cause)."""

    def put(self, packet: Packet) -> None:
        """Take a packet at the present simulated time."""


class BuildsStage(Protocol):
    """Builds a stage."""

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""


class StageParameters(BuildsStage, Protocol):
    """A validated entry of a scenario's `channel:` list; what `testbed.channels.STAGES` lists.

    A stage that can deliver packets in another order than it got them says so with an attribute `reorders`
    that is true, one that can deliver a packet more than once with `duplicates`, and one in which a packet's
    size matters with `serializes`. One that replays a file has a method `doubt(folder)`, which returns how
    else the file could be read, or "". `causes` are the causes of its drops, if not its own name.
    `least_delay_ms` is the delay that it adds to every packet, and a method `mean_kbps` (see
    `Link.mean_kbps`) returns its capacity, if it has one. `examples` are parameters for the
    contract suite.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]]

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that the stage loses, 0 to 1; 0 where it cannot be known.

        `folder` is what relative file names are relative to.
        """


def milliseconds(duration_ms: float) -> int:
    """Return a duration in whole nanoseconds."""
    return round(duration_ms * 1_000_000)


def mean_loss(stages: Sequence[StageParameters], folder: Path) -> float:
    """Return the long-run share of packets that a chain of stages loses, if each loses independently.

    A packet that is doubled counts as one that is not: how many that saves depends on how losses cluster.
    """
    return 1 - prod(1 - parameters.mean_loss(folder) for parameters in stages)


def capacity_kbps(stages: Sequence[StageParameters], duration_ms: float, folder: Path) -> float:
    """Return the mean rate that a chain of stages can carry in its first `duration_ms`; inf without limit."""
    rates_kbps = [
        parameters.mean_kbps(duration_ms, folder) for parameters in stages if hasattr(parameters, "mean_kbps")
    ]
    return min(rates_kbps, default=inf)


def least_delay_ms(stages: Sequence[StageParameters]) -> float:
    """Return the smallest delay of a chain of stages, as far as it is known."""
    return sum(getattr(parameters, "least_delay_ms", 0.0) for parameters in stages)
