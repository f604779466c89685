"""Wording of messages: counted nouns, durations, shortened lists, synonyms and the nearest name."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from testbed.escaping import printable

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


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return the one of `known` that was probably meant by `name`, or ``""``."""
    known = list(known)
    if (own := synonym(name)) in known:
        return own
    for candidate in known:
        if candidate.startswith(f"{name}_") or name.startswith(f"{candidate}_"):
            return candidate
        if candidate.endswith(f".{name}"):
            return candidate
    folded = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean x?"``, or ``"; known: a, b, c"`` where nothing is near."""
    known = list(known)
    if near := nearest_name(name, known):
        return f"; did you mean {near}?"
    return f"; known: {', '.join(known)}" if known else ""


def duration(seconds: float) -> str:
    """Return ``24 s``, ``16 minutes`` or ``2.5 hours``."""
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def counted(number: int, noun: str) -> str:
    """Return ``1 clip``, ``2 clips``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(names: Sequence[object], most: int) -> str:
    """Return ``a, b``, and of more than `most` names ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return rows of words as lines with aligned columns.

    Parameters
    ----------
    rows
        Words of equally many columns.
    right
        Indices of the columns that are aligned to the right.
    """
    rows = [[printable(word).replace("\n", " ") for word in row] for row in rows]
    widths = [max(len(word) for word in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            word.rjust(width) if index in right else word.ljust(width)
            for index, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
