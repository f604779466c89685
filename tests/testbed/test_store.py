"""Finished rows are on disk: they are read after any end of a run, from a full disk, and from parts."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from testbed import store
from testbed.errors import ResultsError
from testbed.store import RESERVE_FILE, Store
from testbed.stored_rows import JOURNAL_FILE, PARTS, read_parts, read_rows

COLUMNS = {
    "scheme": "",
    "loss": "",
    "depth": "",
    "never": "",
    "frames": "Int64",
    "plcmos": "float64",
    "error": "",
}


def row(number: int) -> dict[str, object]:
    """Return a row; every seventh is of a call that failed, and early ones have whole numbers of `loss`."""
    if number % 7 == 3:
        return {"scheme": "plc", "error": f"failed, with a\nnew line and {chr(0xE9)} {number}"}
    measured = {"loss": number if number < 5 else number / 3, "depth": 20 * number, "frames": number}
    return {"scheme": "plc", **measured, "plcmos": 1 / (number + 1), "error": ""}


def filled(folder: Path, order: list[int]) -> Store:
    folder.mkdir(exist_ok=True)
    made = Store(folder, COLUMNS, 200)
    for number in order:
        made.append([(number, row(number))])
    return made


def test_a_table_is_the_same_however_often_its_journal_became_a_part(tmp_path, monkeypatch):
    plain = pd.DataFrame([row(number) for number in range(40)], columns=list(COLUMNS))
    plain = plain.astype({"frames": "Int64", "never": "float64"})
    backwards = list(range(40))[::-1]
    for most in (3, 7, 1000):
        monkeypatch.setattr(store, "ROWS_IN_JOURNAL", most)
        with filled(tmp_path / str(most), backwards) as made:
            parts = len(list((tmp_path / str(most) / PARTS).glob("*")))
            assert 40 // most <= parts <= 2 * (40 // most)  # failed rows have parts of their own
            for table in (made.rows().table(), read_rows(tmp_path / str(most))):
                pd.testing.assert_frame_equal(table, plain, check_exact=True)


def test_numbers_are_read_as_they_were_to_the_last_bit(tmp_path):
    values = [0.1, 1 / 3, math.pi * 1e-300, 1.7976931348623157e308, 5e-324, -0.0, math.nan, math.inf]
    with Store(tmp_path, {"x": "float64", "n": ""}, 8) as made:
        made.append((number, {"x": np.float64(x), "n": np.int64(7)}) for number, x in enumerate(values))
        read = read_rows(tmp_path)
    assert read["x"].to_numpy().tobytes() == np.array(values).tobytes()
    assert read["n"].tolist() == [7] * 8


def test_a_line_that_was_cut_off_is_no_row_at_any_byte(tmp_path):
    filled(tmp_path / "whole", [0, 1, 2]).close()
    whole = (tmp_path / "whole" / JOURNAL_FILE).read_bytes()
    cut = tmp_path / "cut"
    cut.mkdir()
    begin = whole.index(b"\n") + 1
    for end in [*range(begin, len(whole), 5), len(whole) - 1, len(whole)]:
        (cut / JOURNAL_FILE).write_bytes(whole[:end])
        assert len(read_rows(cut)) == whole[begin:end].count(b"\n")


def test_rows_that_are_in_a_part_and_in_the_journal_are_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "ROWS_IN_JOURNAL", 3)
    truncate = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)  # as if the power went before the journal was cut
    filled(tmp_path, [0, 1, 2]).close()
    monkeypatch.setattr(os, "ftruncate", truncate)
    assert (tmp_path / JOURNAL_FILE).read_bytes().count(b"\n") == 4
    assert len(read_rows(tmp_path)) == 3


def full_disk(monkeypatch: pytest.MonkeyPatch, free_bytes: list[int]) -> None:
    """Have every write to a file take of `free_bytes`, as a disk does that is nearly full."""
    pwrite, truncate = os.pwrite, os.truncate

    def limited(handle: int, data: bytes, at: int) -> int:
        written = min(len(data), free_bytes[0])
        if not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        free_bytes[0] -= written
        return pwrite(handle, data[:written], at)

    def freed(path: Path, size: int) -> None:
        free_bytes[0] += Path(path).stat().st_size - size
        truncate(path, size)

    monkeypatch.setattr(os, "pwrite", limited)
    monkeypatch.setattr(os, "truncate", freed)


def test_room_was_taken_for_the_rows_of_a_disk_that_fills_up(tmp_path, monkeypatch):
    full_disk(monkeypatch, [1000])
    with filled(tmp_path, list(range(60))) as made:
        assert len(made.rows().table()) == len(read_rows(tmp_path)) == 60


def test_a_full_disk_leaves_whole_rows(tmp_path, monkeypatch):
    full_disk(monkeypatch, [1000])
    made = filled(tmp_path, [])
    made.release()
    with made, pytest.raises(OSError, match="No space left"):
        for number in range(100):
            made.append([(number, row(number))])
    assert 0 < len(read_rows(tmp_path)) == len(made.finished) < 100
    assert (tmp_path / JOURNAL_FILE).read_bytes().endswith(b"\n")


def test_a_disk_without_room_for_the_rows_is_found_before_the_first(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refused)
    with pytest.raises(ResultsError, match=r"the disk is full: the rows of the run need 2\.6 MB"):
        Store(tmp_path, COLUMNS, 1010)


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path):
    program = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from testbed.errors import ResultsError; from testbed.store import Store\n"
        "try: Store(Path(sys.argv[1]), {'x': ''}, 1000)\n"
        "except ResultsError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "the disk is full" in done.stdout


def test_every_reported_row_survives_kill_9(tmp_path):
    program = (
        "import sys; from pathlib import Path; from testbed import store\n"
        "store.ROWS_IN_JOURNAL = 20\n"
        "made = store.Store(Path(sys.argv[1]), {'x': ''}, 10**6)\n"
        "for number in range(10**6):\n"
        "    made.append([(number, {'x': number})])\n"
        "    print(number, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        reported = [next(process.stdout) for _ in range(70)]
        process.send_signal(signal.SIGKILL)
        reported += process.stdout.readlines()
    kept = read_rows(tmp_path)["x"].tolist()
    assert kept == list(range(len(kept)))
    assert len(kept) >= len(reported)


def test_a_folder_that_was_moved_away_is_noticed(tmp_path):
    made = filled(tmp_path / "run", [0])
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    with made, pytest.raises(ResultsError, match="was moved or removed"):
        made.append([(1, row(1))])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / JOURNAL_FILE).touch()
    with pytest.raises(ResultsError, match="was moved or removed"):
        made.check_in_place()
    assert len(read_rows(tmp_path / "elsewhere")) == 1


def test_the_parts_of_another_table_come_in_the_order_of_their_numbers(tmp_path):
    with filled(tmp_path, []) as made:
        for n in (1000, 11, 2):
            made.add_part("changes", n, pd.DataFrame({"n": [n], "x": [0.5 if n > 99 else None]}))
    assert read_parts(tmp_path, "changes")["n"].tolist() == [2, 11, 1000]
    assert read_parts(tmp_path, "trajectories") is None


@pytest.mark.parametrize("value", [2**70, "\ud83d", {"a": 1}])
def test_values_that_no_table_can_hold_are_found_before_the_first_row(tmp_path, value):
    with filled(tmp_path, []) as made, pytest.raises(ResultsError, match="no table can hold"):
        made.try_out([{"loss": 1}, {"loss": value}])


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b'{"columns": [], "rows": 1}\n',
        b'{"columns": {}, "rows": "1"}\n',
        b'{"columns": {"x": ""}, "rows": 2}\n[[2, {}]]\n',
        b'{"columns": {"x": ""}, "rows": 2}\n[[-1, {}]]\n',
        b'{"columns": {"x": ""}, "rows": 2}\n[["a", {}]]\n',
        b'{"columns": {"x": "nonsense"}, "rows": 2}\n[[1, {}]]\n',
        b"[" * 100_000 + b"\n",
        b"\xff\n",
    ],
)
def test_a_journal_that_is_none_is_one_message(tmp_path, journal):
    (tmp_path / JOURNAL_FILE).write_bytes(journal)
    with pytest.raises(ResultsError, match=str(tmp_path)):
        read_rows(tmp_path)


def test_a_journal_of_an_older_testbed_is_told_from_a_damaged_one(tmp_path):
    (tmp_path / JOURNAL_FILE).write_bytes(b'{"columns": {"loss": ""}}\n[[1, {"loss": 0.5}]]\n')
    with pytest.raises(ResultsError, match="was written by an older testbed, so it cannot be read"):
        read_rows(tmp_path)


def test_the_room_that_was_taken_goes_with_the_end(tmp_path):
    with filled(tmp_path, []) as made:
        assert (tmp_path / RESERVE_FILE).stat().st_size >= 64 * 1024
        made.release()
        made.release()
    assert json.loads((tmp_path / JOURNAL_FILE).read_text())["columns"] == COLUMNS
    assert not (tmp_path / RESERVE_FILE).exists()
