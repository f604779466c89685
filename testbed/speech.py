"""Speech: the clips that a scenario says, from the packaged four, the fetched corpus or the user's files."""

import glob
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import SpeechError
from testbed.speech_corpus import SAMPLE_RATE_HZ, corpus_dir, digest, fetch_corpus

if TYPE_CHECKING:
    from testbed.scenario import Speech

PACKAGED = Path(__file__).parent / "clips"
SHORTEST_S = 1
LONGEST_S = 600
MOST_FILES = 1000
_RATES_HZ = (4_000, 768_000)
_SILENCE = 1e-4  # peak; -80 dBov, below what a 16-bit recording of anything has


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes
    ----------
    name
        Unique within a scenario; made of letters, digits, ``-``, ``_`` and ``.``.
    speaker, language
        Who speaks and in which language (ISO 639-1); "" where that is not known.
    pcm
        Samples (n,) float32 in [-1, 1], mono, 16 kHz; read-only.
    source, licence
        Where it comes from and what one may do with it; the licence is "" for the user's own files.
    sha256
        Of the samples as 16-bit little-endian numbers.
    """

    name: str
    speaker: str
    language: str
    pcm: NDArray[np.float32]
    source: str
    licence: str
    sha256: str


def load_clips(speech: "Speech", folder: Path) -> list[Clip]:
    """Load what a scenario's `speech` asks for, always in the same order.

    A corpus gives clip 1 of each voice first, then clip 2 of each, and so on; a glob gives its files by name.
    ``clips: N`` takes the first N.

    Parameters
    ----------
    speech
        The scenario's `speech`: a corpus or a glob of files.
    folder
        Where a relative glob begins: the scenario's folder.

    Raises
    ------
    SpeechError
        If the corpus is not there, a file cannot be used, or there are fewer than N clips.
    """
    if (speech.corpus is None) == (speech.files is None):
        raise SpeechError(
            "speech: give either corpus (asterisk or packaged) or files (a glob), not both or neither"
        )
    if speech.files is not None:
        paths = _matches(speech.files, folder)
        _enough(speech.clips, len(paths), f"speech.files: {speech.files!r} matches")
        return _read_files(paths[: speech.clips])
    where = PACKAGED if speech.corpus == "packaged" else corpus_dir()
    if not (where / "index.json").is_file():
        raise SpeechError(
            "speech.corpus: asterisk is not on this machine yet; `testbed speech fetch` gets it, "
            "or use corpus: packaged (four clips that are always there)"
        )
    entries = _index(where)
    _enough(speech.clips, len(entries), f"speech.corpus: {speech.corpus} has")
    return [_corpus_clip(where, entry) for entry in entries[: speech.clips]]


def fetch(progress: Callable[[str], None] = lambda line: None) -> list[Clip]:
    """Fetch Debian's telephone prompts, cut them into the corpus `asterisk`, and return its clips.

    Does nothing if the corpus is already there.

    Raises
    ------
    FetchError
        If the packages cannot be fetched.
    """
    where = fetch_corpus(progress)
    return [_corpus_clip(where, entry) for entry in _index(where)]


def list_clips() -> dict[str, list[Clip]]:
    """Return the clips of every corpus that is on this machine, by the corpus's name."""
    places = {"packaged": PACKAGED, "asterisk": corpus_dir()}
    return {
        name: [_corpus_clip(where, entry) for entry in _index(where)]
        for name, where in places.items()
        if (where / "index.json").is_file()
    }


