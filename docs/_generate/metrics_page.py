"""The reference of the metrics, from their modules."""

import importlib
import inspect

from testbed.metrics import METRICS

INTRODUCTION = """# Metrics

A scenario lists its metrics; each gives a column of that name. The first metric that shows an effect of loss
is the judge of the [recommendation](../guides/answer.md). Signals are mono, 16 kHz, aligned to the sample.
Where a metric is not defined (silence, a clip of less than a second) the value is NaN and `error` says why.

"""


def metrics_page() -> str:
    """Return the page, as Markdown."""
    return INTRODUCTION + "\n\n".join(f"## {name}\n\n{_about(module)}" for name, module in METRICS.items())


def _about(module: str) -> str:
    return inspect.cleandoc(importlib.import_module(module).__doc__ or "")
