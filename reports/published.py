"""Published figures, marked next to the measurements on a plot."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published figure.

    Attributes
    ----------
    label
        Its name in the legend.
    places, values
        Its coordinates on both axes: a dot, or a line.
    """

    label: str
    places: Sequence[float]
    values: Sequence[float]


def published(x: str, y: str, highest_x: float) -> list[Published]:
    """Return the published figures of one column against another.

    For DRED's bitrate against its depth: up to 50 copies in less than 32 kb/s, which is 1 s in each of 50
    packets per second (J.-M. Valin, A. Mustafa and J. Büthe, "Low-Bitrate Redundancy Coding of Speech Using
    a Rate-Distortion-Optimized Variational Autoencoder", ICASSP 2023); and about 500 bit/s per copy,
    which is per 20 ms of depth in 50 packets per second.

    Parameters
    ----------
    x, y
        The columns.
    highest_x
        End of a line.
    """
    if y != "dred_kbps" or x not in ("dred_asked_ms", "dred_sent_ms"):
        return []
    copies = highest_x / 20
    return [
        Published("published: 500 bit/s per copy", (0.0, highest_x), (0.0, 0.5 * copies)),
        Published("published: 50 copies\nin less than 32 kb/s", (1000.0,), (32.0,)),
    ]
