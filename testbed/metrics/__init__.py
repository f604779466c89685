"""Metrics of speech quality: each is a file in this folder with a `METRIC`, and a line in `METRICS`."""

from collections.abc import Iterable

from testbed.columns import COLUMNS, names
from testbed.errors import MetricError, PluginError, UnknownNameError
from testbed.metrics.metric import Measure, Metric
from testbed.registry import Registry

CONVERSATIONAL = "mos_cq"
"""The metric that is computed from another one and the delay."""
METRICS: Registry[Metric] = Registry(
    "metric",
    {
        CONVERSATIONAL: "testbed.metrics.mos_cq:METRIC",
        "plcmos": "testbed.metrics.plcmos:METRIC",
        "pesq_wb": "testbed.metrics.pesq_wb:METRIC",
        "pesq_wb_unwarped": "testbed.metrics.pesq_wb_unwarped:METRIC",
        "estoi": "testbed.metrics.estoi:METRIC",
        "visqol": "testbed.metrics.visqol:METRIC",
        "dnsmos": "testbed.metrics.dnsmos:METRIC",
        "dnsmos_sig": "testbed.metrics.dnsmos_sig:METRIC",
        "wer": "testbed.metrics.wer:METRIC",
    },
    group="testbed.metrics",
    kind=Metric,
    reserved=names(COLUMNS),
)
"""All metrics by name, in the order in which they judge a run."""


def packages(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """Return the packages that metrics need, each once."""
    return tuple(dict.fromkeys(name for metric in metrics for name in metric.packages))


def described(name: str) -> Metric:
    """Return the metric of a name; for one that is not usable here, its name alone and no margin.

    A run may have been made where other metrics are installed.
    """
    return METRICS[name] if is_usable(name) else Metric(name, "", _not_usable)


def is_usable(name: str) -> bool:
    """Return whether a metric of this name is installed and loads."""
    try:
        return isinstance(METRICS[name], Metric)
    except (UnknownNameError, PluginError):
        return False


def _not_usable() -> Measure:
    raise MetricError("the metric is not installed")
