"""How a call sounds, in numbers: each metric is a file in this folder and a line in `METRICS`.

A metric's file has a function ``create()`` that loads what the metric needs and returns a `Measure`. `metric`
wraps it so that whatever happens a call gets a `Score`: a number that the metric really gave, or NaN and the
reason.
"""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from testbed.errors import MetricError

METRICS = {
    "plcmos": "testbed.metrics.plcmos",
    "pesq_wb": "testbed.metrics.pesq_wb",
    "estoi": "testbed.metrics.estoi",
}

SAMPLE_RATE_HZ = 16_000
SHORTEST_S = 1.0
_SILENCE = 1e-4  # half of peak to peak; -80 dBov

Signal = NDArray[np.float32]
Measure = Callable[[Signal, Signal], float]
"""From reference and degraded to a number; raises `CannotScoreError` where the metric is not defined."""


class CannotScoreError(MetricError):
    """A metric is not defined on a pair of signals; the message says why."""


@dataclass(frozen=True)
class Score:
    """What a metric says of one call: a finite value, or NaN and the reason."""

    value: float
    reason: str = ""


class Metric(Protocol):
    """Scores a degraded signal against its reference.

    Both are float32 (n,) in [-1, 1], mono, 16 kHz, of equal length and aligned to the sample. The score is a
    pure function of the two: no clock, no global random state.
    """

    def __call__(self, reference: Signal, degraded: Signal, /) -> Score: ...


@dataclass(frozen=True)
class _Guarded:
    """A metric that never fails on what it hears."""

    measure: Measure

    def __call__(self, reference: Signal, degraded: Signal, /) -> Score:
        for name, signal in (("reference", reference), ("degraded", degraded)):
            if signal.shape != reference.shape or signal.ndim != 1:
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


def metric(name: str) -> Metric:
    """Return a metric by its name, loading its network or library the first time in this process.

    Raises
    ------
    MetricError
        If no metric has that name, or its package is not installed or does not load.
    """
    if name not in METRICS:
        raise MetricError(f"no metric is named {name!r}; there are {', '.join(METRICS)}")
    return _load(name)


@cache
def _load(name: str) -> Metric:
    try:
        measure: Measure = importlib.import_module(METRICS[name]).create()
    except ImportError as error:
        raise MetricError(f"metric {name} cannot be loaded: {error}; reinstall the testbed") from error
    return _Guarded(measure)


def _fault(signal: Signal) -> str:
    """Say what makes a signal unfit for any metric, or ""."""
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
