"""The sounds of a page: FLAC if they are small enough, else Opus, each once and up to a bound."""

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from testbed.errors import ResultsError
from testbed.machine import cores
from testbed.trials import MOST_SECONDS_OF_SOUND

EXAMPLE_RATE_HZ = 16_000
MAX_SOUND_BYTES, MAX_LOSSLESS_BYTES = 7_500_000, 4_000_000
"""Largest size of the sounds of a page, and if all are lossless, in base64."""
_OPUS, _OPUS_BPS = {"application": "voip", "compression_level": "5"}, 34_000
"""About 29 kb/s of speech, whose PESQ-WB to the original is 4.53 of at most 4.64."""


class PageSounds:
    """Sounds by their place in the page; equal ones have one place.

    Parameters
    ----------
    most_bytes
        Largest size in base64.
    """

    def __init__(self, most_bytes: int = MAX_SOUND_BYTES) -> None:
        self._most_bytes = most_bytes
        self._sounds: list[NDArray[np.int16]] = []
        self._places: dict[bytes, int] = {}
        self._first: int | None = None

    def add(self, samples: NDArray[np.int16]) -> int:
        """Add a sound and return its place."""
        key = hashlib.sha256(samples.tobytes()).digest()
        if key not in self._places:
            self._places[key] = len(self._sounds)
            self._sounds.append(samples)
        return self._places[key]

    @property
    def seconds(self) -> float:
        """Length of all sounds."""
        return sum(map(len, self._sounds)) / EXAMPLE_RATE_HZ

    def end_first(self) -> None:
        """End the first trial, whose sounds stay lossless."""
        if self._first is None:
            self._first = len(self._sounds)

    def encoded(self) -> tuple[list[str | None], bool]:
        """Return the files in base64, None for those without room, and whether any is of Opus."""
        files = [flac(samples) for samples in self._sounds]
        lossless_bytes = min(MAX_LOSSLESS_BYTES, self._most_bytes)
        is_compressed = _size_bytes(files) > lossless_bytes
        if is_compressed:
            first = self._first or 0
            if _size_bytes(files[:first]) > lossless_bytes / 2:
                first = 0
            with ThreadPoolExecutor(cores()) as pool:
                files[first:] = pool.map(_opus, self._sounds[first:])
        texts: list[str | None] = []
        left_bytes = self._most_bytes
        for file in files:
            text = base64.b64encode(file).decode("ascii")
            left_bytes -= len(text)
            texts.append(text if left_bytes >= 0 else None)
        return texts, is_compressed


def _size_bytes(files: list[bytes]) -> float:
    return 4 / 3 * sum(map(len, files))


def read_sound(path: Path) -> NDArray[np.int16]:
    """Read the sound of an example, which is not trusted.

    Raises
    ------
    ResultsError
        It cannot be read, or is not mono at 16 kHz.
    """
    try:
        if (channels := soundfile.info(path).channels) != 1:
            raise ResultsError(f"{path}: {channels} channels; examples have one")
        samples, rate = soundfile.read(
            path, frames=MOST_SECONDS_OF_SOUND * EXAMPLE_RATE_HZ, dtype="int16", always_2d=True
        )
    except (OSError, soundfile.SoundFileError) as error:
        raise ResultsError(f"{path}: cannot be read as sound: {error}") from error
    if rate != EXAMPLE_RATE_HZ:
        raise ResultsError(f"{path}: {rate} Hz; examples are {EXAMPLE_RATE_HZ} Hz")
    mono: NDArray[np.int16] = samples[:, 0]
    return mono


def flac(samples: NDArray[np.int16] | NDArray[np.float32]) -> bytes:
    """Return sound as a FLAC file of 16 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, EXAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _opus(samples: NDArray[np.int16]) -> bytes:
    """Return sound as a file of Opus in Ogg."""
    import av

    buffer = io.BytesIO()
    # Without bitexact the stream gets a random number.
    with av.open(buffer, "w", format="ogg", options={"fflags": "bitexact"}) as file:
        stream = file.add_stream("libopus", rate=EXAMPLE_RATE_HZ, layout="mono", options=_OPUS)
        stream.bit_rate = _OPUS_BPS
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = EXAMPLE_RATE_HZ, 0
        for each in (frame, None):
            file.mux(stream.encode(each))
    return buffer.getvalue()
