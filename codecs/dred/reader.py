"""Reads features for concealment from the DRED in a call's packets.

Vectors are assigned to the 10 ms frames of a gap as in libopus 1.6.1, src/opus_decoder.c.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred import network, packet, payload
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.dred.payload import MAX_CHUNKS
from testbed.kernels.bark import FEATURES, FRAME, Floats
from testbed.kernels.plc import AHEAD
from testbed.kernels.rdovae import FRAMES_PER_LATENT

_ROUNDED_CHUNKS = 4


class DredReader:
    """Reads the DRED of packets when it is needed, only as deep as needed.

    Parameters
    ----------
    packets
        A call's Opus packets, one per frame.
    frame_samples
        Samples per frame at 16 kHz.
    made_by
        The network that made the DRED; DRED of another one is a `CodecError`.
    """

    def __init__(self, packets: Sequence[bytes], frame_samples: int, made_by: DredNetwork = LIBOPUS) -> None:
        self._packets = packets
        self._frame_samples = frame_samples
        self._made_by = made_by
        self._read: dict[int, tuple[int, Floats, int]] = {}

    @property
    def nbytes(self) -> int:
        """Memory of the features that were read."""
        return sum(features.nbytes for _, features, _ in self._read.values())

    def forget(self) -> None:
        """Discard the features that were read."""
        self._read.clear()

    def read(self, gaps: Iterable[tuple[int, Sequence[int]]]) -> None:
        """Read the DRED that gaps need, in one batch.

        Parameters
        ----------
        gaps
            For each, its first frame and, by frame, the distance in frames to the packet whose DRED is used;
            0 for none.
        """
        wanted: dict[int, int] = {}
        for start, later in gaps:
            for source, chunks in self._needed(start, later).items():
                if chunks > max(wanted.get(source, 0), self._read.get(source, (0,))[0]):
                    wanted[source] = chunks
        found = []
        for source, chunks in wanted.items():
            carried = packet.find(self._packets[source])
            if carried is None:
                self._read[source] = (MAX_CHUNKS, np.zeros((0, FEATURES), np.float32), 0)
                continue
            deep = min(MAX_CHUNKS, -(-chunks // _ROUNDED_CHUNKS) * _ROUNDED_CHUNKS)
            parsed = payload.parse(carried.payload, deep, self._made_by)
            end = round((carried.frame * carried.frame_ms - parsed.header.end_ms) * FRAME / 10)
            found.append((source, deep, end, parsed))
        for (source, deep, end, _), features in zip(
            found, network.decode([parsed for *_, parsed in found], self._made_by), strict=True
        ):
            self._read[source] = (deep, features, end)

    def gap(self, start: int, later: Sequence[int]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the features for a gap that was read, and which of them are known.

        Parameters
        ----------
        start, later
            As in `read`.

        Returns
        -------
        tuple
            float32 (2 + frames of 10 ms, 20) and bool (2 + frames of 10 ms,); the first two lie ahead.
        """
        steps = self._frame_samples // FRAME
        given = np.zeros((AHEAD + steps * len(later), FEATURES), np.float32)
        known = np.zeros(len(given), bool)
        needed = self._needed(start, later)
        sources = [start + frame + distance if distance else None for frame, distance in enumerate(later)]
        for source, frames in groupby(range(len(later)), key=sources.__getitem__):
            first, *rest = frames
            if source is None:
                continue
            _, features, end = self._read[source]
            # The two vectors ahead come with the gap's first frame.
            place = AHEAD + first * steps if first else 0
            count = AHEAD + (first + len(rest) + 1) * steps - place
            newest = ((source - start) * self._frame_samples + end) // FRAME - place
            reached = min(len(features), FRAMES_PER_LATENT * needed[source])
            oldest = newest - count + 1
            begin, stop = max(0, oldest), min(newest + 1, reached)
            if begin < stop:
                known[place + newest + 1 - stop : place + newest + 1 - begin] = True
                given[place + newest + 1 - stop : place + newest + 1 - begin] = features[begin:stop][::-1]
        return given, known

    def _needed(self, start: int, later: Sequence[int]) -> dict[int, int]:
        """Return the chunks a gap needs of each packet: libopus reads what its first use needs."""
        needed: dict[int, int] = {}
        for frame, distance in enumerate(later):
            if distance:
                vectors = AHEAD + distance * self._frame_samples // FRAME
                chunks = -(-((vectors + 1) // 2) // 2)
                needed.setdefault(start + frame + distance, min(MAX_CHUNKS, chunks))
        return needed
