"""Reads and writes DRED payloads, and cuts them to a shorter depth without encoding again.

The format is that of draft-ietf-mlcodec-opus-dred as libopus writes it: the letter ``D``, the number of the
experimental version, then the symbols of `testbed.kernels.dred_symbols`. Versions 10 (libopus 1.5) and 12
(1.6) have the same header, but different quantizers and networks. So have networks that are not libopus's,
each under a version of its own from 128 on (`testbed.codecs.dred.network_folder`).
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred.network_folder import LIBOPUS, QUANTIZERS, DredNetwork
from testbed.codecs.dred.quantizers import parse_quantizers, quantizers
from testbed.codecs.opus.packet import DRED_EXPERIMENTAL_VERSIONS, OWN_VERSIONS
from testbed.errors import CodecError
from testbed.kernels import dred_symbols
from testbed.kernels.dred_symbols import DQ, HEADER_SIZE, MAX_OFFSET, OFFSET, Q0, QMAX, Tables

PREFIX_BYTES = 2
CHUNK_MS = 40
MAX_CHUNKS = 250
_MAX_BYTES = 1 << 16

Symbols = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DredHeader:
    """Header of a payload, the same in all versions.

    Attributes
    ----------
    version
        10 or 12, or that of a network of one's own.
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
        int32 (states,): the initial state, quantized; 50 numbers in version 12, 19 in version 10.
    latents
        int32 (chunks, latents): the latent vectors, quantized, latest first, of 40 ms each; 25 numbers in
        version 12, 21 in version 10.
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


@lru_cache(maxsize=8)
def _tables_of_folder(network: DredNetwork) -> tuple[Tables, Tables]:
    return parse_quantizers(network.content()[0], f"{network.folder}/{QUANTIZERS}")


def tables_of(network: DredNetwork, version: int) -> tuple[Tables, Tables]:
    """Return the tables of states and of latent vectors for payloads of a version, read by a network.

    Raises
    ------
    CodecError
        The network does not read payloads of that version, or its tables are damaged.
    """
    if version not in network.versions:
        whose = "a network of its own" if version in OWN_VERSIONS else "no network that is known"
        raise CodecError(
            f"DRED of experimental version {version} is of {whose}; the reader has {network.title!r}, of "
            f"version {network.version}"
        )
    return _tables_of_folder(network) if network.folder else quantizers(version)


def version_of(payload: bytes) -> int:
    """Return the experimental version of a payload.

    Raises
    ------
    CodecError
        It is not DRED of libopus's versions or of a network of one's own.
    """
    known = payload[1:2] and (payload[1] in DRED_EXPERIMENTAL_VERSIONS or payload[1] in OWN_VERSIONS)
    if payload[:1] != b"D" or len(payload) <= PREFIX_BYTES or not known:
        versions = ", ".join(map(str, DRED_EXPERIMENTAL_VERSIONS))
        raise CodecError(
            f"a DRED payload is 'D', {versions} or {OWN_VERSIONS[0]} to {OWN_VERSIONS[-1]}, and then more; "
            f"this one is {payload[:PREFIX_BYTES].hex(' ') or 'empty'}"
        )
    return payload[1]


def parse_header(payload: bytes) -> DredHeader:
    """Read the header of a payload, which has the same form whatever the network.

    Raises
    ------
    CodecError
        It is not DRED.
    """
    numbers = np.zeros(HEADER_SIZE, np.int64)
    dred_symbols.read_header(np.frombuffer(payload, np.uint8)[PREFIX_BYTES:], numbers)
    return _header(version_of(payload), numbers)


def _header(version: int, numbers: NDArray[np.int64]) -> DredHeader:
    return DredHeader(version, int(numbers[Q0]), int(numbers[DQ]), int(numbers[QMAX]), int(numbers[OFFSET]))


def parse(payload: bytes, max_chunks: int = MAX_CHUNKS, network: DredNetwork = LIBOPUS) -> DredPayload:
    """Read a payload of any depth; damaged ones give some numbers, no error.

    Parameters
    ----------
    payload
        With the two bytes of the experimental version.
    max_chunks
        Largest number of latent vectors to read; libopus reads at most 26.
    network
        The network that made it.

    Raises
    ------
    CodecError
        If it is not DRED, of another network, or larger than any packet.
    """
    version = version_of(payload)
    if len(payload) > _MAX_BYTES or not 0 <= max_chunks <= MAX_CHUNKS:
        raise CodecError(
            f"DRED of {len(payload)} bytes and {max_chunks} chunks: at most {_MAX_BYTES} and {MAX_CHUNKS}"
        )
    tables = tables_of(network, version)
    states, width = (each.scale.shape[1] for each in tables)
    header, state = np.zeros(HEADER_SIZE, np.int64), np.zeros(states, np.int32)
    latents = np.zeros((max_chunks, width), np.int32)
    data = np.frombuffer(payload, np.uint8)[PREFIX_BYTES:]
    rows = dred_symbols.read(data, *tables, header, state, latents)
    return DredPayload(_header(version, header), state, latents[:rows].copy())


def write(payload: DredPayload, network: DredNetwork = LIBOPUS) -> bytes:
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
    tables = tables_of(network, header.version)
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