def read_speech(path: Path) -> NDArray[np.float32]:
    """Read a recording as mono float32 at 16 kHz.

    Channels are averaged; other rates are converted by soxr at its very high quality. A recording whose
    peak lies beyond full scale (float files, lossy formats) is scaled down to it.

    Parameters
    ----------
    path
        WAV, FLAC, Ogg or whatever else libsndfile reads; 4 to 768 kHz, any number of channels, 1 s to 10 min.

    Returns
    -------
    ndarray
        Samples (n,) float32 in [-1, 1].

    Raises
    ------
    SpeechError
        If the file cannot be read, or is empty, too short, too long, silent, or holds NaN or infinity.
    """
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
                raise SpeechError(f"{path}: a sampling rate of {rate} Hz; it must be 4000 to 768000 Hz")
            # The header is not to be trusted: what is read is bounded, not what it says.
            longest = LONGEST_S * rate
            blocks, length = [], 0
            for block in file.blocks(blocksize=rate, dtype="float32", always_2d=True):
                length += len(block)
                if length > longest:
                    raise SpeechError(
                        f"{path}: longer than {LONGEST_S // 60} minutes; cut it into clips of 8-12 s"
                    )
                blocks.append(block.mean(axis=1))
    except (soundfile.SoundFileError, OSError) as error:
        raise SpeechError(f"{path}: cannot be read as audio ({error}); use WAV, FLAC or Ogg") from None
    if length == 0:
        raise SpeechError(f"{path}: the file holds no samples")
    if length < SHORTEST_S * rate:
        raise SpeechError(f"{path}: only {length / rate:.2f} s; at least {SHORTEST_S} s of speech is needed")
    pcm = np.concatenate(blocks)
    if not np.isfinite(pcm).all():
        raise SpeechError(
            f"{path}: holds NaN or infinity at {np.flatnonzero(~np.isfinite(pcm))[0] / rate:.3f} s"
        )
    if np.abs(pcm).max() < _SILENCE:
        raise SpeechError(f"{path}: is silent (peak below -80 dB of full scale)")
    if rate != SAMPLE_RATE_HZ:
        pcm = soxr.resample(pcm, rate, SAMPLE_RATE_HZ, quality="VHQ")
    return np.asarray(pcm / max(1.0, float(np.abs(pcm).max())), dtype=np.float32)


def _matches(pattern: str, folder: Path) -> list[Path]:
    """Expand a glob (`**` goes into folders) to files, sorted by name."""
    whole = str(Path(pattern).expanduser())
    names = glob.glob(whole, root_dir=folder, recursive=True)  # noqa: PTH207 (Path.glob has no absolute ones)
    found = sorted(path for name in names if (path := folder / name).is_file())
    if not found:
        raise SpeechError(f"speech.files: {pattern!r} matches no file in {folder.resolve()}")
    if len(found) > MOST_FILES:
        raise SpeechError(
            f"speech.files: {pattern!r} matches {len(found)} files; at most {MOST_FILES} are taken"
        )
    return found


def _enough(wanted: int | None, there: int, what: str) -> None:
    if wanted is not None and wanted > there:
        raise SpeechError(f"speech.clips: {wanted} clips are asked for, but {what} only {there}")


def _read_files(paths: list[Path]) -> list[Clip]:
    clips: dict[str, Clip] = {}
    for path in paths:
        pcm = read_speech(path)
        stem = name = re.sub(r"[^\w.-]+", "-", path.stem).strip(".-") or "clip"
        number = 1
        while name in clips:
            number += 1
            name = f"{stem}-{number}"
        clips[name] = _clip(pcm, name=name, speaker="", language="", source=str(path), licence="")
    return list(clips.values())


def _clip(pcm: NDArray[np.float32], **about: str) -> Clip:
    pcm.setflags(write=False)
    whole = np.round(pcm * 32768).clip(-32768, 32767).astype(np.int16)
    return Clip(pcm=pcm, sha256=digest(whole), **about)


def _index(where: Path) -> list[dict[str, Any]]:
    path = where / "index.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        fields = ("name", "speaker", "language", "source", "licence", "sha256")
        whole = all(isinstance(entry[field], str) for entry in entries for field in fields)
        whole = whole and all(re.fullmatch(r"[\w-]+", entry["name"]) for entry in entries)
    except (ValueError, TypeError, KeyError, OSError):
        whole = False
    if not whole:
        raise SpeechError(f"{path}: is damaged; remove {where} and run `testbed speech fetch`")
    return list(entries)


def _corpus_clip(where: Path, entry: dict[str, Any]) -> Clip:
    path = where / f"{entry['name']}.flac"
    clip = _clip(
        read_speech(path), **{key: entry[key] for key in ("name", "speaker", "language", "source", "licence")}
    )
    if clip.sha256 != entry["sha256"]:
        raise SpeechError(
            f"{path}: is not what its index says; remove {where} and run `testbed speech fetch`"
        )
    return clip
