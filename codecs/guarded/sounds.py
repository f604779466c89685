"""Gaps that go to a plugin, and the sounds that it gives them, checked."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from testbed.codecs.guarded.process import GuardedPlugin
from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.errors import PluginError

MOST_GAPS = 64
"""Gaps that a plugin is given together."""


class HasSamples(Protocol):
    """A gap of a known length."""

    @property
    def samples(self) -> int:
        """Its length at 16 kHz."""


def sounds_of(plugin: GuardedPlugin, gaps: Sequence[HasSamples]) -> list[Pcm16]:
    """Return the sound of gaps, which are dataclasses of arrays and numbers, from a plugin's process.

    Raises
    ------
    PluginError
        The plugin fails; the message has the reason.
    """
    sounds = list[Pcm16]()
    for begin in range(0, len(gaps), MOST_GAPS):
        part = gaps[begin : begin + MOST_GAPS]
        items = [{name: np.asarray(value) for name, value in vars(gap).items()} for gap in part]
        for gap, sound in zip(part, plugin.sounds(items), strict=True):
            if len(sound) != gap.samples:
                raise PluginError(f"{plugin}: its process returned {len(sound)} samples, not {gap.samples}")
            sounds.append(sound)
    return sounds


def checked_sounds(made: Iterable[object], gaps: Sequence[HasSamples]) -> Iterator[Pcm16]:
    """Yield what a plugin makes of gaps as int16, as soon as it is there.

    Raises
    ------
    PluginError
        There are more or fewer sounds than gaps, or one is wrong; see `checked`.
    """
    count = 0
    for sound in made:
        if count == len(gaps):
            raise PluginError(f"returned more sounds than gaps, {len(gaps)}")
        yield checked(sound, gaps[count].samples)
        count += 1
    if count < len(gaps):
        raise PluginError(f"returned {count} sounds for {len(gaps)} gaps")


def checked(sound: object, samples: int) -> Pcm16:
    """Return what a plugin gave for a gap of a number of samples, as int16.

    Raises
    ------
    PluginError
        It has another type or length, or holds NaN or an infinity.
    """
    if not isinstance(sound, np.ndarray):
        raise PluginError(f"returned {type(sound).__name__}, not an array")
    if sound.shape != (samples,):
        raise PluginError(f"returned an array of shape {sound.shape}, not ({samples},)")
    if sound.dtype == np.int16:
        return sound
    if not np.issubdtype(sound.dtype, np.floating):
        raise PluginError(f"returned samples of type {sound.dtype}, not int16 or floats")
    if not np.isfinite(sound).all():
        raise PluginError("returned NaN or an infinity")
    return int16_from_float(np.clip(sound, -1, 1).astype(np.float32))
