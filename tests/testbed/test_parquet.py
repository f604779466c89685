"""Reading of tables: a large one is read in pieces, and is the same."""

from pathlib import Path

import pandas as pd
import pytest

from testbed import parquet


def test_a_table_that_is_read_in_pieces_is_the_same_and_can_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.DataFrame(
        {"point": range(10), "plcmos": [1.5, None] * 5, "scheme": ["plc", "red"] * 5, "dtx": [True] * 10}
    )
    table.to_parquet(tmp_path / "results.parquet", index=False)
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    read = parquet.read_frame(tmp_path / "results.parquet")
    pd.testing.assert_frame_equal(read, table)
    read.loc[0, "point"] = 7
    assert read["point"].to_list()[0] == 7
