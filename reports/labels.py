"""Labels of columns, metrics and swept parameters on a page or an axis, with their units."""

import json
import math
from contextlib import suppress
from numbers import Real
from typing import Any

METRICS = {
    "plcmos": "PLCMOS (1 to 5)",
    "pesq_wb": "PESQ-WB (1.0 to 4.6)",
    "estoi": "ESTOI (0 to 1)",
}
BOUNDS = {"plcmos": (1.0, 5.0), "pesq_wb": (1.0, 4.65), "estoi": (0.0, 1.0)}
"""Smallest and largest value of each metric."""
SHORT = {
    "plcmos": "PLCMOS",
    "pesq_wb": "PESQ-WB",
    "estoi": "ESTOI",
    "packet_loss": "Loss",
    "delay_variation_ms_p95": "Queueing delay",
    "mean_delay_ms": "Mouth to ear",
    "wire_kbps": "Bitrate sent",
}
COLUMNS = {
    "wire_kbps": "Bitrate on the wire (kb/s, with RTP, UDP and IPv4)",
    "payload_kbps": "Payload bitrate (kb/s, codec bytes only)",
    "primary_kbps": "Bitrate of the speech itself (kb/s)",
    "lbrr_kbps": "Bitrate of LBRR (kb/s)",
    "dred_kbps": "Bitrate of DRED (kb/s)",
    "red_kbps": "Bitrate of RED copies (kb/s)",
    "dred_asked_ms": "DRED asked for (ms)",
    "dred_sent_ms": "DRED sent, on average (ms)",
    "dred_distortion": "Distortion of DRED's features (root mean square)",
    "lbrr_sent": "Packets with LBRR (share)",
    "packet_loss": "Packets lost (share)",
    "queue_loss": "Packets dropped by queues (share)",
    "delay_ms_min": "Smallest delay of a packet (ms)",
    "delay_variation_ms_p50": "Delay above the smallest, median (ms)",
    "delay_variation_ms_p95": "Delay above the smallest, 95th percentile (ms)",
    "buffer_needed_ms_p95": "Jitter buffer that repairs need, 95th percentile (ms)",
    "buffer_needed_ms_max": "Jitter buffer that repairs need, maximum (ms)",
    "mean_delay_ms": "Mean delay of a frame, mouth to ear (ms)",
}
_KINDS = ("policy", "controller", "model", "format", "discipline")
"""Keys whose values need no name before them."""
_UNITS = {"kbps": "kb/s", "ms": "ms", "hz": "Hz", "packets": "packets", "bytes": "bytes", "db": "dB"}


def words(column: str) -> str:
    """Return ``playout delay`` for ``playout.delay_ms``."""
    return _words(column)[0]


def short(metric: str) -> str:
    """Return a metric's name for a sentence."""
    return SHORT.get(metric, metric)


def places(metric: str) -> int:
    """Return the number of decimals of a metric."""
    return 3 if metric == "estoi" else 2


def number(value: Any, places: int = 0, factor: float = 1.0, sign: bool = False) -> str:
    """Return ``−0.01``, with a true minus, and a plus where `sign` asks for one; ``–`` for the unknown."""
    if not isinstance(value, Real) or not math.isfinite(value):
        return "–"
    return f"{factor * float(value):{'+' if sign else ''}.{places}f}".replace("-", "−")


def axis(column: str) -> str:
    """Return the axis title of a column, unit included: ``playout.delay_ms`` is ``Playout delay (ms)``."""
    if column in METRICS or column in COLUMNS:
        return METRICS.get(column) or COLUMNS[column]
    words, unit = _words(column)
    title = words[:1].upper() + words[1:]
    return f"{title} ({unit})" if unit else title


def value(column: str, number: Any) -> str:
    """Return ``playout delay 40 ms`` for ``playout.delay_ms`` at 40."""
    words, unit = _words(column)
    if parts := _parts(number):
        said = [str(part) if key in _KINDS else value(key, part) for key, part in parts.items()]
        return f"{words} {', '.join(said)}"
    shown = f"{number:g}" if is_number(number) else number if isinstance(number, str) else json.dumps(number)
    return f"{words} {shown} {unit}".rstrip()


def _parts(number: Any) -> dict[str, Any]:
    """Return the keys of a swept mapping, which a point holds as JSON; empty for any other value."""
    if isinstance(number, str) and number.startswith("{"):
        with suppress(ValueError):
            number = json.loads(number)
    return number if isinstance(number, dict) else {}


def point(parameters: dict[str, Any]) -> str:
    """Return the label of a combination of swept parameters."""
    return ", ".join(value(name, number) for name, number in parameters.items()) or "the only point"


def is_number(thing: Any) -> bool:
    """Whether `thing` is a number for an axis."""
    return isinstance(thing, int | float) and not isinstance(thing, bool)


def _words(column: str) -> tuple[str, str]:
    parts = column.replace(".", "_").split("_")
    unit = _UNITS.get(parts[-1], "") if len(parts) > 1 else ""
    return " ".join(parts[:-1] if unit else parts), unit
