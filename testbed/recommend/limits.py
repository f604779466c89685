"""Limits that a configuration must keep, and the metric that judges it."""

import math
from dataclasses import dataclass

from testbed.errors import ScenarioError
from testbed.metrics import METRICS

DEFAULT_KBPS, DEFAULT_DELAY_MS = 64.0, 250.0
"""Default limits: the bitrate of ISDN's telephone channel, and a delay that most talkers still accept (ITU-T
G.114 recommends at most 400 ms)."""


@dataclass(frozen=True)
class RecommendLimits:
    """Limits of bitrate, delay and score, and the metric that judges.

    Attributes
    ----------
    max_kbps
        Highest mean bitrate on the wire.
    max_delay_ms
        Longest mean delay from mouth to ear, without the sound devices.
    metric
        The metric that judges.
    min_score
        Lowest mean score; then the cheapest configuration that reaches it is recommended. None: as good as
        the best.
    margin
        Difference to the best that does not matter.

    Raises
    ------
    ScenarioError
        A limit is out of range, or the metric cannot judge.
    """

    max_kbps: float = DEFAULT_KBPS
    max_delay_ms: float = DEFAULT_DELAY_MS
    metric: str = "plcmos"
    min_score: float | None = None
    margin: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("max-kbps", self.max_kbps), ("max-delay-ms", self.max_delay_ms)):
            if not 0 < value < math.inf:
                raise ScenarioError(f"--{name} {value:g}: give a number above 0")
        judge = METRICS[self.metric]
        if self.margin is None and judge.margin is None:
            raise ScenarioError(f"--metric {self.metric}: it has no margin; give one with --margin")
        if self.margin is not None and not 0 < self.margin < math.inf:
            raise ScenarioError(f"--margin {self.margin:g}: give a number above 0")
        low, high = judge.bounds
        if self.min_score is not None and not low <= self.min_score <= high:
            raise ScenarioError(
                f"--min-score {self.min_score:g}: {judge.label} goes from {low:g} to {high:g}"
            )

    @property
    def margin_used(self) -> float:
        """The margin given, else the metric's own."""
        own = METRICS[self.metric].margin
        return self.margin if self.margin is not None else own if own is not None else math.nan
