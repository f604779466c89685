"""A tally is the same however many rows of the table it is given at a time."""

import numpy as np
import pandas as pd
import pytest

from testbed.kept_files import NOT_KEPT
from testbed.tally import Tally
from tests.testbed.test_diagnosis import made, table


def test_a_tally_of_the_parts_is_that_of_the_whole() -> None:
    whole = made(sweep="{playout.delay_ms: [40, 50, 200]}")
    rng = np.random.default_rng(1)
    rows = pd.concat([table(whole).assign(clip=clip) for clip in "abc"]).sort_values(["point", "scheme"])
    for name in ("wire_kbps", "lbrr_sent", "delay_variation_ms_p95", "frames_late"):
        rows[name] = rng.uniform(0, 9, len(rows))
    rows["plcmos"] = 4.5
    rows = rows.reset_index(drop=True)
    failed = [5, 11]
    rows.loc[failed, ["payload_kbps", "wire_kbps", "frames"]] = np.nan
    rows.loc[failed, "error"] = ["no encoder", f"no decoder; {NOT_KEPT}: x"]
    one = Tally(whole, [rows])
    for most in (1, 2, 7):
        parts = Tally(whole, (rows[begin : begin + most] for begin in range(0, len(rows), most)))
        assert list(parts.seen) == list(one.seen)
        for key, seen in parts.seen.items():
            assert vars(seen) == pytest.approx(vars(one.seen[key]), rel=1e-12)
        assert (parts.rows, parts.failed, parts.first_failure) == (len(rows), 2, "no encoder")
        assert parts.not_kept == one.not_kept == [rows["error"][11]]
        pd.testing.assert_frame_equal(parts.clean, one.clean)
    assert one.clean.to_dict("list") == {"scheme": ["no loss"] * 3, "clip": [*"abc"], "plcmos": [4.5] * 3}


def test_of_no_rows_it_is_empty() -> None:
    tally = Tally(made(), [])
    assert (tally.rows, tally.failed, tally.first_failure, tally.seen, tally.not_kept) == (0, 0, "", {}, [])
    assert tally.clean.empty
    assert tally.pauses.empty
