"""Rows of a run: columns are read alone, and stay those of the run that was loaded."""

import pickle
from pathlib import Path

import pandas as pd
import pytest

from testbed import parquet
from testbed.parquet import ParquetTable
from testbed.run_rows import RunRows

TABLE = pd.DataFrame({"point": range(10), "plcmos": [1.5, None] * 5, "scheme": ["plc", "red"] * 5})


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    TABLE.to_parquet(tmp_path / "results.parquet", index=False)
    return tmp_path / "results.parquet"


def test_columns_of_a_file_are_those_of_the_whole_table(path: Path) -> None:
    for source in (ParquetTable(path), TABLE):
        rows = RunRows(source)
        asked = ["scheme", "nothing", "plcmos", "scheme"]
        pd.testing.assert_frame_equal(rows.columns(asked), TABLE[["scheme", "plcmos"]])
        assert (len(rows), rows.names) == (10, tuple(TABLE))
        pd.testing.assert_frame_equal(rows.whole, TABLE)
        assert rows.whole is rows.whole


def test_the_pieces_of_a_file_are_all_its_rows(path: Path) -> None:
    pieces = [*ParquetTable(path).frames()]
    assert [len(piece) for piece in pieces] == [3, 3, 3, 1]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), TABLE)
    TABLE.iloc[:0].to_parquet(path, index=False)
    (empty,) = ParquetTable(path).frames()
    pd.testing.assert_frame_equal(empty, TABLE.iloc[:0])


def test_rows_stay_the_same_when_another_run_takes_the_place_of_their_file(path: Path) -> None:
    rows = RunRows(ParquetTable(path))
    other = path.with_name("other.parquet")
    TABLE.iloc[:2].to_parquet(other, index=False)
    other.replace(path)
    pd.testing.assert_frame_equal(rows.columns(["point"]), TABLE[["point"]])
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(rows)).whole, TABLE)
