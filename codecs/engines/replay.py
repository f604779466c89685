"""libopus decoders whose neural concealment is given from outside and whose state can be copied.

They come from a second library of our build: libopus's own objects, linked with ``exchange.c``.
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
    """What came of frames that were replayed.

    Attributes
    ----------
    pcm
        int16: the frames that were decoded; fewer than asked where they agreed with the clean ones.
    heard
        int16: what libopus's concealment would have been told of them, a little less processed than `pcm`.
    """

    pcm: Pcm16
    heard: Pcm16


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
    """A decoder that is told what to play where its network would conceal.

    Parameters
    ----------
    complexity
        Of `Decoder`; from 5 on, what is given is used.

    Raises
    ------
    CodecError
        If libopus is not built.
    """

    _memory: NDArray[np.uint8] | None = None

    def __init__(self, complexity: int) -> None:
        path = str(built().exchange)
        super().__init__(complexity, libopus.load(path))
        self._replay, self.state_bytes = _functions(path)
        self._heard_samples = c_int()

    def twin(self) -> "ReplayDecoder":
        """Return a decoder of the same settings in memory of its own, to be filled by `copy_from`."""
        memory = np.empty(self.state_bytes, np.uint8)
        made = copy(self)
        made._memory, made._state = memory, memory.ctypes.data
        return made

    def copy_from(self, other: "ReplayDecoder") -> None:
        """Take over another decoder's state; it must have the same complexity."""
        ctypes.memmove(self._open(), other._open(), self.state_bytes)

    def replay(
        self,
        packets: Sequence[bytes | None],
        actions: bytes,
        frame_samples: int,
        given: Pcm16,
        clean: Pcm16 | None = None,
        settle_from: int = 0,
    ) -> Replayed:
        """Decode frames.

        Parameters
        ----------
        packets
            By frame, the packet that its action needs, or None.
        actions
            By frame, a `testbed.codecs.recovery.Action`; `DECODE_DRED` conceals as `CONCEAL` does.
        frame_samples
            Samples of a frame.
        given
            int16: what the network is to have said, for the concealed frames one after another, a multiple of
            160 samples.
        clean, settle_from
            Decoding ends with the first frame from `settle_from` on that agrees, to -30 dB or less than a
            bit, with the same frame of `clean`, (frames * frame_samples,). Without it, all are decoded.

        Raises
        ------
        CodecError
            If libopus refuses a packet.
        """
        count = len(packets)
        sizes = np.array([len(packet) if packet else 0 for packet in packets], np.int32)
        pcm = np.empty(count * frame_samples, np.int16)
        heard = np.empty(count * frame_samples, np.int16)
        given = np.ascontiguousarray(given)
        compared = pcm if clean is None else np.ascontiguousarray(clean)
        done = self._replay(
            self._open(),
            count,
            frame_samples,
            (c_char_p * count)(*packets),
            sizes.ctypes.data,
            actions,
            given.ctypes.data,
            given.size,
            heard.ctypes.data,
            byref(self._heard_samples),
            compared.ctypes.data,
            count if clean is None else settle_from,
            pcm.ctypes.data,
        )
        self.library.check(done, "replaying frames")
        return Replayed(pcm[: done * frame_samples], heard[: self._heard_samples.value])

    def _destroy(self, state: int) -> None:
        if self._memory is None:
            super()._destroy(state)
