"""Wording of messages: counted nouns, durations, shortened lists, and synonyms of a scenario's keys."""

from collections.abc import Sequence

SYNONYMS = {
    "fec": "lbrr",
    "inband_fec": "lbrr",
    "in_band_fec": "lbrr",
    "useinbandfec": "lbrr",
    "opus_fec": "lbrr",
    "classic_plc": "plc",
    "classic": "plc",
    "concealment": "plc",
    "deep_plc": "neural_plc",
    "dnn_plc": "neural_plc",
    "neural": "neural_plc",
    "fargan": "neural_plc",
    "rfc2198": "red",
    "rtp_red": "red",
    "redundancy": "red",
    "copies": "red",
    "deep_redundancy": "dred",
    "packet_loss_perc": "expected_loss",
    "packet_loss_percent": "expected_loss",
    "plp": "expected_loss",
}
"""The scenario's own key, by the name that RTP, libopus or other programs use."""


def synonym(name: object) -> str:
    """Return the scenario's own key for `name`, or ``""``."""
    return SYNONYMS.get(str(name).strip().lower().replace("-", "_").replace(" ", "_"), "")


def duration(seconds: float) -> str:
    """Return ``24 s`` or ``16 minutes``."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def counted(number: int, noun: str) -> str:
    """Return ``1 clip``, ``2 clips``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(names: Sequence[object], most: int) -> str:
    """Return ``a, b``, and of more than `most` names ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
