"""libopus decoders that take the sound of gaps from outside, and whose state can be copied.

They need a second library of our build: libopus's own objects, linked with ``exchange.c``.
"""

import ctypes
from collections.abc import Sequence
from copy import copy
from ctypes import POINTER, byref, c_char_p, c_int, c_void_p
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.opus import library as libopus
from testbed.codecs.opus.build import built
from testbed.codecs.opus.codec import Decoder
from testbed.codecs.pcm import Pcm16


class Replayed(NamedTuple):
    """The result of `ReplayDecoder.replay`.

    Attributes
    ----------
    pcm
        int16: the decoded frames; fewer than given if they agreed with the lossless ones.
    history
        int16: the same frames as libopus's concealment would get them, slightly less processed than `pcm`.
    """

    pcm: Pcm16
    history: Pcm16


@cache
def _functions(path: str) -> tuple[Any, int]:
    """Return the function that replays, and the bytes of a decoder's state."""
    handle = ctypes.CDLL(path)
    replay = handle.testbed_replay
    replay.restype = c_int
    replay.argtypes = (
        *(c_void_p, c_int, c_int, POINTER(c_char_p), c_void_p, c_char_p, c_void_p, c_int),
        *(c_void_p, POINTER(c_int), c_void_p, c_int, c_void_p),
    )
    return replay, int(handle.opus_decoder_get_size(1))


class ReplayDecoder(Decoder):
    """A decoder that plays given sound where its network would conceal.

    Parameters
    ----------
    complexity
        Of `Decoder`; the given sound is used from 5 on.

    Raises
    ------
    CodecError
        libopus is not built.
    """

    _memory: NDArray[np.uint8] | None = None

    def __init__(self, complexity: int) -> None:
        path = str(built().exchange)
        super().__init__(complexity, libopus.load(path))
        self._replay, self.state_bytes = _functions(path)
        self._history_samples = c_int()

    def twin(self) -> "ReplayDecoder":
        """Return a decoder with memory of its own, whose state and settings come from `copy_from`."""
        memory = np.empty(self.state_bytes, np.uint8)
        made = copy(self)
        made._memory, made._state = memory, memory.ctypes.data
        return made

    def copy_from(self, other: "ReplayDecoder") -> None:
        """Copy the state and settings of another decoder."""
        ctypes.memmove(self._open(), other._open(), self.state_bytes)

    def replay(
        self,
        packets: Sequence[bytes | None],
        actions: bytes,
        frame_samples: int,
        gap_sound: Pcm16,
        lossless: Pcm16 | None = None,
        settle_from: int = 0,
    ) -> Replayed:
        """Decode frames.

        Parameters
        ----------
        packets
            The packet that each frame's action needs, or None.
        actions
            By frame, a `testbed.codecs.recovery.Action`; `DECODE_DRED` conceals as `CONCEAL` does.
        frame_samples
            Samples per frame at 16 kHz.
        gap_sound
            int16: the sound of the concealed frames one after another, a multiple of 160 samples.
        lossless, settle_from
            Decoding ends with the first frame from `settle_from` on that agrees, to -30 dB or less than a
            bit, with the same frame of `lossless`, (frames * frame_samples,); None: all are decoded.

        Raises
        ------
        CodecError
            libopus refuses a packet.
        """
        count = len(packets)
        sizes = np.array([len(packet) if packet else 0 for packet in packets], np.int32)
        pcm = np.empty(count * frame_samples, np.int16)
        history = np.empty(count * frame_samples, np.int16)
        gap_sound = np.ascontiguousarray(gap_sound)
        compared = pcm if lossless is None else np.ascontiguousarray(lossless)
        done = self._replay(
            self._open(),
            count,
            frame_samples,
            (c_char_p * count)(*packets),
            sizes.ctypes.data,
            actions,
            gap_sound.ctypes.data,
            gap_sound.size,
            history.ctypes.data,
            byref(self._history_samples),
            compared.ctypes.data,
            count if lossless is None else settle_from,
            pcm.ctypes.data,
        )
        self.library.check(done, "replaying frames")
        return Replayed(pcm[: done * frame_samples], history[: self._history_samples.value])

    def _destroy(self, state: int) -> None:
        if self._memory is None:
            super()._destroy(state)
