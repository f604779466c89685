"""Wobble of metrics: how far scores, and differences between schemes, move by what nobody hears."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from testbed.measurements import score
from testbed.metrics import METRICS
from testbed.metrics.inaudible import changed
from testbed.metrics.metric import Signal
from testbed.references import References


@dataclass(frozen=True)
class Wobble:
    """The shifts of one metric by one change.

    Attributes
    ----------
    sounds
        Number of sounds with a score before and after.
    mean, lowest, highest
        Shift of single scores.
    pairs
        Number of differences between two schemes of the same call.
    one_pair
        Largest shift of such a difference, absolute; None without pairs.
    mean_pair
        Largest shift of a mean difference between two schemes, absolute, rounded up; None without pairs.
    """

    metric: str
    change: str
    sounds: int
    mean: float
    lowest: float
    highest: float
    pairs: int
    one_pair: float | None
    mean_pair: float | None


class Shifts:
    """Collects the shifts of the scores of sounds."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self._metrics = metrics
        self._shifts: dict[tuple[str, str], dict[Hashable, dict[str, float]]] = defaultdict(
            lambda: defaultdict(dict)
        )

    def add(
        self, call: Hashable, scheme: str, references: References, sound: Signal, language: str = ""
    ) -> None:
        """Score a sound before and after each change.

        Parameters
        ----------
        call
            Equal for the sounds of schemes that are compared.
        language
            That of the speech (ISO 639-1); "" if unknown.
        """
        after = changed(sound)
        for metric in (name for name in self._metrics if METRICS[name].judges(language)):
            reference = references.of(metric)
            before = score(metric, reference, sound).value
            for change, other in after.items():
                shift = score(metric, reference, other).value - before
                if math.isfinite(shift):
                    self._shifts[metric, change][call][scheme] = shift

    def wobbles(self) -> list[Wobble]:
        """Return the wobble of each metric by each change, in the order of the metrics."""
        return [
            _wobble(metric, change, [*calls.values()])
            for name in self._metrics
            for (metric, change), calls in self._shifts.items()
            if metric == name
        ]


def _wobble(metric: str, change: str, calls: Sequence[Mapping[str, float]]) -> Wobble:
    single = [shift for call in calls for shift in call.values()]
    paired = defaultdict(list)
    for schemes, shift in _pairs(calls):
        paired[schemes].append(shift)
    scale = 10 ** METRICS[metric].decimals
    means = [abs(float(np.mean(shifts))) for shifts in paired.values()]
    return Wobble(
        metric,
        change,
        len(single),
        float(np.mean(single)),
        min(single),
        max(single),
        sum(map(len, paired.values())),
        max((abs(shift) for shifts in paired.values() for shift in shifts), default=None),
        math.ceil(max(means) * scale) / scale if means else None,
    )


def _pairs(calls: Sequence[Mapping[str, float]]) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield the shift of each difference between two schemes of a call."""
    for call in calls:
        for one, other in combinations(sorted(call), 2):
            yield (one, other), call[one] - call[other]
