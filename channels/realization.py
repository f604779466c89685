"""One draw of a channel: its stages and their random streams, built around a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from testbed.channels import StageSpec
from testbed.channels.clock import Clock
from testbed.channels.stage import BuildsStage, OnDrop, Out, StageContext
from testbed.randomness import generator


@dataclass(frozen=True)
class Realization:
    """One draw of a channel.

    Attributes
    ----------
    stages
        The stages in the order in which a packet meets them.
    rngs
        The random stream of each.
    folder
        The folder that relative file names in stages are relative to.
    """

    stages: Sequence[BuildsStage] = ()
    rngs: Sequence[np.random.Generator] = ()
    folder: Path = field(default_factory=Path)

    @classmethod
    def of(cls, specs: Sequence[StageSpec], folder: Path, seed: int, *purpose: int | str) -> "Realization":
        """Return the realization of a channel for a purpose.

        The random stream of a stage is keyed by its name and its number among the stages of that name, so
        that it does not depend on other stages.

        Parameters
        ----------
        specs
            The entries of the scenario's `channel:`.
        seed, purpose
            See `testbed.randomness.generator`.
        """
        names = [spec.name for spec in specs]
        rngs = [
            generator(seed, *purpose, name, names[:index].count(name)) for index, name in enumerate(names)
        ]
        return cls([spec.parameters for spec in specs], rngs, folder)

    def build(self, env: Clock, out: Out, drop: OnDrop) -> Out:
        """Build the stages and return the entrance of the first one.

        Parameters
        ----------
        env
            The simulation's clock.
        out
            Called with each packet that leaves the last stage.
        drop
            Called with each packet that a stage drops, and the name of the cause.
        """
        for parameters, rng in zip(reversed(self.stages), reversed(self.rngs), strict=True):
            out = parameters.build(StageContext(env, rng, out, drop, self.folder)).put
        return out
