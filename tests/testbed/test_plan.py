"""Plans are laid out call by call, in the order of the work, without the rows that are done."""

import tracemalloc
from itertools import islice

import numpy as np

from testbed.plan import plan
from testbed.row_set import RowSet
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: grid
speech: {corpus: packaged}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, red, {dred: {depth_ms: 100, bitrate_kbps: 24}}]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
sweep: {channel.loss.rate: [0.1, 0.2, 0.3]}
engine: numba
realizations: 7
metrics: []
"""


def test_every_call_has_its_own_row_in_the_order_of_the_table():
    whole = plan(parse_scenario(SCENARIO), 5)
    calls = [call for group in whole.groups() for call in group.calls]
    assert len(calls) == whole.calls == 3 * 4 * 5 * 7
    assert [whole.row(call) for call in sorted(calls)] == list(range(whole.calls))


def test_tasks_leave_out_the_rows_that_are_done_and_keep_their_order():
    whole = plan(parse_scenario(SCENARIO), 5)
    calls = [call for group in whole.groups() for call in group.calls]
    done = np.random.default_rng(3).permutation(whole.calls)[:300]
    left = [call for task in whole.tasks(RowSet(whole.calls, done)) for group in task for call in group.calls]
    assert left == [call for call in calls if whole.row(call) not in done]
    assert [*whole.tasks(RowSet(whole.calls, range(whole.calls)))] == []


def test_a_hundred_million_calls_are_laid_out_without_holding_them():
    text = SCENARIO.replace("realizations: 7", "realizations: 10_000\nlimits: {calls: 1_000_000_000}")
    tracemalloc.start()
    try:
        whole = plan(parse_scenario(text), 1000)
        done = RowSet(whole.calls, np.arange(50_000))
        assert sum(len(group.calls) for task in islice(whole.tasks(done), 50) for group in task) > 5000
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole.calls == 120_000_000
    assert most_bytes < whole.calls / 4
