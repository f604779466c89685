"""Versions of the stages whose results the cache keeps: raise one when its stage's numbers change.

`tests/testbed/cache/test_golden_rows.py` fails when numbers have changed and the version has not. The version
of a metric is `testbed.metrics.metric.Metric.version`.
"""

ENCODE = 1
"""Packets of a clip, and what is read from them."""
SIMULATE = 4
"""Measurements of a call, and the decoder's actions."""
DECODE = 1
"""Sound of a call."""
PLAY = 2
"""Sound of an adaptive receiver, and its times."""
FLOWS = 1
"""Rows, changes and time series of a run of flows."""
