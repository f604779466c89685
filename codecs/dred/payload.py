"""Reads and writes DRED payloads, and cuts them to a shorter depth without encoding again.

The format is that of draft-ietf-mlcodec-opus-dred as libopus writes it: the letter ``D``, the number of the
experimental version, then the symbols of `testbed.kernels.dred_symbols`. Versions 10 (libopus 1.5) and 12
(1.6) have the same header, but different quantizers and networks.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred.quantizers import quantizers
from testbed.codecs.opus.packet import DRED_EXPERIMENTAL_VERSIONS
from testbed.errors import CodecError
from testbed.kernels import dred_symbols
from testbed.kernels.dred_symbols import DQ, HEADER_SIZE, MAX_OFFSET, OFFSET, Q0, QMAX

PREFIX_BYTES = 2
CHUNK_MS = 40
MAX_CHUNKS = 250
_MAX_BYTES = 1 << 16
_VERSIONS = " or ".join(map(str, DRED_EXPERIMENTAL_VERSIONS))

Symbols = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DredHeader:
    """Header of a payload, the same in all versions.

    Attributes
    ----------
    version
        10 or 12.
    q0
        Quantizer level of the state and of the latest latent vector: 0, the finest, to 15.
    dq
        Growth of levels with age: 0 to 7.
    qmax
        The coarsest level.
    offset
        As sent, in units of 2.5 ms: 16 plus the time from the end of the latest 40 ms to the end of the
        encoder's input.
    """

    version: int
    q0: int
    dq: int
    qmax: int
    offset: int

    @property
    def end_ms(self) -> float:
        """Time from the end of the newest feature frame to the Opus frame's first sample; may be negative."""
        return 2.5 * (self.offset - 16)


@dataclass(frozen=True)
class DredPayload:
    """Content of a payload.

    Attributes
    ----------
    header
        Its header.
    state
        int32 (50,), in version 10 (19,): the initial state, quantized.
    latents
        int32 (chunks, 25), in version 10 (chunks, 21): the latent vectors, quantized, latest first, of 40 ms
        each.
    """

    header: DredHeader
    state: Symbols
    latents: Symbols

    @property
    def chunks(self) -> int:
        """Number of latent vectors."""
        return len(self.latents)

    @property
    def depth_ms(self) -> int:
        """Length of the sound that the latent vectors cover."""
        return CHUNK_MS * self.chunks

    def cut(self, chunks: int) -> "DredPayload":
        """Return the payload with at most the latest `chunks` latent vectors."""
        return replace(self, latents=self.latents[:chunks])


@lru_cache(maxsize=1024)
def levels(header: DredHeader, chunks: int) -> NDArray[np.int64]:
    """Return the quantizer level of each latent vector, latest first; read-only."""
    found = [dred_symbols.level(header.q0, header.dq, header.qmax, index) for index in range(chunks)]
    return np.array(found, np.int64)


def _version(payload: bytes) -> int:
    if payload[:1] != b"D" or len(payload) <= PREFIX_BYTES or payload[1] not in DRED_EXPERIMENTAL_VERSIONS:
        raise CodecError(
            f"a DRED payload is 'D', {_VERSIONS}, and then more; "
            f"this one is {payload[:PREFIX_BYTES].hex(' ') or 'empty'}"
        )
    return payload[1]


def _header(version: int, numbers: NDArray[np.int64]) -> DredHeader:
    return DredHeader(version, int(numbers[Q0]), int(numbers[DQ]), int(numbers[QMAX]), int(numbers[OFFSET]))


def parse(payload: bytes, max_chunks: int = MAX_CHUNKS) -> DredPayload:
    """Read a payload of any depth; damaged ones give some numbers, no error.

    Parameters
    ----------
    payload
        With the two bytes of the experimental version.
    max_chunks
        Largest number of latent vectors to read; libopus reads at most 26.

    Raises
    ------
    CodecError
        If it is not DRED, or larger than any packet.
    """
    version = _version(payload)
    if len(payload) > _MAX_BYTES or not 0 <= max_chunks <= MAX_CHUNKS:
        raise CodecError(
            f"DRED of {len(payload)} bytes and {max_chunks} chunks: at most {_MAX_BYTES} and {MAX_CHUNKS}"
        )
    tables = quantizers(version)
    states, width = (each.scale.shape[1] for each in tables)
    header, state = np.zeros(HEADER_SIZE, np.int64), np.zeros(states, np.int32)
    latents = np.zeros((max_chunks, width), np.int32)
    data = np.frombuffer(payload, np.uint8)[PREFIX_BYTES:]
    rows = dred_symbols.read(data, *tables, header, state, latents)
    return DredPayload(_header(version, header), state, latents[:rows].copy())


def write(payload: DredPayload) -> bytes:
    """Write a payload as libopus does, with any depth.

    The number of latent vectors is not sent: readers, libopus's included, may miss a last one of less than 8
    bits.

    Raises
    ------
    CodecError
        If a field is out of range.
    """
    header = payload.header
    _check(header)
    tables = quantizers(header.version)
    states, width = (each.scale.shape[1] for each in tables)
    if payload.state.shape != (states,) or payload.latents.shape[1:] != (width,):
        raise CodecError(
            f"DRED of version {header.version} has {states} numbers of state and {width} per chunk"
        )
    if payload.chunks > MAX_CHUNKS:
        raise CodecError(f"DRED of {payload.chunks} chunks: at most {MAX_CHUNKS}")
    numbers = np.zeros(HEADER_SIZE, np.int64)
    numbers[Q0], numbers[DQ], numbers[QMAX], numbers[OFFSET] = (
        header.q0,
        header.dq,
        header.qmax,
        header.offset,
    )
    data = np.zeros(_MAX_BYTES, np.uint8)
    state, latents = (np.ascontiguousarray(part, np.int32) for part in (payload.state, payload.latents))
    size = dred_symbols.write(data, *tables, numbers, state, latents)
    if size > _MAX_BYTES - PREFIX_BYTES:
        raise CodecError(f"DRED of {payload.chunks} chunks takes {size} bytes, more than a packet can hold")
    return bytes((ord("D"), header.version)) + data[:size].tobytes()


def _check(header: DredHeader) -> None:
    sends_qmax = header.q0 < 14 and header.dq > 0
    lowest = header.q0 + 1 if sends_qmax else 15
    if header.version not in DRED_EXPERIMENTAL_VERSIONS:
        raise CodecError(f"DRED of version {header.version}: take {_VERSIONS}")
    limits = {
        "q0": (header.q0, 0, 15),
        "dq": (header.dq, 0, 7),
        "qmax": (header.qmax, lowest, 15),
        "offset": (header.offset, 0, MAX_OFFSET),
    }
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            span = str(low) if low == high else f"{low} to {high}"
            raise CodecError(
                f"{name} of {value} in a DRED payload of q0 {header.q0}, dq {header.dq}: take {span}"
            )
