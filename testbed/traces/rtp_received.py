"""The packets of an RTP stream that arrived, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ReceivedStream:
    """The packets of a stream that arrived, in the order of sending; each array (n,).

    Attributes
    ----------
    sequences, timestamps, payload_types, marked
        As in their RTP headers.
    clock_hz
        Rate of the timestamps.
    arrived_ns
        Time of arrival of each.
    payload_bytes
        Size of each payload.
    """

    sequences: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    payload_types: NDArray[np.int64]
    marked: NDArray[np.bool_]
    clock_hz: NDArray[np.int64]
    arrived_ns: NDArray[np.int64]
    payload_bytes: NDArray[np.int64]
