"""Concealers of other people at work: in a process of its own each, which this module starts and serves."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from testbed.codecs.concealers import CONCEALERS, PlacedConcealer
from testbed.codecs.concealers.concealer import GapToFill, checked
from testbed.codecs.guarded.process import GuardedPlugin
from testbed.codecs.guarded.wire import Item
from testbed.codecs.pcm import Pcm16
from testbed.errors import PluginError


@lru_cache(maxsize=8)
def process_of(concealer: PlacedConcealer) -> GuardedPlugin:
    """Return a concealer, whose process starts when it is needed, and stays."""
    parameters = concealer.parameters
    arguments = (parameters.key, parameters.model_dump(mode="json"), str(concealer.folder))
    return GuardedPlugin(str(concealer), f"{__name__}:filler", arguments, parameters.longest_s)


def filled(concealer: PlacedConcealer, gaps: Sequence[GapToFill]) -> list[Pcm16]:
    """Return the sound of gaps.

    Raises
    ------
    PluginError
        The concealer fails; the message has the reason.
    """
    items: list[Item] = [{name: np.asarray(value) for name, value in vars(gap).items()} for gap in gaps]
    sounds = []
    for gap, sound in zip(gaps, process_of(concealer).sounds(items), strict=True):
        if len(sound) != gap.samples:
            raise PluginError(f"{concealer}: its process returned {len(sound)} samples, not {gap.samples}")
        sounds.append(sound)
    return sounds


def filler(name: str, parameters: dict[str, Any], folder: str) -> Callable[[Sequence[Item]], Iterator[Pcm16]]:
    """Return what fills gaps; see `testbed.codecs.guarded.child`, whose process calls it."""
    made = CONCEALERS[name].model_validate(parameters).build(Path(folder))

    def fill(items: Sequence[Item]) -> Iterator[Pcm16]:
        gaps = [_gap(item) for item in items]
        count = 0
        for sound in made.fill(gaps):
            if count == len(gaps):
                raise PluginError(f"returned more sounds than gaps, {len(gaps)}")
            yield checked(sound, gaps[count].samples)
            count += 1
        if count < len(gaps):
            raise PluginError(f"returned {count} sounds for {len(gaps)} gaps")

    return fill


def _gap(item: Item) -> GapToFill:
    given: dict[str, Any] = {**item, "samples": int(item["samples"]), "seed": int(item["seed"])}
    return GapToFill(**given)
