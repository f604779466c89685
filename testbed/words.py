"""Words as people use them: nouns with their number, and what other programs call a scenario's things."""

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
"""A scenario's own name of what RTP, libopus or a habit calls otherwise."""


def synonym(name: object) -> str:
    """Return a scenario's own name of what `name` usually means, or ``""``."""
    return SYNONYMS.get(str(name).strip().lower().replace("-", "_").replace(" ", "_"), "")


def duration(seconds: float) -> str:
    """Return ``24 s`` or ``16 minutes``."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def counted(number: int, noun: str) -> str:
    """Return ``1 clip``, ``2 clips``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
