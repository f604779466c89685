"""What has been published of what is measured here, to be marked beside it on a plot."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A figure that was published.

    Attributes
    ----------
    label
        What a legend calls it.
    places, values
        Where it stands on both axes: a dot, or a line.
    """

    label: str
    places: Sequence[float]
    values: Sequence[float]


def published(x: str, y: str, highest_x: float) -> list[Published]:
    """Return what was published about a column against another.

    Of DRED's bitrate against its depth that is: up to 50 copies in less than 32 kb/s, which is 1 s in each of
    50 packets a second (J.-M. Valin, A. Mustafa and J. Büthe, "Low-Bitrate Redundancy Coding of Speech Using
    a Rate-Distortion-Optimized Variational Autoencoder", ICASSP 2023); and the about 500 bit/s that are given
    for a copy, so for every 20 ms of depth in 50 packets a second.

    Parameters
    ----------
    x, y
        The columns.
    highest_x
        Where a line ends.
    """
    if y != "dred_kbps" or x not in ("dred_asked_ms", "dred_sent_ms"):
        return []
    copies = highest_x / 20
    return [
        Published("published: 500 bit/s per copy", (0.0, highest_x), (0.0, 0.5 * copies)),
        Published("published: 50 copies\nin less than 32 kb/s", (1000.0,), (32.0,)),
    ]
