"""Recordings of any rate and number of channels, as mono speech at 16 kHz."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.errors import SpeechError
from testbed.escaping import printable

AUDIO_MB = 512
"""Default limit of decoded sound in memory: of one file while it is read, and of all clips together."""
SHORTEST_S = 1
LONGEST_S = 600
_RATES_HZ = (4_000, 768_000)
_BLOCK_SAMPLES = 1 << 20
_SILENCE = 1e-4  # peak; -80 dBov, below that of any real 16-bit recording


@dataclass(frozen=True)
class AudioRecording:
    """The content of a file, as the testbed uses it: samples (n,) float32 in [-1, 1], mono, 16 kHz.

    Attributes
    ----------
    rate_hz, channels
        Of the file.
    """

    pcm: NDArray[np.float32]
    rate_hz: int
    channels: int

    @property
    def converted(self) -> str:
        """Description of the conversion to 16 kHz mono, as in `Clip.converted`."""
        if (self.rate_hz, self.channels) == (SAMPLE_RATE_HZ, 1):
            return ""
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{self.rate_hz / 1000:g} kHz {channels} -> {SAMPLE_RATE_HZ / 1000:g} kHz mono"


def read_recording(path: Path, audio_mb: int = AUDIO_MB) -> AudioRecording:
    """Read a recording as mono float32 at 16 kHz.

    Channels are averaged; other rates are converted by soxr at its very high quality. A recording whose
    peak lies beyond full scale (float files, lossy formats) is scaled down to it.

    Parameters
    ----------
    path
        WAV, FLAC, Ogg or another format of libsndfile; 4 to 768 kHz, any number of channels, 1 s to 10 min.
    audio_mb
        Largest size of the decoded 32-bit samples, all channels together.

    Raises
    ------
    SpeechError
        If the file cannot be read, or is empty, too short, too long, too large, silent, or holds NaN or
        infinity.
    """
    import soundfile
    import soxr

    name = printable(str(path))
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:  # a name need not be UTF-8
            rate, channels = file.samplerate, file.channels
            if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
                raise SpeechError(f"{name}: a sampling rate of {rate} Hz; it must be 4000 to 768000 Hz")
            # The header is not trusted: the number of samples read is limited.
            longest, most = LONGEST_S * rate, audio_mb * 2**20 // 4
            blocks, length = [], 0
            for block in file.blocks(max(1, _BLOCK_SAMPLES // channels), dtype="float32", always_2d=True):
                length += len(block)
                if length > longest:
                    raise SpeechError(
                        f"{name}: longer than {LONGEST_S // 60} minutes; cut it into clips of 8-12 s"
                    )
                if length * channels > most:
                    raise SpeechError(
                        f"{name}: {channels} channels of {rate} Hz take more than {audio_mb} MB decoded "
                        "(limits.audio_mb); convert it to 16 kHz mono, or raise that"
                    )
                blocks.append(block.mean(axis=1))
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise SpeechError(
            f"{name}: cannot be read as audio ({printable(str(error))}); use WAV, FLAC or Ogg"
        ) from None
    if length == 0:
        raise SpeechError(f"{name}: the file holds no samples")
    if length < SHORTEST_S * rate:
        raise SpeechError(f"{name}: only {length / rate:.2f} s; at least {SHORTEST_S} s of speech is needed")
    pcm = np.concatenate(blocks)
    if not np.isfinite(pcm).all():
        raise SpeechError(
            f"{name}: holds NaN or infinity at {np.flatnonzero(~np.isfinite(pcm))[0] / rate:.3f} s"
        )
    if np.abs(pcm).max() < _SILENCE:
        raise SpeechError(f"{name}: is silent (peak below -80 dB of full scale)")
    if rate != SAMPLE_RATE_HZ:
        pcm = soxr.resample(pcm, rate, SAMPLE_RATE_HZ, quality="VHQ")
    return AudioRecording(
        np.asarray(pcm / max(1.0, float(np.abs(pcm).max())), dtype=np.float32), rate, channels
    )
