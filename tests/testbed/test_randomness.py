"""Random streams: one a purpose, always the same, and not each other's."""

import numpy as np

from testbed.randomness import derived, generator


def draws(rng: np.random.Generator) -> list[int]:
    return rng.integers(2**63, size=8).tolist()


def test_the_same_purpose_has_the_same_stream_and_another_has_another() -> None:
    first = draws(generator(1, "channel", "clip", 0, "loss"))
    assert first == draws(generator(1, "channel", "clip", 0, "loss"))
    others = [
        generator(2, "channel", "clip", 0, "loss"),
        generator(1, "channel", "clip", 1, "loss"),
        generator(1, "channel", "clip", "0", "loss"),
        generator(1, "channelclip", 0, "loss"),
    ]
    assert all(draws(other) != first for other in others)


def test_streams_are_uncorrelated() -> None:
    count, length = 50, 4000
    rows = np.array([generator(0, "purpose", index).standard_normal(length) for index in range(count)])
    correlations = np.corrcoef(rows)[np.triu_indices(count, 1)]
    # Each is near normal with deviation 1 / sqrt(length); 1225 of them stay within 5 of these.
    assert np.abs(correlations).max() < 5 / np.sqrt(length)


def test_a_derived_stream_leaves_its_parent_alone() -> None:
    parent, twin = generator(3, "loss"), generator(3, "loss")
    child = draws(derived(parent, "call 2"))
    assert draws(parent) == draws(twin) != child
    assert child == draws(derived(twin, "call 2")) != draws(derived(twin, "call 3"))
