"""The columns of a run's table: name, unit, label, decimals, type and meaning of each, declared once.

Rows, `results.parquet`, the report, plots and the documentation take them from here. The columns of metrics
are declared by the metrics (`testbed.metrics`), swept parameters by the scenario. The tables of flow studies
have `testbed.flows.columns`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

INTERRUPTION_MS = 150
"""Shortest concealment that is an interruption (NetEq's ``kInterruptionLenMs``)."""
TYPES = frozenset({"", "Int64", "float64"})
"""Pandas types of columns; ``""`` for the type of the values."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name
        Its name in the table.
    unit
        Unit of its numbers; ``"share"`` for 0 to 1, ``""`` for none.
    label
        Title of an axis, without the unit.
    about
        Its meaning, for the documentation.
    decimals
        Number of decimals to show.
    dtype
        Its pandas type; ``""`` for that of its values.
    short
        Title of a button or of a table's column; default: the label.
    """

    name: str
    unit: str
    label: str
    about: str
    decimals: int = 2
    dtype: str = "float64"
    short: str = ""

    @property
    def axis(self) -> str:
        """Title of an axis, with the unit: ``Bitrate of DRED (kb/s)``."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def title(self) -> str:
        """Title of a button: ``Loss``."""
        return self.short or self.label

    @property
    def heading(self) -> str:
        """Heading of a table's column, with the unit unless the cells have it: ``Wire (kb/s)``."""
        return self.title if self.unit in ("", "share", "s") else f"{self.title} ({self.unit})"


def _frames(name: str, label: str, about: str, short: str = "") -> Column:
    return Column(f"frames_{name}", "frames", label, about, decimals=0, dtype="Int64", short=short)


POINT = Column("point", "", "Point", "number of the point of the sweep, from 0", decimals=0, dtype="")
REALIZATION = Column(
    "realization", "", "Realization", "number of the draw of the channel, from 0", decimals=0, dtype=""
)

IDENTITY = (
    POINT,
    Column("scheme", "", "Scheme", "name of the scheme", dtype=""),
    Column("clip", "", "Clip", "name of the recording", dtype=""),
    REALIZATION,
)
"""The columns that identify a call. The swept parameters follow them."""

PLAYED_FROM = (
    _frames("primary", "Frames from their own packet", "frames played from their own packet", "Own packet"),
    _frames("red", "Frames from RED", "frames played from a RED copy", "RED"),
    _frames("lbrr", "Frames from LBRR", "frames played from LBRR", "LBRR"),
    _frames("dred", "Frames from DRED", "frames played from DRED", "DRED"),
    _frames("plc", "Frames concealed", "frames concealed", "PLC"),
)
"""The numbers of frames by source, pauses excluded."""

MEASURED = (
    Column(
        "payload_kbps",
        "kb/s",
        "Payload bitrate",
        "codec bytes: the sum of `primary_kbps`, `lbrr_kbps`, `dred_kbps` and `red_kbps`",
        decimals=1,
        short="Payload",
    ),
    Column("primary_kbps", "kb/s", "Bitrate of the speech", "the speech itself", decimals=1, short="Speech"),
    Column("lbrr_kbps", "kb/s", "Bitrate of LBRR", "LBRR in the packets", decimals=1, short="LBRR"),
    Column("dred_kbps", "kb/s", "Bitrate of DRED", "DRED in the packets", decimals=1, short="DRED"),
    Column("red_kbps", "kb/s", "Bitrate of RED", "RED copies and their headers", decimals=1, short="RED"),
    Column(
        "lbrr_sent",
        "share",
        "Packets with LBRR",
        "share of the packets with LBRR, DTX packets excluded",
        decimals=3,
    ),
    Column(
        "dred_asked_ms",
        "ms",
        "DRED requested",
        "depth of DRED requested",
        decimals=0,
        dtype="",
        short="Requested",
    ),
    Column(
        "dred_sent_ms",
        "ms",
        "DRED sent, mean",
        "depth of DRED sent, mean over the packets",
        decimals=0,
        short="Sent",
    ),
    Column(
        "dred_distortion",
        "",
        "Distortion of DRED's features (root mean square)",
        "with `writer: testbed`: root mean square difference between the features that a packet's DRED "
        "decodes to and the features that were encoded, mean over the packets",
        decimals=3,
    ),
    Column(
        "wire_kbps",
        "kb/s",
        "Bitrate on the wire with RTP, UDP and IPv4",
        "payload with RTP, UDP and IPv4 headers (40 bytes per packet)",
        decimals=1,
        short="Wire",
    ),
    Column(
        "packet_loss",
        "share",
        "Packets lost",
        "share of the packets that the network lost",
        decimals=3,
        short="Loss",
    ),
    Column(
        "queue_loss",
        "share",
        "Packets dropped by queues",
        "share of the packets that queues dropped",
        decimals=3,
    ),
    Column("delay_ms_min", "ms", "Smallest delay of a packet", "delay of the fastest packet", decimals=0),
    Column(
        "delay_variation_ms_p50",
        "ms",
        "Delay above the smallest, median",
        "packet delay above the smallest (RFC 5481), median",
        decimals=0,
    ),
    Column(
        "delay_variation_ms_p95",
        "ms",
        "Delay above the smallest, 95th percentile",
        "the same, 95th percentile; the time in queues where nothing else varies the delay",
        decimals=0,
        short="Queueing delay",
    ),
    Column("frames", "frames", "Frames", "number of frames", decimals=0, dtype="Int64"),
    _frames(
        "late",
        "Packets too late",
        "packets that arrived after their frame was due, whether or not the frame was repaired",
        "Late",
    ),
    _frames(
        "narrow",
        "Packets below wideband",
        "narrowband and mediumband SILK packets sent, after which libopus conceals without neural networks",
    ),
    *PLAYED_FROM,
    _frames(
        "dtx",
        "Frames not sent (DTX)",
        "frames of pauses, which are not sent; this count and the five before it add up to `frames`",
        "Pauses, not sent",
    ),
    Column(
        "buffer_needed_ms_p95",
        "ms",
        "Jitter buffer that repairs need, 95th percentile",
        "jitter buffer that repairs need: the time from when a frame would have arrived in a packet as fast "
        "as the fastest until its repair arrived, 95th percentile over the frames that RED, LBRR or DRED "
        "repaired; NaN if none was repaired",
        decimals=0,
        short="Buffer p95",
    ),
    Column(
        "buffer_needed_ms_max",
        "ms",
        "Jitter buffer that repairs need, maximum",
        "the same, maximum",
        decimals=0,
        short="Buffer max",
    ),
    Column(
        "mouth_to_ear_ms",
        "ms",
        "Delay of a frame from mouth to ear, mean",
        "mean delay from mouth to ear: frame, codec look-ahead, network and jitter buffer, without the sound "
        "card; NaN for a receiver that waits without limit (`offline`), see `buffer_needed_ms_max`",
        decimals=0,
        short="Mouth to ear",
    ),
    Column(
        "mouth_to_ear_ms_p95",
        "ms",
        "Delay of a frame from mouth to ear, 95th percentile",
        "the same, 95th percentile",
        decimals=0,
        short="Mouth to ear p95",
    ),
    Column(
        "buffer_ms",
        "ms",
        "Time in the jitter buffer, mean",
        "mean time from the arrival of a packet until a frame is played from it; NaN where `mouth_to_ear_ms` "
        "is, and if no frame was played from a packet",
        decimals=0,
        short="In the buffer",
    ),
    Column(
        "stretched_ms",
        "ms",
        "Time inserted by stretching",
        "pitch periods that an adaptive receiver repeated; 0 for others",
        decimals=0,
        short="Stretched",
    ),
    Column(
        "accelerated_ms",
        "ms",
        "Time removed by acceleration",
        "pitch periods that an adaptive receiver removed; 0 for others",
        decimals=0,
        short="Accelerated",
    ),
    Column(
        "stalled_ms",
        "ms",
        "Time inserted by stalls",
        "concealment and silence that an adaptive receiver played without using up speech, so that the delay "
        "grew; 0 for others",
        decimals=0,
        short="Stalled",
    ),
    Column(
        "skipped_ms",
        "ms",
        "Speech skipped",
        "speech that an adaptive receiver neither played nor concealed; 0 for others",
        decimals=0,
        short="Skipped",
    ),
    Column(
        "concealment_events",
        "",
        "Concealment events",
        "number of times that concealment begins",
        decimals=1,
        dtype="Int64",
        short="Concealments",
    ),
    Column(
        "interruptions",
        "",
        "Interruptions",
        f"number of concealments of {INTERRUPTION_MS} ms or more in one piece, as NetEq counts them",
        decimals=1,
        dtype="Int64",
        short="Interruptions",
    ),
    Column(
        "mos_emodel",
        "",
        "Conversational quality by the E-model alone",
        "conversational quality by the E-model (ITU-T G.107.1) from bitrate, loss and delay alone; NaN with "
        "LBRR or DRED, in bursts (BurstR above 2 from 2 % of loss), with other frames than of 20 ms, outside "
        "wideband, below 10 and above 65 kb/s, and where `mouth_to_ear_ms` is NaN",
        short="E-model",
    ),
)
"""The measurements of a call; NaN for a call that failed. The metrics follow them."""

TIMINGS = (
    Column("seconds_encode", "s", "Time to encode", "processor time to encode"),
    Column("seconds_simulate", "s", "Time to simulate", "processor time to simulate"),
    Column(
        "seconds_decode",
        "s",
        "Time to decode",
        "processor time to decode; the mean over calls that are decoded together",
    ),
    Column("seconds_metrics", "s", "Time to measure quality", "processor time of the metrics"),
)
"""Processor times, 0 for what was in the cache: the only columns that differ between runs of one scenario."""

ERROR = Column(
    "error", "", "Error", "reason why the row or one of its metrics is missing; else empty", dtype=""
)

COLUMNS = (*IDENTITY, *MEASURED, *TIMINGS, ERROR)
"""All columns, in the table's order, without swept parameters and metrics."""


def names(columns: Iterable[Column]) -> tuple[str, ...]:
    """Return the names of columns."""
    return tuple(column.name for column in columns)


def table_types(swept: Iterable[str], metrics: Iterable[str]) -> dict[str, str]:
    """Return the names of all columns of a run's table, in order, and their types.

    Parameters
    ----------
    swept, metrics
        Names of the swept parameters and of the metrics.
    """
    return {
        **{column.name: column.dtype for column in IDENTITY},
        **dict.fromkeys(swept, ""),
        **{column.name: column.dtype for column in MEASURED},
        **dict.fromkeys(metrics, "float64"),
        **{column.name: column.dtype for column in (*TIMINGS, ERROR)},
    }


def check_declared(row: Iterable[str], types: Mapping[str, str]) -> None:
    """Check that a row has only columns of its table.

    Raises
    ------
    ResultsError
        A column is not declared; it would be lost.
    """
    for name in row:
        if name not in types:
            raise ResultsError(f"a row has {name!r}, which is not a declared column of the table")


def failed_rows(table: "pd.DataFrame") -> "pd.Series[bool]":
    """Return which rows of a table have an error."""
    return table["error"].notna() & (table["error"] != "")
