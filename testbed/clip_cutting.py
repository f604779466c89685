"""Clips cut from prompts: several of one voice, with pauses, at one active speech level."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.corpus_voices import CorpusVoice
from testbed.errors import SpeechError
from testbed.randomness import generator
from testbed.recording import read_recording

CLIPS_PER_VOICE = 5
ACTIVE_LEVEL_DBOV = -26.0

_FRAME = 320
_FADE = 1600
_PROMPT_S = (1.5, 6.0)
_CLIP_S = (8.0, 12.0)
_PAUSE_S = (0.3, 0.6)
_EDGE_S = 0.25
_ROOM_TONE_DBOV = -85.0
_PROMPTS = Path(__file__).parent / "clips" / "prompts.json"


def cut_clips(voice: CorpusVoice, sounds: Path, recipe: int) -> Iterable[tuple[NDArray[np.int16], list[str]]]:
    """Join the prompts of one voice into clips.

    Parameters
    ----------
    voice
        Speaker of the prompts.
    sounds
        Folder of the prompts.
    recipe
        Version of the cut; keys the random order and the pauses.

    Yields
    ------
    tuple
        Samples (n,) int16 at 16 kHz, 8-12 s, and the names of the prompts in them.

    Raises
    ------
    SpeechError
        If the folder has too few usable prompts.
    """
    random = generator(recipe, "speech corpus", voice.key)
    names = json.loads(_PROMPTS.read_text(encoding="utf-8"))[voice.key]
    order = [names[i] for i in random.permutation(len(names))]
    left = {name: pcm for name in order if (pcm := _prompt(sounds / f"{name}.{voice.suffix}")) is not None}
    low, high = (round(s * SAMPLE_RATE_HZ) for s in _CLIP_S)
    edge = np.zeros(round(_EDGE_S * SAMPLE_RATE_HZ))
    for number in range(1, CLIPS_PER_VOICE + 1):
        pieces, said, length = [edge], list[str](), 2 * len(edge)
        while length < low:
            pause = np.zeros(round(random.uniform(*_PAUSE_S) * SAMPLE_RATE_HZ) if said else 0)
            room = high - length - len(pause)
            name = next((name for name, pcm in left.items() if len(pcm) <= room), None)
            if name is None:
                raise SpeechError(f"{sounds}: too few prompts for clip {number} of {voice.key}")
            pieces += [pause, left.pop(name)]
            said.append(name)
            length += len(pieces[-2]) + len(pieces[-1])
        speech = np.concatenate([*pieces, edge])
        # A studio's gate leaves digital silence, a special case in codecs that calls do not have.
        speech += random.normal(scale=10 ** (_ROOM_TONE_DBOV / 20), size=len(speech))
        yield np.round(speech * 32768).clip(-32768, 32767).astype(np.int16), said


def active_level_dbov(pcm: NDArray[np.float64]) -> tuple[float, NDArray[np.bool_]]:
    """Measure the level of speech while it is active.

    The idea of ITU-T P.56: the active level is the mean power over the time in which the power lies less
    than a margin of 15.9 dB below that same level; here over 20 ms frames, as that definition's fixed point,
    by which the corpora are cut. `testbed.speech_level` has method B of P.56, which lies 0.7 to 1.1 dB lower.

    Parameters
    ----------
    pcm
        Samples (n,) in [-1, 1], at least one 20 ms frame.

    Returns
    -------
    tuple
        The level in dB relative to full scale (-inf for silence), and which 20 ms frames are active.
    """
    power = np.square(pcm[: len(pcm) // _FRAME * _FRAME].reshape(-1, _FRAME)).mean(axis=1)
    active = power > 0
    for _ in range(50):
        if not active.any():
            return -np.inf, active
        level = 10 * np.log10(power[active].mean())
        again = power > 10 ** ((level - 15.9) / 10)
        if np.array_equal(again, active):
            break
        active = again
    return float(level), active


def _prompt(path: Path) -> NDArray[np.float64] | None:
    """Decode a prompt, trim its silent ends and bring it to the active level; None if it is unusable."""
    if not path.is_file() or path.stat().st_size < _FRAME:
        return None
    pcm = decode_g722(path) if path.suffix == ".g722" else read_recording(path).pcm.astype(np.float64)
    level, active = active_level_dbov(pcm)
    where = np.flatnonzero(active)
    if not len(where):
        return None
    margin = 10  # frames: weak onsets and fading vowels do not count as active
    start, stop = max(where[0] - margin, 0) * _FRAME, (where[-1] + 1 + margin) * _FRAME
    pcm = pcm[start:stop] * 10 ** ((ACTIVE_LEVEL_DBOV - level) / 20)
    if not _PROMPT_S[0] <= len(pcm) / SAMPLE_RATE_HZ <= _PROMPT_S[1] or np.abs(pcm).max() > 0.99:
        return None
    # The recording's background noise fades in and out: a hard cut would sound like a lost packet.
    ramp = np.hanning(2 * _FADE)[:_FADE]
    pcm[:_FADE] *= ramp
    pcm[-_FADE:] *= ramp[::-1]
    return pcm


def decode_g722(path: Path) -> NDArray[np.float64]:
    """Return the samples of a G.722 file, (n,) in [-1, 1], 16 kHz."""
    import av

    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float64) / 32768
