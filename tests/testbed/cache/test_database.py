"""The cache's file: bounded, shared, and never trusted."""

import sqlite3
import threading
from pathlib import Path

import pytest

from testbed.cache import sqlite_file
from testbed.cache.database import Database, Entry
from testbed.cache.upkeep import content, prune
from testbed.errors import ResultsError
from testbed.files import network_file_system

MB = 1_000_000


def key(number: int) -> bytes:
    return number.to_bytes(16)


def sounds(*numbers: int) -> list[Entry]:
    return [Entry("sound", key(number), bytes(100_000)) for number in numbers]


def kept(place: Path, numbers: range) -> list[int]:
    database = Database(place, 100 * MB, 0)
    return [number for number in numbers if database.get(key(number)) is not None]


def test_a_value_is_found_by_another_process_under_its_key_alone(tmp_path):
    Database(tmp_path, MB, 1).write([Entry("score", key(1), b"one"), Entry("call", key(2), b"two")])
    database = Database(tmp_path, MB, 2)
    assert [database.get(key(number)) for number in range(4)] == [None, b"one", b"two", None]


def test_a_damaged_entry_counts_as_missing_and_is_dropped(tmp_path):
    Database(tmp_path, MB, 1).write([Entry("score", key(number), b"one") for number in (1, 2, 3)])
    with sqlite3.connect(sqlite_file.current(tmp_path)) as file:
        file.execute("UPDATE entry SET value = substr(value, 1, 9) WHERE key = ?", (key(1),))
        file.execute("UPDATE entry SET used = 'never' WHERE key = ?", (key(2),))
    database = Database(tmp_path, MB, 2)
    assert [database.get(key(number)) for number in (1, 2, 3)] == [None, None, b"one"]
    assert database.problem == ""
    database.write([])
    assert content(tmp_path).entries["score"][0] == 1


@pytest.mark.parametrize("damage", [b"no database at all" * 1000, b""])
def test_a_damaged_file_is_set_aside_with_one_warning_and_a_new_one_is_begun(tmp_path, damage):
    Database(tmp_path, MB, 1).write([Entry("score", key(1), b"one")])
    path = sqlite_file.current(tmp_path)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.execute("CREATE TABLE foreign_table (x)")
    if damage:
        path.write_bytes(damage)
    database = Database(tmp_path, MB, 2)
    assert f"{path}: the cache is damaged" in database.problem
    database.write([Entry("score", key(2), b"two")])
    again = Database(tmp_path, MB, 3)
    assert (again.problem, again.get(key(1)), again.get(key(2))) == ("", None, b"two")
    assert path.exists()
    prune(tmp_path, MB)
    assert not path.exists()
    assert Database(tmp_path, MB, 4).get(key(2)) == b"two"


def test_a_database_of_another_program_is_not_changed(tmp_path):
    path = sqlite_file.current(tmp_path)
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE foreign_table (x)")
    before = path.read_bytes()
    assert "the cache is damaged" in Database(tmp_path, MB, 1).problem
    assert path.read_bytes() == before


def test_a_page_that_is_damaged_later_ends_the_use_of_the_file(tmp_path):
    entries = [Entry("call", key(number), bytes(500)) for number in range(2000)]
    Database(tmp_path, 10 * MB, 1).write(entries)
    path = sqlite_file.current(tmp_path)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    database = Database(tmp_path, 10 * MB, 2)
    found = [database.get(entry.key) for entry in entries]
    assert found == [None] * len(entries)
    assert "the cache is damaged" in database.problem
    assert Database(tmp_path, 10 * MB, 3).problem == ""


def test_a_folder_that_cannot_be_used_means_no_cache_and_a_reason(tmp_path):
    (tmp_path / "calls").write_text("a file where the folder should be")
    database = Database(tmp_path / "calls", MB, 1)
    database.write([Entry("score", key(1), b"one")])
    assert database.get(key(1)) is None
    assert "the cache is not used" in database.problem


def test_a_network_file_system_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "network_file_system", lambda folder: "nfs4")
    database = Database(tmp_path / "calls", MB, 1)
    assert "the cache is not used: it is on a network file system (nfs4)" in database.problem
    assert not (tmp_path / "calls").exists()


