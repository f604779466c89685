"""Corpora of real speech, cut from recordings in Debian packages.

`asterisk` is the prompts for the Asterisk telephone exchange: studio recordings of five voices (two of them
one person in two languages), published as 16 kHz G.722. `more` has six further speakers, in PCM and Vorbis.
A prompt lasts a few seconds; a clip joins several of one voice with pauses between them, all brought to the
same active speech level, 8-12 s long. The cut is seeded: everyone who fetches the same package version gets
the same samples.

`clips/prompts.json` names the prompts that are used: sentences of 2-6 s (no tones, no music, no numbers), of
each voice the ones in which PLCMOS hears the fewest concealed gaps. Some of the recordings were gated or
spliced in the studio, which sounds as though packets had been lost; a listening test screens its source
material too.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.apt import private_apt, unpack
from testbed.clip_cutting import cut_clips
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.corpus_voices import ASTERISK, MORE, CorpusVoice
from testbed.errors import FetchError, NoNetworkError
from testbed.files import cache_dir, sync
from testbed.locks import one_at_a_time

_UNFINISHED = ".fetch."
_KNOWN = Path(__file__).parent / "clips" / "known.json"


@dataclass(frozen=True)
class Corpus:
    """A set of clips that `testbed speech fetch` cuts.

    Attributes
    ----------
    name
        Its name in a scenario.
    recipe
        Counts up whenever the cut changes, so that old and new clips never share a folder.
    voices
        Its voices, in the order of their first clips.
    """

    name: str
    recipe: int
    voices: tuple[CorpusVoice, ...]

    @property
    def folder(self) -> Path:
        """The folder of the fetched clips, which exists once it is complete."""
        return cache_dir() / "speech" / f"{self.name}-{self.recipe}"

    @property
    def is_there(self) -> bool:
        """True if it is fetched."""
        return (self.folder / "index.json").is_file()


CORPORA = {corpus.name: corpus for corpus in (Corpus("asterisk", 2, ASTERISK), Corpus("more", 1, MORE))}


def fetch_corpus(corpus: Corpus, progress: Callable[[str], None]) -> None:
    """Fetch the packages of a corpus and cut its clips into its folder, with an `index.json`.

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
    final = corpus.folder
    if corpus.is_there:
        progress(f"Speech is already in {final}")
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(
        cache_dir() / ".speech.lock", lambda: progress("Another fetch is running: waiting for it")
    ):
        if not corpus.is_there:
            try:
                _fetch_into(corpus, progress)
            except NoNetworkError as error:
                raise NoNetworkError(
                    f"{error}. Connect this machine; until then `speech: {{corpus: packaged}}` has 4 clips, "
                    "and `--speech PATH` takes your own"
                ) from None


def _fetch_into(corpus: Corpus, progress: Callable[[str], None]) -> None:
    final = corpus.folder
    for left in final.parent.glob(f"{_UNFINISHED}*"):  # of a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=final.parent) as temporary:
        work = Path(temporary)
        progress("Reading the package lists of this machine's Debian mirror")
        apt = private_apt(work / "apt")
        entries = []
        clips = work / "clips"
        clips.mkdir()
        for voice in corpus.voices:
            root = work / voice.package
            if not root.exists():
                progress(f"Fetching {voice.package}")
                package = apt.download(voice.package, work)
                unpack(package, root)
                shutil.copy(
                    root / "usr/share/doc" / voice.package / "copyright", clips / f"{voice.package}.txt"
                )
            progress(f"Cutting clips of {voice.speaker} ({voice.language})")
            # dpkg's file name is package_version_architecture.deb, the version's colon written %3a.
            version = package.stem.split("_")[1].replace("%3a", ":")
            cut = cut_clips(voice, root / voice.folder, corpus.recipe)
            entries += write_clips(cut, voice, version, clips)
        write_index(sorted(entries, key=turn), clips)
        if strange := unlike_known(corpus, entries):
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


def unlike_known(corpus: Corpus, entries: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of clips whose samples differ from those known for the same package.

    Parameters
    ----------
    entries
        Of the corpus's index. Clips of a package of another version are not checked.
    """
    known = json.loads(_KNOWN.read_text(encoding="utf-8")).get(corpus.folder.name, {})
    strange = []
    for entry in entries:
        package = entry["source"].removeprefix("Debian ").partition(",")[0]
        wanted = known.get(package, {}).get(entry["name"], entry["sha256"])
        strange += [entry["name"]] if wanted != entry["sha256"] else []
    return strange


def digest(pcm: NDArray[np.int16]) -> str:
    """Return the SHA-256 of samples as 16-bit little-endian numbers, independent of their file."""
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def write_clips(
    clips: Iterable[tuple[NDArray[np.int16], list[str]]], voice: CorpusVoice, version: str, folder: Path
) -> list[dict[str, Any]]:
    """Write clips as FLAC and return their index entries."""
    import soundfile

    entries, where = [], Path(voice.folder).name
    for number, (pcm, prompts) in enumerate(clips, 1):
        name = f"{voice.language}-{voice.speaker.lower()}-{number}"
        soundfile.write(folder / f"{name}.flac", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
        entries.append(
            {
                "name": name,
                "speaker": voice.speaker,
                "language": voice.language,
                "source": f"Debian {voice.package} {version}, {where}: {', '.join(prompts)}",
                "codec": voice.codec,
                "licence": voice.licence,
                "attribution": voice.attribution,
                "seconds": len(pcm) / SAMPLE_RATE_HZ,
                "sha256": digest(pcm),
            }
        )
    return entries


def turn(entry: dict[str, Any]) -> int:
    """Return a clip's number among those of its voice; clips in this order are varied from the first on."""
    return int(entry["name"].rsplit("-", 1)[1])


def write_index(entries: list[dict[str, Any]], folder: Path) -> None:
    """Write `index.json`."""
    (folder / "index.json").write_text(
        json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
