"""A corpus of real speech, cut from the prompts that Debian packages for the Asterisk telephone exchange.

The prompts are studio recordings of five voices (two of them one person in two languages), published as
16 kHz G.722. A prompt lasts a few seconds; a clip joins several of one voice with pauses between them, all
brought to the same active speech level, 8-12 s long. The cut is seeded: everyone who fetches the same package
version gets the same samples.

`clips/prompts.json` names the prompts that are used: sentences of 2-6 s (no tones, no music, no numbers), of
each voice the 16 in which PLCMOS hears the fewest concealed gaps. Some of the recordings were gated or
spliced in the studio, which sounds as though packets had been lost; a listening test screens its source
material too.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.apt import PrivateApt, private_apt
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.errors import FetchError, NoNetworkError, SpeechError
from testbed.files import cache_dir, sync
from testbed.locks import one_at_a_time
from testbed.randomness import generator

CLIPS_PER_VOICE = 5
ACTIVE_LEVEL_DBOV = -26.0
RECIPE = 2  # counts up whenever the cut changes, so that old and new clips never share a folder

_UNFINISHED = ".fetch."
_FRAME = 320
_FADE = 1600
_PROMPT_S = (1.5, 6.0)
_CLIP_S = (8.0, 12.0)
_PAUSE_S = (0.3, 0.6)
_EDGE_S = 0.25
_ROOM_TONE_DBOV = -85.0
_PROMPTS = Path(__file__).parent / "clips" / "prompts.json"
_KNOWN = Path(__file__).parent / "clips" / "known.json"


@dataclass(frozen=True)
class CorpusVoice:
    """One voice of the corpus: its prompts and their author.

    The licences are those that the packages' `debian/copyright` states for each language.
    """

    language: str
    package: str
    folder: str
    speaker: str
    licence: str
    attribution: str


_BY_SA = "CC-BY-SA-3.0"
_BY = "CC-BY-3.0"
VOICES = (
    CorpusVoice("en", "asterisk-core-sounds-en-g722", "en_US_f_Allison", "Allison", _BY_SA, "Allison Smith"),
    CorpusVoice("fr", "asterisk-core-sounds-fr-g722", "fr_CA_f_June", "June", _BY_SA, "June Wallack"),
    CorpusVoice("it", "asterisk-core-sounds-it-g722", "it_IT_m_Carlo", "Carlo", _BY, "Carlo Flora"),
    CorpusVoice(
        "ru",
        "asterisk-core-sounds-ru-g722",
        "ru_RU_f_IvrvoiceRU",
        "IvrvoiceRU",
        _BY,
        "Maxim Topal",
    ),
    CorpusVoice("es", "asterisk-core-sounds-es-g722", "es_MX_f_Allison", "Allison", _BY_SA, "Allison Smith"),
)


def corpus_dir() -> Path:
    """Return the folder of the fetched corpus, which exists once it is complete."""
    return cache_dir() / "speech" / f"asterisk-{RECIPE}"


def fetch_corpus(progress: Callable[[str], None]) -> Path:
    """Fetch the packages, cut the clips and return the folder that holds them and their `index.json`.

    Needs Debian's `apt-get` and `dpkg`, but no root. The work is done in a private folder next to the final
    one, and renamed when complete. A second fetch waits for the first.

    Parameters
    ----------
    progress
        Called with one line of text at each step.

    Raises
    ------
    NoNetworkError
        If the archive cannot be reached.
    FetchError
        If a package cannot be fetched or unpacked.
    """
    final = corpus_dir()
    if (final / "index.json").exists():
        progress(f"Speech is already in {final}")
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(
        cache_dir() / ".speech.lock", lambda: progress("Another fetch is running: waiting for it")
    ):
        if not (final / "index.json").exists():
            try:
                _fetch_into(final, progress)
            except NoNetworkError as error:
                raise NoNetworkError(
                    f"{error}. Connect this machine; until then `speech: {{corpus: packaged}}` has 4 clips, "
                    "and `--speech PATH` takes your own"
                ) from None
    return final


def _fetch_into(final: Path, progress: Callable[[str], None]) -> None:
    for left in final.parent.glob(f"{_UNFINISHED}*"):  # of a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=final.parent) as temporary:
        work = Path(temporary)
        progress("Reading the package lists of this machine's Debian mirror")
        apt = private_apt(work / "apt")
        entries = []
        clips = work / "clips"
        clips.mkdir()
        for voice in VOICES:
            progress(f"Fetching {voice.package}")
            package = _download(apt, voice.package, work)
            progress(f"Cutting clips of {voice.speaker} ({voice.language})")
            root = work / voice.language
            _run(["dpkg", "-x", str(package), str(root)])
            # dpkg's file name is package_version_architecture.deb, the version's colon written %3a.
            version = package.stem.split("_")[1].replace("%3a", ":")
            sounds = root / "usr" / "share" / "asterisk" / "sounds" / voice.folder
            entries += write_clips(cut_clips(voice, sounds), voice, version, clips)
        write_index(entries, clips)
        if strange := unlike_known(entries):
            progress(
                f"Note: {', '.join(strange)} differ from the clips known to come of these packages, so "
                "scores may differ from published ones"
            )
        os.sync()
        try:
            clips.rename(final)
        except OSError:
            raise FetchError(
                f"{final} could not be put in place: is something else there? Remove it and try again"
            ) from None
        sync(final.parent)
    progress(f"{len(entries)} clips are in {final}")


def unlike_known(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of clips whose samples differ from those known for the same package.

    Parameters
    ----------
    entries
        Of the corpus's index. Clips of a package of another version are not checked.
    """
    known = json.loads(_KNOWN.read_text(encoding="utf-8"))
    if known["recipe"] != RECIPE:
        return []
    strange = []
    for entry in entries:
        package = entry["source"].removeprefix("Debian ").partition(",")[0]
        wanted = known["clips"].get(package, {}).get(entry["name"], entry["sha256"])
        strange += [entry["name"]] if wanted != entry["sha256"] else []
    return strange


