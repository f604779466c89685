"""The clips of a scenario: the four packaged ones, those of a fetched corpus, or the user's files."""

import glob
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ, int16_from_float
from testbed.errors import SpeechError
from testbed.escaping import printable
from testbed.recording import AUDIO_MB, AudioRecording, read_recording
from testbed.speech_corpus import CORPORA, digest, fetch_corpus, turn
from testbed.words import suggestion

if TYPE_CHECKING:
    from testbed.scenario.loading import Speech

PACKAGED = Path(__file__).parent / "clips"
MOST_FILES = 1000
_PARTS = {"packaged": (), "asterisk": ("asterisk",), "more": ("asterisk", "more")}
"""The fetched parts of each corpus."""
_SUFFIXES = frozenset(
    {
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".mp3",
        ".oga",
        ".ogg",
        ".opus",
        ".snd",
        ".w64",
        ".wav",
    }
)


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes
    ----------
    name
        Unique within a scenario; made of letters, digits, ``-``, ``_`` and ``.``.
    speaker, language
        Speaker and language (ISO 639-1); "" if unknown.
    pcm
        Samples (n,) float32 in [-1, 1], mono, 16 kHz; read-only.
    source, licence
        Origin and licence; the licence is "" for the user's own files.
    codec
        Codec that the recording was published in, such as ``"G.722"``; "" if unknown.
    sha256
        Of the samples as 16-bit little-endian numbers.
    file
        File of the samples.
    rate_hz
        Sampling rate of the file.
    converted
        Conversion of the file's samples, as in ``"48 kHz stereo -> 16 kHz mono"``; "" for none.
    """

    name: str
    speaker: str
    language: str
    pcm: NDArray[np.float32] = field(repr=False)
    source: str
    licence: str
    codec: str
    sha256: str
    file: Path
    rate_hz: int
    converted: str

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.pcm) / SAMPLE_RATE_HZ

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the samples as they are."""
        return hashlib.sha256(self.pcm.tobytes()).digest()


@dataclass(frozen=True)
class ListedClip:
    """A clip that is not loaded yet.

    Attributes
    ----------
    name, speaker
        As of the clip.
    load
        Loads it.
    """

    name: str
    speaker: str
    load: Callable[[], Clip] = field(repr=False)


def load_clips(speech: "Speech", folder: Path, audio_mb: int = AUDIO_MB) -> list[Clip]:
    """Load the clips of a scenario's `speech`, always in the same order.

    A corpus gives clip 1 of each voice first, then clip 2 of each, and so on; a pattern or a folder gives its
    files by name. ``clips: N`` takes the first N.

    Parameters
    ----------
    speech
        The scenario's `speech`: a corpus, or files, folders and patterns.
    folder
        Folder of relative names: the scenario's.
    audio_mb
        Most memory, in MB, of the samples (32 bits) of one file while it is read, and of all clips.

    Raises
    ------
    SpeechError
        The corpus or a speaker is missing, a file cannot be used, there are fewer than N clips, or more than
        `audio_mb`.
    """
    listed = _of_speakers(speech.speakers, list_speech(speech, folder, audio_mb))
    if speech.clips is not None and speech.clips > len(listed):
        there = (
            f"speech.corpus: {speech.corpus} has"
            if speech.files is None
            else f"speech.files: {', '.join(_several(speech.files))} matches"
        )
        raise SpeechError(f"speech.clips: {speech.clips} clips are asked for, but {there} only {len(listed)}")
    clips, room = list[Clip](), audio_mb * 2**20
    for each in listed[: speech.clips]:
        clips.append(each.load())
        room -= clips[-1].pcm.nbytes
        if room < 0:
            raise SpeechError(
                f"speech.files: more than {audio_mb} MB of speech (limits.audio_mb) up to "
                f"{printable(clips[-1].file.name)}; take fewer files, or raise that"
            )
    return clips


def _of_speakers(speakers: Sequence[str] | None, listed: list[ListedClip]) -> list[ListedClip]:
    if speakers is None:
        return listed
    known = list(dict.fromkeys(clip.speaker for clip in listed))
    for name in speakers:
        if name not in known:
            raise SpeechError(f"speech.speakers: no clip is by {name!r}{suggestion(name, known)}")
    return [clip for clip in listed if clip.speaker in speakers]


def list_speech(speech: "Speech", folder: Path, audio_mb: int = AUDIO_MB) -> list[ListedClip]:
    """Return all that a scenario's `speech` names, whatever its number of clips; see `load_clips`."""
    if speech.files is None:
        assert speech.corpus is not None
        return [
            ListedClip(entry["name"], entry["speaker"], partial(_corpus_clip, where, entry))
            for where, entry in _entries(speech.corpus)
        ]
    listed: dict[str, ListedClip] = {}
    for path in matching_files(_several(speech.files), folder, "speech.files"):
        stem = name = re.sub(r"[^\w.-]+", "-", path.stem).strip(".-") or "clip"
        number = 1
        while name in listed:
            number += 1
            name = f"{stem}-{number}"
        listed[name] = ListedClip(name, "", partial(_file_clip, name, path, audio_mb))
    return list(listed.values())


