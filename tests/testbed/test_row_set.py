"""A set of rows holds what was added, at any place of a byte."""

import numpy as np
import pytest

from testbed.row_set import RowSet


def test_rows_that_were_not_added_are_missing_in_any_part_of_the_table():
    rng = np.random.default_rng(1)
    finished = RowSet(100)
    added: set[int] = set()
    for _ in range(30):
        some = rng.integers(0, 100, rng.integers(0, 5)).tolist()
        finished.add(some)
        added.update(some)
        begin, end = sorted(rng.integers(0, 101, 2).tolist())
        missing = [row for row in range(begin, end) if row not in added]
        assert finished.missing(begin, end).tolist() == missing
        assert len(finished) == len(added)


@pytest.mark.parametrize("row", [-1, 9])
def test_a_row_that_the_table_does_not_have_is_refused(row):
    with pytest.raises(IndexError, match=f"rows 0 to 8, so not {row}"):
        RowSet(9).add([3, row])
