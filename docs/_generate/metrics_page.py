"""The reference of the metrics, from their modules."""

import inspect

from page_text import table

from testbed.metrics import METRICS
from testbed.metrics.metric import Metric

INTRODUCTION = """# Metrics

A scenario lists its metrics; each gives a column of that name. The first metric that shows an effect of loss
is the judge of the [recommendation](../guides/answer.md). Signals are mono, 16 kHz, aligned to the sample.
Where a metric is not defined (silence, a clip of less than a second) the value is NaN and `error` says why.

"""


def metrics_page() -> str:
    """Return the page, as Markdown."""
    return INTRODUCTION + "\n\n".join(_section(name, METRICS[name]) for name in METRICS)


def _section(name: str, metric: Metric) -> str:
    rows = [
        ("measures", metric.about),
        ("unit", metric.unit or "none"),
        ("range", " to ".join(f"{bound:g}" for bound in metric.bounds)),
        ("better", metric.better),
        ("margin", "none" if metric.margin is None else f"{metric.margin:g}"),
        ("packages", ", ".join(f"`{package}`" for package in metric.packages) or "none"),
    ]
    source = inspect.getmodule(metric.create)
    about = inspect.cleandoc((source and source.__doc__) or "")
    return f"## {metric.label} (`{name}`)\n\n{about}\n\n{table(('property', 'value'), rows)}"