def fetch(progress: Callable[[str], None] = lambda line: None, more: bool = False) -> list[Clip]:
    """Fetch recordings from Debian packages, cut them into clips, and return the clips.

    Does nothing if they are already there.

    Parameters
    ----------
    progress
        Called with one line of text at each step.
    more
        Whether to fetch the corpus `more`, which includes `asterisk`; default: `asterisk` only.

    Raises
    ------
    FetchError
        The packages cannot be fetched.
    """
    corpus = "more" if more else "asterisk"
    for name in _PARTS[corpus]:
        fetch_corpus(CORPORA[name], progress)
    return [_corpus_clip(where, entry) for where, entry in _entries(corpus)]


def list_clips() -> dict[str, list[Clip]]:
    """Return the clips of every corpus that is on this machine, by the corpus's name.

    Examples
    --------
    >>> from testbed.speech import list_clips
    >>> [clip.name for clip in list_clips()["packaged"]]
    ['en-allison-1', 'fr-june-1', 'it-carlo-1', 'ru-ivrvoiceru-1']
    """
    names = [name for name, parts in _PARTS.items() if all(CORPORA[part].is_there for part in parts)]
    return {name: [_corpus_clip(where, entry) for where, entry in _entries(name)] for name in names}


def matching_files(names: Sequence[str], folder: Path, key: str, most: int = MOST_FILES) -> list[Path]:
    """Return the files that names, folders and patterns (`**` goes into folders) match, each once.

    Parameters
    ----------
    folder
        Folder of relative names.
    key
        Key of the scenario, for messages.
    most
        Most files that may match.

    Raises
    ------
    SpeechError
        One matches nothing, or all match more than `most`.
    """
    found = list(dict.fromkeys(path for name in names for path in _match(name, folder, key)))
    if len(found) > most:
        raise SpeechError(f"{key}: {', '.join(names)} matches {len(found)} files; at most {most} are taken")
    return found


def _several(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _match(name: str, folder: Path, key: str) -> list[Path]:
    path = folder / Path(name).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        held = sorted(each for each in path.iterdir() if each.suffix.lower() in _SUFFIXES and each.is_file())
        if not held:
            kinds = " ".join(sorted(_SUFFIXES))
            raise SpeechError(
                f"{key}: {name!r} is a folder without a recording of its own ({kinds}); "
                f"{name.rstrip('/')}/**/*.wav finds those further down"
            )
        return held
    whole = str(Path(name).expanduser())
    matches = glob.glob(whole, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob has no absolute ones
    found = sorted(path for each in matches if (path := folder / each).is_file())
    if not found:
        is_here = key == "speech.files" and glob.glob(whole)  # noqa: PTH207 - as above
        here = f"; the one in the current folder is meant by --speech {name}" if is_here else ""
        raise SpeechError(f"{key}: {name!r} matches no file in {folder.resolve()}{here}")
    return found


def _file_clip(name: str, path: Path, audio_mb: int) -> Clip:
    about = {"name": name, "speaker": "", "language": "", "licence": "", "codec": ""}
    return _clip(read_recording(path, audio_mb), path, source=printable(str(path)), **about)


def _clip(recording: AudioRecording, file: Path, **about: str) -> Clip:
    pcm = recording.pcm
    pcm.setflags(write=False)
    return Clip(
        pcm=pcm,
        sha256=digest(int16_from_float(pcm)),
        file=file,
        rate_hz=recording.rate_hz,
        converted=recording.converted,
        **about,
    )


def _entries(corpus: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return the clips of a corpus, each with its folder, in order."""
    if corpus == "packaged":
        return [(PACKAGED, entry) for entry in _index(PACKAGED)]
    parts = [CORPORA[name] for name in _PARTS[corpus]]
    if not all(part.is_there for part in parts):
        fetch = "testbed speech fetch --more" if corpus == "more" else "testbed speech fetch"
        raise SpeechError(
            f"speech.corpus: {corpus} is not on this machine yet; `{fetch}` gets it, "
            "or use corpus: packaged (four clips that are always there)"
        )
    found = [(part.folder, entry) for part in parts for entry in _index(part.folder)]
    return sorted(found, key=lambda each: turn(each[1]))


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
    about = {key: entry[key] for key in ("name", "speaker", "language", "source", "licence")}
    about["codec"] = entry.get("codec", "G.722")  # that of the corpus `asterisk`, whose older indexes lack it
    clip = _clip(read_recording(path), path, **about)
    if clip.sha256 != entry["sha256"]:
        raise SpeechError(
            f"{path}: is not what its index says; remove {where} and run `testbed speech fetch`"
        )
    return clip
