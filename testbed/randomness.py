"""One independent random generator per purpose, the same on any executor and in any order."""

import hashlib

import numpy as np


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return the generator of a purpose.

    Parameters
    ----------
    seed
        The scenario's seed, 0 or more.
    purpose
        Words and numbers that identify the purpose, e.g. ``("channel", clip, realization, "loss")``.
        Two different purposes give independent streams (NumPy's `SeedSequence`).
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *_words(*purpose)]))


def derived(parent: np.random.Generator, *purpose: int | str) -> np.random.Generator:
    """Return a generator derived from another one, for a purpose; the parent's stream does not change."""
    seed = parent.bit_generator.seed_seq
    assert isinstance(seed, np.random.SeedSequence)
    key = (*seed.spawn_key, *_words(*purpose))
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=key))


def _words(*purpose: int | str) -> list[int]:
    text = "\x1f".join(f"{type(word).__name__}:{word}" for word in purpose)
    digest = hashlib.sha256(text.encode()).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u4")]
