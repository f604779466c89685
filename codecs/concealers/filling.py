"""Concealers of other people at work: in a process of its own each, which this module starts and serves."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from testbed.codecs.concealers import CONCEALERS, PlacedConcealer
from testbed.codecs.concealers.concealer import GapToFill
from testbed.codecs.guarded.process import GuardedPlugin
from testbed.codecs.guarded.sounds import checked_sounds, sounds_of
from testbed.codecs.guarded.wire import Item
from testbed.codecs.pcm import Pcm16
from testbed.errors import PluginError
from testbed.files import file_sha256
from testbed.parameters import files_named


@lru_cache(maxsize=8)
def process_of(concealer: PlacedConcealer) -> GuardedPlugin:
    """Return a concealer, whose process starts when it is needed, and stays."""
    parameters = concealer.parameters
    arguments = (
        parameters.key,
        parameters.model_dump(mode="json"),
        str(concealer.folder),
        concealer.digests,
    )
    return GuardedPlugin(str(concealer), f"{__name__}:filler", arguments, parameters.longest_s)


def filled(concealer: PlacedConcealer, gaps: Sequence[GapToFill]) -> list[Pcm16]:
    """Return the sound of gaps.

    Raises
    ------
    PluginError
        The concealer fails; the message has the reason.
    """
    return sounds_of(process_of(concealer), gaps)


def filler(
    name: str, parameters: dict[str, Any], folder: str, digests: Sequence[str]
) -> Callable[[Sequence[Item]], Iterator[Pcm16]]:
    """Return what fills gaps; see `testbed.codecs.guarded.child`, whose process calls it.

    Raises
    ------
    PluginError
        One of its files is not the one that the scenario named.
    """
    checked = CONCEALERS[name].model_validate(parameters)
    made = checked.build(Path(folder))
    for file, digest in zip(files_named(checked), digests, strict=False):
        path = Path(folder) / file
        if file_sha256(path) != digest:
            raise PluginError(f"{path}: has changed since the scenario was read")

    def fill(items: Sequence[Item]) -> Iterator[Pcm16]:
        gaps = [_gap(item) for item in items]
        return checked_sounds(made.fill(gaps), gaps)

    return fill


def _gap(item: Item) -> GapToFill:
    given: dict[str, Any] = {**item, "samples": int(item["samples"]), "seed": int(item["seed"])}
    return GapToFill(**given)
