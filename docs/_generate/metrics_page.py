"""The reference of the metrics, from their descriptions and the docstrings of their modules."""

import inspect
import math
from importlib import import_module

from page_text import table

from testbed.metrics import METRICS
from testbed.metrics.metric import Metric

INTRODUCTION = """# Metrics

A scenario lists its metrics; each gives a column of that name. The first metric that shows an effect of loss
is the judge of the [recommendation](../guides/answer.md). Signals are mono, 16 kHz, aligned to the sample.
Where a metric is not defined (silence, a clip of less than a second) the value is NaN and `error` says why.

## A metric on a part of the realizations

`metrics: [plcmos, estoi, {pesq_wb: {realizations: 2}}]` computes PESQ-WB, which is slow, for the first two
realizations of each clip at each point only. Clips are the sample of every interval, so with many clips a few
realizations of each are often enough. In the other rows the metric is NaN, which is no failure; the tables
give the number of calls of each metric.

## A metric of some languages

WER judges English only. It scores clips in English and those of unknown language, such as your own files. In
the rows of other clips it is NaN, which is no failure. If every clip is in another language, the run does not
start.

## With an adaptive receiver

An adaptive receiver stretches speech. The column *stretching* says whether that counts as damage or is
undone, by a clip that is [stretched in the same way](../guides/metrics.md#stretched-speech).

## All metrics

"""


def metrics_page() -> str:
    """Return the page, as Markdown."""
    rows = [(f"`{name}`", metric.label, *_properties(metric)) for name, metric in METRICS.items()]
    overview = table(("metric", "label", "range", "better", "margin", "stretching", "measures"), rows)
    return INTRODUCTION + overview + "".join(_section(name, METRICS[name].label) for name in METRICS.builtin)


_STRETCHING = {"warped": "is undone", "unwarped": "counts", "none": "counts"}


def _properties(metric: Metric) -> tuple[str, str, str, str, str]:
    low, high = (f"{bound:g}" if math.isfinite(bound) else "–" for bound in metric.bounds)
    margin = "–" if metric.margin is None else f"{metric.margin:g}"
    stretching = _STRETCHING[metric.reference] if metric.hears else "as in its metric"
    return f"{low} to {high} {metric.unit}".strip(), metric.better, margin, stretching, metric.about


def _section(name: str, label: str) -> str:
    return f"\n## {label}\n\n{inspect.cleandoc(import_module(f'testbed.metrics.{name}').__doc__ or '')}\n"
