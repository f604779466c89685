"""Scores of a call: a metric's number, or NaN and the reason."""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.errors import MetricError
from testbed.metrics import METRICS
from testbed.metrics.metric import CannotScoreError, Measure, Signal

SHORTEST_S = 1.0
_SILENCE = 1e-4  # half of peak to peak; -80 dBov


@dataclass(frozen=True)
class Score:
    """The score of one call: a finite value, or NaN and the reason."""

    value: float
    reason: str = ""


@dataclass(frozen=True)
class Scorer:
    """A loaded metric; a pair of signals that it cannot score yields NaN and the reason."""

    measure: Measure
    needs_equal_length: bool = True

    def __call__(self, reference: Signal, degraded: Signal, /) -> Score:
        """Score a degraded signal against its reference; see `testbed.metrics.metric.Measure`.

        Raises
        ------
        MetricError
            The signals differ in length, or are not (n,).
        """
        for name, signal in (("reference", reference), ("degraded", degraded)):
            is_long_enough = not self.needs_equal_length or len(signal) == len(reference)
            if signal.ndim != 1 or not is_long_enough:
                raise MetricError(
                    f"{name} signal has shape {signal.shape}; both must be (n,) and equally long "
                    f"(the reference is {reference.shape})"
                )
            if fault := _fault(signal):
                return Score(float("nan"), f"the {name} signal {fault}")
        reference = np.ascontiguousarray(reference, dtype=np.float32)
        degraded = np.ascontiguousarray(degraded, dtype=np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = float(self.measure(reference, degraded))
            except CannotScoreError as error:
                return Score(float("nan"), str(error))
        if not np.isfinite(value):
            return Score(float("nan"), "the metric gave no finite number")
        return Score(value)


@cache
def scorer(name: str) -> Scorer:
    """Return the metric of a name, loaded once per process.

    Raises
    ------
    UnknownNameError
        No metric has that name.
    MetricError
        It hears no sound, or its package is not installed or does not load.
    """
    metric = METRICS[name]
    if metric.create is None:
        raise MetricError(f"metric {name} hears no sound")
    try:
        return Scorer(metric.create(), metric.reference == "warped")
    except ImportError as error:
        install = f"; {metric.install}" if metric.install else ""
        raise MetricError(f"metric {name} cannot be loaded: {error}{install}") from error


def _fault(signal: Signal) -> str:
    """Return the reason why no metric can score a signal, or ""."""
    if len(signal) < SHORTEST_S * SAMPLE_RATE_HZ:
        return f"is {len(signal) / SAMPLE_RATE_HZ:.2f} s long, too short (at least {SHORTEST_S:g} s)"
    if not np.isfinite(signal).all():
        return "holds NaN or infinity"
    low, high = float(signal.min()), float(signal.max())
    if high - low < 2 * _SILENCE:
        return "is silent" if max(abs(low), abs(high)) < _SILENCE else "is constant"
    if max(-low, high) > 1:
        return "goes beyond full scale"
    return ""
