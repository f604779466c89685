"""Gaps synthesized by a vocoder of the registry, as 16-bit samples."""

from collections.abc import Sequence
from functools import cache

from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.vocoder import Vocoder, VocoderGap, VocoderKind


def vocode(name: str, gaps: Sequence[VocoderGap]) -> list[Pcm16]:
    """Return the sound of gaps, by a vocoder that is not FARGAN."""
    return [int16_from_float(sound) for sound in _made(VOCODERS[name]).synthesize(gaps)]


@cache
def _made(kind: VocoderKind) -> Vocoder:
    assert kind.create is not None, "the engine has FARGAN"
    return kind.create()
