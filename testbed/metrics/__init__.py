"""Metrics of speech quality: each is a file in this folder with a `METRIC`, and a line in `METRICS`."""

from collections.abc import Iterable

from testbed.metrics.metric import Measure, Metric
from testbed.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "plcmos": "testbed.metrics.plcmos:METRIC",
        "pesq_wb": "testbed.metrics.pesq_wb:METRIC",
        "estoi": "testbed.metrics.estoi:METRIC",
    },
    group="testbed.metrics",
    kind=Metric,
)
"""All metrics by name, in the order in which they judge a run."""


def packages(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """Return the packages that metrics need, each once."""
    return tuple(dict.fromkeys(name for metric in metrics for name in metric.packages))


def described(name: str) -> Metric:
    """Return the metric of a name; for a metric that is not installed, its name alone and no margin.

    A run may have been made where other metrics are installed.
    """
    if name in METRICS:
        return METRICS[name]

    def create() -> Measure:
        raise NotImplementedError(name)

    return Metric(name, "", create)
