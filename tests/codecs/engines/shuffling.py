"""An engine that yields its results in random order."""

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from testbed.codecs.engines.engine import Engine, Job, Key
from testbed.codecs.pcm import Pcm16


class ShufflingEngine:
    """Decodes with another engine, a few jobs at a time, and yields the sound of each few in random order."""

    def __init__(self, engine: Engine, held: int = 5) -> None:
        self._engine = engine
        self._held = held
        self._random = Random(1)

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        return self._engine.dred_reach_samples(sent)

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        rest = iter(jobs)
        while held := list(islice(rest, self._held)):
            done = list(self._engine.decode(held))
            yield from self._random.sample(done, len(done))
