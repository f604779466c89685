"""Every column of a table is declared once, and a row fills exactly the declared columns."""

import pytest

from testbed import runner
from testbed.columns import COLUMNS, names, table_types
from testbed.errors import ResultsError
from testbed.flows import columns as flow_columns
from testbed.scenario.loading import parse_scenario
from testbed.store import Store

CALLS = """
name: columns
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: fixed, delay_ms: 60}
metrics: []
sweep: {playout.delay_ms: [60]}
"""
FLOWS = """
name: columns
duration_s: 5
flows: [{name: S1, direction: forward, media: {kind: video}}]
congestion: {controller: none}
forward: [{link: {rate_kbps: 600, delay_ms: 20}}]
backward: [{link: {rate_kbps: 100, delay_ms: 20}}]
realizations: 1
"""


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        (CALLS, table_types(["playout.delay_ms"], [])),
        (FLOWS, names(flow_columns.COLUMNS)),
    ],
)
def test_a_row_fills_exactly_the_declared_columns_in_their_order(tmp_path, monkeypatch, text, declared):
    rows = []
    append = Store.append

    def keep(store, added):
        added = list(added)
        rows.extend(row for _, row in added)
        append(store, added)

    monkeypatch.setattr(Store, "append", keep)
    run = runner.run_scenario(parse_scenario(text), tmp_path / "run", jobs=1)
    assert rows
    assert all(set(row) == set(declared) for row in rows)
    assert list(run.table) == list(declared)


def test_a_key_that_is_not_declared_is_refused_before_it_is_lost(tmp_path):
    with Store(tmp_path, table_types([], []), 1) as store:
        with pytest.raises(ResultsError, match="'wire_kpbs', which is not a declared column"):
            store.append([(0, {"scheme": "plc", "wire_kpbs": 40.0})])
        assert not len(store.finished)


@pytest.mark.parametrize(
    "columns", [COLUMNS, flow_columns.COLUMNS, flow_columns.CHANGES, flow_columns.TRAJECTORY]
)
def test_a_column_is_declared_once_and_says_what_it_holds(columns):
    assert len(set(names(columns))) == len(columns)
    for column in columns:
        assert column.label, column
        assert column.about, column
        if column.name.rpartition("_")[2] in ("ms", "kbps", "s"):
            assert column.unit, column
