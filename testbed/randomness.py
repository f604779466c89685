"""One independent random generator per purpose, the same on any executor and in any order."""

import hashlib
from collections.abc import Sequence

import numpy as np


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return the generator that belongs to a purpose.

    Parameters
    ----------
    seed
        The scenario's seed, 0 or more.
    purpose
        What the numbers are for, as words and counters, e.g. ``("channel", clip, realization, "loss")``.
        Two different purposes give independent streams (NumPy's `SeedSequence`).
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *_words(*purpose)]))


def stage_generators(seed: int, *purpose: int | str, stages: Sequence[str]) -> list[np.random.Generator]:
    """Return the generator of each stage of a channel.

    A stage is keyed by its name and its number among the stages of that name, so that its stream does not
    depend on other stages.

    Parameters
    ----------
    seed, purpose
        See `generator`.
    stages
        Names of the stages in the order in which a packet meets them.
    """
    return [generator(seed, *purpose, name, stages[:index].count(name)) for index, name in enumerate(stages)]


def derived(parent: np.random.Generator, *purpose: int | str) -> np.random.Generator:
    """Return a generator for one purpose of a generator's owner; the parent's own stream is left alone."""
    seed = parent.bit_generator.seed_seq
    assert isinstance(seed, np.random.SeedSequence)
    key = (*seed.spawn_key, *_words(*purpose))
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=key))


def _words(*purpose: int | str) -> list[int]:
    text = "\x1f".join(f"{type(word).__name__}:{word}" for word in purpose)
    digest = hashlib.sha256(text.encode()).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u4")]
