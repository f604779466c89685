"""Mixing: noise and further talkers in the clips of a scenario."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ, int16_from_float
from testbed.errors import SpeechError
from testbed.escaping import printable
from testbed.mixture import Mixture
from testbed.noises import MADE
from testbed.randomness import generator
from testbed.recording import read_recording
from testbed.speech import Clip, ListedClip, list_speech, matching_files
from testbed.speech_corpus import digest
from testbed.speech_level import active_level_dbov
from testbed.words import counted

if TYPE_CHECKING:
    from testbed.scenario.models import Scenario

BABBLE_VOICES = 6
_CROSSFADE = round(0.1 * SAMPLE_RATE_HZ)
"""Samples in which the end of a recording of noise fades into its beginning."""
_QUIETEST_NOISE = 1e-4
"""Lowest rms level of the noise of a clip; -80 dBov."""
_KEPT = 16
"""Mixed clips that are remembered."""

Sound = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseFile:
    """A recording of noise.

    Attributes
    ----------
    path
        Its file.
    pcm
        Its samples (n,) in [-1, 1], mono, 16 kHz.
    """

    path: Path
    pcm: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mixer:
    """The clips of a scenario, mixed as its points ask for.

    What is mixed into a clip depends on the seed, on the clip's name and on all clips that `speech` names,
    not on the number of clips that a run takes.

    Attributes
    ----------
    seed
        The scenario's.
    clips
        The clips of the run.
    others
        Names of the clips of other speakers that each clip is mixed with, in turn.
    voices
        The clips of these names.
    noise
        The recordings of noise of each mixture that has some.
    """

    seed: int
    clips: Sequence[Clip]
    others: Mapping[str, Sequence[str]]
    voices: Mapping[str, Clip]
    noise: Mapping[Mixture, Sequence[NoiseFile]]

    def clip(self, index: int, mixture: Mixture) -> Clip:
        """Return a clip of the run as a mixture, of the same name, length and speaker."""
        return self.clips[index] if mixture.is_plain else _mixed(self, index, mixture)

    @property
    def files(self) -> Iterator[Path]:
        """The files of its recordings besides those of the clips."""
        names = {clip.name for clip in self.clips}
        yield from (voice.file for name, voice in self.voices.items() if name not in names)
        yield from (file.path for files in self.noise.values() for file in files)

    def noise_of(self, clip: Clip, mixture: Mixture) -> NoiseFile:
        """Return the recording of noise that a clip gets."""
        files = self.noise[mixture]
        return files[int(generator(self.seed, "noise file", clip.name).integers(len(files)))]

    def check(self, mixture: Mixture) -> None:
        """Check that the noise of each clip is heard.

        Raises
        ------
        SpeechError
            It is silent.
        """
        for clip in self.clips if mixture.files else ():
            self.noise_in(clip, mixture)

    def noise_in(self, clip: Clip, mixture: Mixture) -> Sound:
        """Return the noise of a clip at an rms level of 1.

        Raises
        ------
        SpeechError
            It is silent.
        """
        random, samples = generator(self.seed, "noise", clip.name), len(clip.pcm)
        if mixture.noise == "babble":
            names = self.others[clip.name]
            voices = [self.voices[names[number % len(names)]] for number in range(BABBLE_VOICES)]
            made = sum((_voice(voice, samples, random) for voice in voices), np.zeros(samples))
        elif mixture.noise == "files":
            file = self.noise_of(clip, mixture)
            made = _looped(file.pcm.astype(np.float64), samples, random)
            if np.sqrt(np.square(made).mean()) < _QUIETEST_NOISE:
                raise SpeechError(
                    f"speech.noise.files: {printable(str(file.path))} is silent where it is mixed with "
                    f"{clip.name}; use noise without long pauses"
                )
        else:
            made = MADE[mixture.noise](samples, random)
        normal: Sound = made / np.sqrt(np.square(made).mean())
        return normal

    def described(self, mixtures: Sequence[Mixture]) -> list[dict[str, Any]]:
        """Return what is mixed in, for the manifest: each recording, its origin and the clips that get it."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for mixture in mixtures:
            for clip in self.clips:
                for about in self._added(clip, mixture):
                    entry = found.setdefault((about["as"], about["name"]), {**about, "clips": []})
                    if clip.name not in entry["clips"]:
                        entry["clips"].append(clip.name)
        return list(found.values())

    def _added(self, clip: Clip, mixture: Mixture) -> Iterator[dict[str, Any]]:
        names = self.others.get(clip.name, ())
        talkers = names[: mixture.talkers - 1]
        babble = names[:BABBLE_VOICES] if mixture.noise == "babble" else ()
        for role, voices in (("talker", talkers), ("babble", babble)):
            for voice in (self.voices[name] for name in voices):
                yield {
                    "as": role,
                    "name": voice.name,
                    "speaker": voice.speaker,
                    "source": voice.source,
                    "licence": voice.licence,
                    "sha256": voice.sha256,
                }
        if mixture.noise == "files":
            path = self.noise_of(clip, mixture).path
            yield {"as": "noise", "name": printable(path.name), "source": printable(str(path))}
        elif mixture.noise in MADE:
            yield {"as": "noise", "name": mixture.noise, "source": "made from random numbers"}


