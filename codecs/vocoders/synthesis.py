"""Vocoders of the registry at work; one of another package has a process of its own."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from testbed.codecs.guarded.process import GuardedPlugin
from testbed.codecs.guarded.sounds import checked_sounds, sounds_of
from testbed.codecs.guarded.wire import Item
from testbed.codecs.pcm import Pcm16
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.vocoder import Vocoder, VocoderGap, VocoderKind


def vocode(name: str, gaps: Sequence[VocoderGap]) -> list[Pcm16]:
    """Return the sound of gaps, by a vocoder that is not FARGAN.

    Raises
    ------
    PluginError
        A vocoder of another package fails; the message has the reason.
    CodecError
        It lacks its weights.
    """
    if not _is_foreign(name):
        return [*checked_sounds(_made(VOCODERS[name]).synthesize(gaps), gaps)]
    return sounds_of(_process_of(name), gaps)


def prepare(name: str) -> None:
    """Make a vocoder, or start its process.

    Raises
    ------
    PluginError, CodecError
        As of `vocode`.
    """
    if _is_foreign(name):
        _process_of(name).start()
    elif VOCODERS[name].create is not None:
        _made(VOCODERS[name])


def _is_foreign(name: str) -> bool:
    return name not in VOCODERS.builtin


@cache
def _made(kind: VocoderKind) -> Vocoder:
    assert kind.create is not None, "the engine has FARGAN"
    return kind.create()


@cache
def _process_of(name: str) -> GuardedPlugin:
    return GuardedPlugin(f"vocoder {name!r}", f"{__name__}:filler", [name], VOCODERS[name].longest_s)


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