def test_the_kind_of_a_file_system_is_that_of_the_innermost_mount(monkeypatch):
    mounts = "27 1 0:2 / / rw - ext4 /dev/sda rw\n28 27 0:3 / /home\\040s rw - nfs4 server:/home rw\n"
    monkeypatch.setattr(Path, "read_text", lambda *_: mounts)
    assert network_file_system(Path("/home s/me/calls")) == "nfs4"
    assert network_file_system(Path("/home/me/calls")) == ""


def test_a_full_disk_means_no_cache_and_a_reason(tmp_path, monkeypatch):
    def full(path: Path) -> sqlite3.Connection:
        connection = opened(path)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    opened = sqlite_file.opened
    monkeypatch.setattr(sqlite_file, "opened", full)
    database = Database(tmp_path, 10 * MB, 1)
    database.write([Entry("score", key(1), b"one")])
    database.write(sounds(2))
    assert "full" in database.problem
    assert database.get(key(1)) is None
    monkeypatch.undo()
    assert kept(tmp_path, range(3)) == [1]


def test_a_run_never_displaces_its_own_sounds_and_says_that_there_is_no_room(tmp_path):
    database = Database(tmp_path, MB, began_s=1)
    for number in range(20):
        database.write(sounds(number))
    assert not database.has_room
    assert kept(tmp_path, range(20)) == [*range(9)]


def test_a_later_run_displaces_sounds_that_it_does_not_use_the_oldest_first(tmp_path):
    Database(tmp_path, MB, began_s=1).write(sounds(0, 1, 2))
    Database(tmp_path, MB, began_s=2).write(sounds(3, 4, 5))
    third = Database(tmp_path, MB, began_s=3)
    assert third.get(key(0)) is not None
    third.write(sounds(6, 7, 8, 9))
    assert third.has_room
    assert set(kept(tmp_path, range(10))) >= {0, 6, 7, 8, 9}


def test_entries_other_than_sounds_displace_sounds_and_then_each_other(tmp_path):
    database = Database(tmp_path, MB, began_s=1)
    database.write(sounds(*range(8)))
    for number in range(100, 140):
        Database(tmp_path, MB, began_s=number).write([Entry("call", key(number), bytes(40_000))])
    left = kept(tmp_path, range(140))
    assert left == [*range(left[0], 140)]
    assert 100 < left[0] < 125
    assert content(tmp_path).disk_bytes < 4 * MB


def test_processes_write_at_the_same_time(tmp_path):
    def work(worker: int) -> None:
        database = Database(tmp_path, 10 * MB, 1)
        for number in range(20):
            database.write([Entry("call", key(1000 * worker + number), bytes(1000))])
        problems.append(database.problem)

    problems: list[str] = []
    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert problems == [""] * 4
    assert content(tmp_path).entries["call"][0] == 80


def test_prune_removes_entries_of_the_cache_and_no_other_file(tmp_path):
    Database(tmp_path, 10 * MB, 1).write([Entry("call", key(100), bytes(1000)), *sounds(*range(20))])
    other = tmp_path / "cache-of-mine.sqlite"
    other.write_text("not the testbed's")
    assert prune(tmp_path, MB) > MB
    assert content(tmp_path).disk_bytes <= 1.2 * MB
    assert kept(tmp_path, range(100, 101)) == [100]
    prune(tmp_path, 0)
    assert content(tmp_path).entries == {}
    assert other.read_text() == "not the testbed's"


def test_a_folder_without_a_cache_has_no_content_and_stays_empty(tmp_path):
    assert content(tmp_path / "calls").entries == {}
    assert prune(tmp_path / "calls", 0) == 0
    assert not (tmp_path / "calls").exists()


def test_a_file_that_cannot_be_read_is_reported_without_a_traceback(tmp_path):
    sqlite_file.current(tmp_path).write_bytes(b"no database" * 1000)
    with pytest.raises(ResultsError, match="is damaged, and set aside"):
        content(tmp_path)