def cut_clips(voice: CorpusVoice, sounds: Path) -> Iterable[tuple[NDArray[np.int16], list[str]]]:
    """Join the prompts of one voice into clips.

    Parameters
    ----------
    voice
        Speaker of the prompts; its language keys the random order and the pauses.
    sounds
        Folder of `*.g722` prompts.

    Yields
    ------
    tuple
        Samples (n,) int16 at 16 kHz, 8-12 s, and the names of the prompts in them.

    Raises
    ------
    SpeechError
        If the folder has too few usable prompts.
    """
    random = generator(RECIPE, "speech corpus", voice.language)
    names = json.loads(_PROMPTS.read_text(encoding="utf-8"))[voice.language]
    order = [names[i] for i in random.permutation(len(names))]
    left = {name: pcm for name in order if (pcm := _prompt(sounds / f"{name}.g722")) is not None}
    low, high = (round(s * SAMPLE_RATE_HZ) for s in _CLIP_S)
    edge = np.zeros(round(_EDGE_S * SAMPLE_RATE_HZ))
    for number in range(1, CLIPS_PER_VOICE + 1):
        pieces, said, length = [edge], list[str](), 2 * len(edge)
        while length < low:
            pause = np.zeros(round(random.uniform(*_PAUSE_S) * SAMPLE_RATE_HZ) if said else 0)
            room = high - length - len(pause)
            name = next((name for name, pcm in left.items() if len(pcm) <= room), None)
            if name is None:
                raise SpeechError(f"{sounds}: too few prompts for clip {number} of {voice.language}")
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
    than a margin of 15.9 dB below that same level; here over 20 ms frames, as that definition's fixed point.

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


def digest(pcm: NDArray[np.int16]) -> str:
    """Return the SHA-256 of samples as 16-bit little-endian numbers, independent of their file."""
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def write_clips(
    clips: Iterable[tuple[NDArray[np.int16], list[str]]], voice: CorpusVoice, version: str, folder: Path
) -> list[dict[str, Any]]:
    """Write clips as FLAC and return their index entries."""
    import soundfile

    entries = []
    for number, (pcm, prompts) in enumerate(clips, 1):
        name = f"{voice.language}-{voice.speaker.lower()}-{number}"
        soundfile.write(folder / f"{name}.flac", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
        entries.append(
            {
                "name": name,
                "speaker": voice.speaker,
                "language": voice.language,
                "source": f"Debian {voice.package} {version}, {voice.folder}: {', '.join(prompts)}",
                "licence": voice.licence,
                "attribution": voice.attribution,
                "seconds": len(pcm) / SAMPLE_RATE_HZ,
                "sha256": digest(pcm),
            }
        )
    return entries


def write_index(entries: list[dict[str, Any]], folder: Path) -> None:
    """Write `index.json`: clip 1 of each voice, then clip 2 of each, so that the first N are varied."""
    languages = list(dict.fromkeys(entry["language"] for entry in entries))
    rank = {entry["name"]: int(entry["name"].rsplit("-", 1)[1]) for entry in entries}
    entries = sorted(entries, key=lambda entry: (rank[entry["name"]], languages.index(entry["language"])))
    (folder / "index.json").write_text(
        json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _prompt(path: Path) -> NDArray[np.float64] | None:
    """Decode a prompt, trim its silent ends and bring it to the active level; None if it is unusable."""
    if not path.is_file() or path.stat().st_size < _FRAME:
        return None
    pcm = _decode_g722(path)
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


def _decode_g722(path: Path) -> NDArray[np.float64]:
    import av

    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float64) / 32768


def _download(apt: PrivateApt, package: str, folder: Path) -> Path:
    apt.run("download", package, cwd=folder)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        raise FetchError(f"apt-get download {package} left no file in {folder}")
    return found[0]


def _run(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is not on this machine; fetching speech needs a Debian system")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FetchError(f"{' '.join(command)} failed: {done.stderr.strip()}")
