"""Speech to train on, as features: Debian's packages of recordings, or files of one's own.

Two speakers, Carlo and June, are never trained on: the curves of a training are measured with them. Of files
of one's own each tenth is held out.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.apt import private_apt, unpack
from testbed.clip_cutting import decode_g722
from testbed.corpus_voices import ASTERISK, HELD_OUT_SPEAKERS, MORE, CorpusVoice
from testbed.errors import NoNetworkError, SpeechError, TrainingError
from testbed.files import cache_dir, written_whole
from testbed.locks import one_at_a_time
from testbed.randomness import generator
from testbed.recording import read_recording
from testbed.speech import matching_files
from testbed.training.features import Features, features_of

DEBIAN = "debian"
LEAST_S = {"train on": 30, "measure on": 5}
"""Shortest speech for each use."""
_RECIPE = 1
_MOST_FILES = 1_000_000
_HELD_OUT_FILES = 10
_SHORTEST_SAMPLES = 9600
_QUIETEST_PEAK = 0.01
_BSD = MORE[0]
_GPL = tuple({voice.package: voice for voice in MORE if voice.licence.startswith("GPL")}.values())

Tell = Callable[[str], None]
Recording = NDArray[np.float32]


class TrainingSpeech(NamedTuple):
    """What a training hears.

    Attributes
    ----------
    trained, held_out
        float16 (frames, 20): recordings one after another, to train on and to measure on.
    sources
        Packages with speaker and licence, and files.
    """

    trained: Features
    held_out: Features
    sources: tuple[str, ...]


def load_speech(names: Sequence[str], with_gpl: bool, tell: Tell) -> TrainingSpeech:
    """Return the features of speech.

    Parameters
    ----------
    names
        Files, folders and patterns; ``debian`` for the packages, which are fetched the first time.
    with_gpl
        Whether to fetch the packages under the GPL, too.
    tell
        Called with one line of text at each step.

    Raises
    ------
    FetchError
        A package cannot be fetched.
    SpeechError
        A name matches no file, or there is too little speech.
    """
    if with_gpl and DEBIAN not in names:
        raise TrainingError(f"--with-gpl adds to Debian's packages; give --speech {DEBIAN}, too")
    parts = [_of_debian(with_gpl, tell)] if DEBIAN in names else []
    if own := [name for name in names if name != DEBIAN]:
        parts.append(_of_files(own, tell))
    speech = _joined(parts)
    for (use, least_s), features in zip(LEAST_S.items(), speech[:2], strict=True):
        if len(features) < 100 * least_s:
            raise SpeechError(
                f"--speech: {len(features) / 100:.0f} s of speech to {use}; at least {least_s} s are needed"
            )
    return speech


def _of_files(names: Sequence[str], tell: Tell) -> TrainingSpeech:
    paths = matching_files(names, Path(), "--speech", _MOST_FILES)
    tell(f"Reading {len(paths)} recordings")
    recordings, left_out = list[Recording](), list[str]()
    for path in paths:
        try:
            recordings.append(read_recording(path).pcm)
        except SpeechError as error:
            left_out.append(str(error))
    if left_out:
        tell(f"Note: {len(left_out)} of {len(paths)} files are left out, the first because {left_out[0]}")
    if len(recordings) < 2:
        raise SpeechError("--speech: two recordings or more are needed, one of them to measure on")
    held_out = recordings[::_HELD_OUT_FILES]
    del recordings[::_HELD_OUT_FILES]
    random = generator(_RECIPE, "training speech", "files")
    return TrainingSpeech(
        features_of(recordings, random),
        features_of(held_out),
        (f"{len(recordings)} files of {', '.join(names)}",),
    )


def _of_debian(with_gpl: bool, tell: Tell) -> TrainingSpeech:
    """Return the features of the packages; they are kept in the user's cache."""
    voices = (*ASTERISK, _BSD, *(_GPL if with_gpl else ()))
    kept = cache_dir() / "training" / f"{DEBIAN}{'-gpl' * with_gpl}-{_RECIPE}.npz"
    with one_at_a_time(
        cache_dir() / ".training.lock", lambda: tell("Another training fetches speech: waiting for it")
    ):
        if not kept.is_file():
            speech = _joined(list(_fetched(voices, tell)))
            with written_whole(kept) as path:
                np.savez(path, trained=speech.trained, held_out=speech.held_out, sources=speech.sources)
            return speech
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            return TrainingSpeech(arrays["trained"], arrays["held_out"], tuple(map(str, arrays["sources"])))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError(f"{kept}: cannot be read ({error}); remove it, and it is made again") from None


def _joined(parts: Sequence[TrainingSpeech]) -> TrainingSpeech:
    trained, held_out = (np.concatenate([part[use] for part in parts]) for use in (0, 1))
    return TrainingSpeech(trained, held_out, tuple(source for part in parts for source in part.sources))


def _fetched(voices: Sequence[CorpusVoice], tell: Tell) -> Iterator[TrainingSpeech]:
    with tempfile.TemporaryDirectory(prefix=".training.", dir=cache_dir()) as temporary:
        work = Path(temporary)
        try:
            apt = private_apt(work / "apt")
            for voice in voices:
                tell(f"Fetching {voice.package}")
                package = apt.download(voice.package, work)
                unpack(package, work / voice.package)
                yield _of_voice(voice, work / voice.package / voice.folder, package.stem, tell)
        except NoNetworkError as error:
            raise NoNetworkError(
                f"{error}. Connect this machine, or train on recordings of your own with --speech PATH"
            ) from None


def _of_voice(voice: CorpusVoice, folder: Path, package: str, tell: Tell) -> TrainingSpeech:
    files = [path for path in sorted(folder.rglob(f"*.{voice.suffix}")) if "silence" not in path.parts]
    recordings = [recording for path in files if (recording := _usable(path)) is not None]
    minutes = sum(map(len, recordings)) / 16_000 / 60
    tell(f"Computing features of {minutes:.0f} minutes")
    source = f"Debian {package}: {minutes:.0f} min of {voice.attribution}, {voice.licence}"
    nothing = np.empty((0, 20), np.float16)
    if voice.speaker in HELD_OUT_SPEAKERS:
        return TrainingSpeech(nothing, features_of(recordings), (f"{source}, held out",))
    random = generator(_RECIPE, "training speech", voice.key)
    return TrainingSpeech(features_of(recordings, random), nothing, (source,))


def _usable(path: Path) -> Recording | None:
    try:
        pcm = decode_g722(path) if path.suffix == ".g722" else read_recording(path).pcm
    except (SpeechError, ValueError):  # shorter than a second, or empty
        return None
    is_speech = len(pcm) >= _SHORTEST_SAMPLES and np.abs(pcm).max() > _QUIETEST_PEAK
    return pcm.astype(np.float32) if is_speech else None
