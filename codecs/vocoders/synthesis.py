"""Gaps synthesized by a vocoder of the registry, as 16-bit samples; another package's has its own process."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from testbed.codecs.guarded.process import GuardedPlugin
from testbed.codecs.guarded.sounds import checked_sounds, sounds_of
from testbed.codecs.guarded.wire import Item
from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.vocoder import Vocoder, VocoderGap, VocoderKind

_LONGEST_S = 30
"""Longest time for the sound of a gap."""


def vocode(name: str, gaps: Sequence[VocoderGap]) -> list[Pcm16]:
    """Return the sound of gaps, by a vocoder that is not FARGAN.

    Raises
    ------
    PluginError
        A vocoder of another package fails; the message has the reason.
    """
    if any(plugin.name == name for plugin in VOCODERS.plugins):
        return sounds_of(_process_of(name), gaps)
    return [int16_from_float(sound) for sound in _made(VOCODERS[name]).synthesize(gaps)]


@cache
def _made(kind: VocoderKind) -> Vocoder:
    assert kind.create is not None, "the engine has FARGAN"
    return kind.create()


@cache
def _process_of(name: str) -> GuardedPlugin:
    return GuardedPlugin(f"vocoder {name!r}", f"{__name__}:filler", [name], _LONGEST_S)


def filler(name: str) -> Callable[[Sequence[Item]], Iterator[Pcm16]]:
    """Return what synthesizes gaps; see `testbed.codecs.guarded.child`, whose process calls it."""
    made = _made(VOCODERS[name])

    def fill(items: Sequence[Item]) -> Iterator[Pcm16]:
        gaps = [
            VocoderGap(item["past"], item["past_features"], item["features"], int(item["seed"]))
            for item in items
        ]
        return checked_sounds(made.synthesize(gaps), gaps)

    return fill
