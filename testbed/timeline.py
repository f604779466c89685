"""Fate of each frame of a call: times of sending, arrival and playout, cause of a drop, and recovery."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.recovery import Recovery
from testbed.errors import ResultsError
from testbed.parquet import read_frame

if TYPE_CHECKING:
    import pandas as pd

NEVER = -1
_WHOLE = ("frame", "sent_ns", "arrived_ns", "played_ns", "source_frame", "size_bytes")
_WORDS = ("dropped_by", "recovered_by")


@dataclass(frozen=True, repr=False)
class Timeline:
    """Fate of each frame of a call, in playing order; all arrays have one entry per frame.

    Attributes
    ----------
    sent_ns
        Time of sending of the packet with the frame as its primary; `NEVER` in a pause.
    arrived_ns
        Time of arrival of that packet, or `NEVER`.
    dropped_by
        Name of the cause that dropped the packet, or ``""``.
    played_ns
        Time at which the frame was played; with offline playout, the earliest possible time; `NEVER` for a
        frame that an adaptive receiver skipped.
    recovered_by
        By frame, a `Recovery`; `DTX` for all frames that were not sent, even if the receiver assumed a loss.
    source_frame
        The primary frame of the packet that the sound came in: itself for primary, a later one for RED, LBRR
        and DRED, `NEVER` for none. For a concealed frame: the packet whose LBRR or DRED was of no use.
    size_bytes
        Size of the packet on the wire; 0 for none.
    """

    sent_ns: NDArray[np.int64]
    arrived_ns: NDArray[np.int64]
    dropped_by: tuple[str, ...]
    played_ns: NDArray[np.int64]
    recovered_by: NDArray[np.uint8]
    source_frame: NDArray[np.int32]
    size_bytes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.sent_ns)

    def __repr__(self) -> str:
        return f"Timeline({len(self)} frames)"

    @property
    def is_sent(self) -> NDArray[np.bool_]:
        """By frame, True if a packet with the frame as its primary was sent."""
        sent: NDArray[np.bool_] = self.sent_ns != NEVER
        return sent

    @property
    def late(self) -> NDArray[np.bool_]:
        """By frame, true if its packet arrived after the frame was due; RED may have repaired the frame."""
        late: NDArray[np.bool_] = (self.arrived_ns != NEVER) & (self.arrived_ns > self.played_ns)
        return late

    def count(self, recovery: Recovery) -> int:
        """Return the number of frames that were recovered in this way."""
        return int(np.count_nonzero(self.recovered_by == recovery))

    @property
    def concealments(self) -> NDArray[np.int64]:
        """Number of frames in each concealment: a run of frames that were concealed."""
        is_concealed = np.concatenate([[False], self.recovered_by == Recovery.PLC, [False]])
        borders = np.flatnonzero(np.diff(is_concealed))
        lengths: NDArray[np.int64] = borders[1::2] - borders[::2]
        return lengths

    def drops(self, causes: Collection[str]) -> int:
        """Return the number of packets dropped by given causes."""
        return sum(cause in causes for cause in self.dropped_by)

    @property
    def smallest_delay_ms(self) -> float:
        """Delay of the fastest packet; NaN if none arrived."""
        delays_ns = self._delays_ns
        return float(delays_ns.min()) / 1e6 if len(delays_ns) else float("nan")

    def delay_variation_ms(self, percentile: float) -> float:
        """Return a percentile of the packets' delay above the smallest (PDV, RFC 5481); NaN if none arrived.

        If only a queue varies the delay, this is the waiting time in the queue.
        """
        delays_ns = self._delays_ns
        if not len(delays_ns):
            return float("nan")
        return float(np.percentile(delays_ns - delays_ns.min(), percentile)) / 1e6

    def buffer_needed_ms(self, percentile: float) -> float:
        """Return a percentile of the waits that repaired frames needed; NaN if none was repaired.

        A wait ends with the arrival of the repair. It begins when the frame would have arrived in a packet as
        fast as the fastest one, so the 100th percentile is the smallest fixed jitter buffer in which all
        repairs come in time.
        """
        repaired = np.isin(self.recovered_by, (Recovery.RED, Recovery.LBRR, Recovery.DRED))
        if not repaired.any():
            return float("nan")
        waits_ns = self.arrived_ns[self.source_frame[repaired]] - self.sent_ns[repaired]
        return float(np.percentile(waits_ns - self._delays_ns.min(), percentile)) / 1e6

    @property
    def _delays_ns(self) -> NDArray[np.int64]:
        """Delay of each packet that arrived."""
        arrived = self.arrived_ns != NEVER
        delays_ns: NDArray[np.int64] = (self.arrived_ns - self.sent_ns)[arrived]
        return delays_ns

    def table(self) -> "pd.DataFrame":
        """Return one row per frame, with recoveries by name."""
        import pandas as pd

        return pd.DataFrame(
            {
                "frame": np.arange(len(self), dtype=np.int32),
                "sent_ns": self.sent_ns,
                "arrived_ns": self.arrived_ns,
                "dropped_by": list(self.dropped_by),
                "played_ns": self.played_ns,
                "recovered_by": [Recovery(index).name.lower() for index in self.recovered_by],
                "source_frame": self.source_frame,
                "late": self.late,
                "size_bytes": self.size_bytes,
            }
        )

    def parquet(self) -> bytes:
        """Return the table as a Parquet file."""
        return self.table().to_parquet(index=False)


def read_timeline(path: Path) -> "pd.DataFrame":
    """Read a file of `Timeline.parquet`; it is not trusted.

    Returns
    -------
    DataFrame
        One row per frame in playing order; columns as the attributes of `Timeline`, causes as text.

    Raises
    ------
    ResultsError
        It cannot be read, or a column is missing or has the wrong type.
    """
    from pandas.api.types import is_integer_dtype

    table = read_frame(path, "timeline")
    for name in (*_WHOLE, *_WORDS):
        if name not in table:
            raise ResultsError(f"{path}: is not a timeline: it has no column {name}")
        if table[name].isna().any() or is_integer_dtype(table[name]) != (name in _WHOLE):
            kind = "whole numbers" if name in _WHOLE else "words"
            raise ResultsError(f"{path}: is not a timeline: {name} must hold {kind}")
    if table["late"].dtype != bool or not np.array_equal(table["frame"], np.arange(len(table))):
        raise ResultsError(f"{path}: is not a timeline: frames must count from 0, and be late or not")
    return table