def mixer_of(scenario: "Scenario", clips: Sequence[Clip], mixtures: Sequence[Mixture]) -> Mixer | None:
    """Return the mixer of a scenario's clips; None if no mixture adds anything.

    Parameters
    ----------
    clips
        The clips of the run.
    mixtures
        Those of all points.

    Raises
    ------
    SpeechError
        There are too few speakers, or a recording of noise cannot be used.
    """
    mixtures = [mixture for mixture in dict.fromkeys(mixtures) if not mixture.is_plain]
    if not mixtures:
        return None
    talkers = max(mixture.talkers - 1 for mixture in mixtures)
    babble = BABBLE_VOICES if any(mixture.noise == "babble" for mixture in mixtures) else 0
    audio_mb = scenario.limits.audio_mb
    others: dict[str, list[str]] = {}
    voices: dict[str, Clip] = {}
    if talkers or babble:
        listed = list_speech(scenario.speech, scenario.folder, audio_mb)
        others = {clip.name: _others(clip, listed, scenario.seed, talkers, babble) for clip in clips}
        wanted = {name for names in others.values() for name in names}
        voices = {clip.name: clip for clip in clips if clip.name in wanted}
        voices |= {
            each.name: each.load() for each in listed if each.name in wanted and each.name not in voices
        }
    files = {mixture.files for mixture in mixtures if mixture.files}
    read = {names: _noise_files(names, scenario.folder, audio_mb) for names in files}
    loaded = [
        *(clip.pcm for clip in (*clips, *voices.values())),
        *(each.pcm for of in read.values() for each in of),
    ]
    if sum({id(pcm): pcm.nbytes for pcm in loaded}.values()) > audio_mb * 2**20:
        raise SpeechError(
            f"speech.noise: more than {audio_mb} MB of speech and noise (limits.audio_mb); take less, or "
            "raise that"
        )
    mixer = Mixer(
        scenario.seed, clips, others, voices, {each: read[each.files] for each in mixtures if each.files}
    )
    for mixture in mixtures:
        mixer.check(mixture)
    return mixer


def _others(clip: Clip, listed: Sequence[ListedClip], seed: int, talkers: int, babble: int) -> list[str]:
    """Return clips of other speakers in random order, one of each speaker first."""
    candidates = [
        each
        for each in listed
        if each.name != clip.name and (not clip.speaker or each.speaker != clip.speaker)
    ]
    order = generator(seed, "talkers", clip.name).permutation(len(candidates))
    turns: dict[str, int] = {}
    turn_of: dict[str, int] = {}
    for each in (candidates[index] for index in order):
        speaker = each.speaker or f"\0{each.name}"
        turn_of[each.name] = turns[speaker] = turns.get(speaker, -1) + 1
    if len(turns) < max(talkers, min(1, babble)):
        key = "speech.talkers" if talkers else "speech.noise"
        what = f"{talkers + 1} talkers need" if talkers else "babble needs"
        raise SpeechError(
            f"{key}: {what} clips of {counted(max(talkers, 1), 'speaker')} besides that of {clip.name}, and "
            f"there {'is' if len(turns) == 1 else 'are'} {len(turns)}; name more speech"
        )
    return sorted(turn_of, key=lambda name: turn_of[name])[: max(talkers, babble)]


def _noise_files(names: Sequence[str], folder: Path, audio_mb: int) -> list[NoiseFile]:
    paths = matching_files(names, folder, "speech.noise.files")
    try:
        return [NoiseFile(path, read_recording(path, audio_mb).pcm) for path in paths]
    except SpeechError as error:
        raise SpeechError(f"speech.noise.files: {error}") from None


@lru_cache(maxsize=_KEPT)
def _mixed(mixer: Mixer, index: int, mixture: Mixture) -> Clip:
    clip = mixer.clips[index]
    level_db, samples = active_level_dbov(clip.pcm), len(clip.pcm)
    made = clip.pcm.astype(np.float64)
    random = generator(mixer.seed, "double talk", clip.name)
    for name in mixer.others.get(clip.name, ())[: mixture.talkers - 1]:
        made += _voice(mixer.voices[name], samples, random) * 10 ** ((level_db + mixture.others_db) / 20)
    if mixture.noise:
        made += mixer.noise_in(clip, mixture) * 10 ** ((level_db - mixture.snr_db) / 20)
    pcm = (made / max(1.0, np.abs(made).max())).astype(np.float32)
    pcm.setflags(write=False)
    return replace(clip, pcm=pcm, sha256=digest(int16_from_float(pcm)))


def _voice(voice: Clip, samples: int, random: np.random.Generator) -> Sound:
    """Return a clip at an active speech level of 0 dB, from a random place on, repeated to a length."""
    begin = int(random.integers(len(voice.pcm)))
    pcm = np.roll(voice.pcm.astype(np.float64), -begin) * 10 ** (-active_level_dbov(voice.pcm) / 20)
    return np.resize(pcm, samples)


def _looped(noise: Sound, samples: int, random: np.random.Generator) -> Sound:
    """Return noise from a random place on; where it ends, its last 0.1 s fade into its beginning."""
    fade = np.sin(np.linspace(0, np.pi / 2, _CROSSFADE))
    period = noise[: len(noise) - _CROSSFADE].copy()
    period[:_CROSSFADE] = period[:_CROSSFADE] * fade + noise[len(period) :] * fade[::-1]
    return np.resize(np.roll(period, -int(random.integers(len(period)))), samples)
