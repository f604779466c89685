"""Folders of runs: foreign files stay; an earlier run is only replaced by a complete one of its scenario."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.errors import ResultsError, RunError
from testbed.marker import MARKER_FILE
from testbed.reports.report import write_report
from testbed.results import MANIFEST_FILE, REPORT_FILE, TABLE_FILE, WORK, load
from testbed.run_folder import Work, working
from testbed.stored_rows import JOURNAL_FILE, MOST_BYTES_OF_TEXT

COLUMNS = dict.fromkeys(("point", "scheme", "clip", "realization", "payload_kbps", "wire_kbps", "error"), "")
SOUND = "examples/000-00-plc-a-000-000.flac"


def manifest(name: str = "one", save: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    clips = [{"name": "a", "sha256": "12"}]
    said = {"scenario": {"name": name}, "clips": clips, "save": [*save], "created": f"when {name} was run"}
    return said | {"examples": [], "clean": []} | more


def run(
    out: Path,
    rows: int = 3,
    name: str = "one",
    force: bool = False,
    meanwhile: Callable[[Work], object] = lambda work: None,
    **more: Any,
) -> str:
    """Run something in a folder; return when the run was made that it replaced."""
    made = manifest(name, **more)
    with working(out, made, COLUMNS, rows, force) as work:
        (work.folder / "examples").mkdir()
        (work.folder / SOUND).write_text(name)
        for number in range(rows):
            row = {"point": 0, "scheme": name, "clip": "a", "realization": number}
            work.store.append([(number, {**row, "payload_kbps": 24.0, "wire_kbps": 40.0, "error": ""})])
        meanwhile(work)
        work.write_tables()
        work.finish({**made, "rows": rows})
    return work.replaces


def interrupted(out: Path, rows: int = 2, error: BaseException | None = None, **options: Any) -> str:
    """Run something that ends with an error after some rows; return what is said."""

    def end(_: Work) -> None:
        raise error or KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, RunError, ResultsError)) as raised:
        run(out, rows, meanwhile=end, **options)
    return str(raised.value)


def contents(folder: Path) -> dict[str, str | None]:
    """Return everything in a folder, with its text."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("latin-1") if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_run_lies_in_its_folder_and_nothing_else_does(tmp_path):
    assert run(tmp_path / "run") == ""
    assert [*contents(tmp_path)] == [
        "run", f"run/{MARKER_FILE}", "run/examples", f"run/{SOUND}", f"run/{MANIFEST_FILE}",
        f"run/{TABLE_FILE}",
    ]  # fmt: skip
    kept = load(tmp_path / "run")
    assert kept.table["scheme"].tolist() == ["one"] * 3
    assert kept.manifest["complete"] is True


@pytest.mark.parametrize("mine", ["thesis.txt", MANIFEST_FILE, TABLE_FILE, ".git/config", WORK])
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_without_a_marker_is_never_touched(tmp_path, mine, force):
    path = tmp_path / "mine" / mine
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "PWA"}')
    before = contents(tmp_path)
    with pytest.raises(ResultsError, match="holds other files and no run; give another folder with --out"):
        run(tmp_path / "mine", force=force)
    assert contents(tmp_path) == before


def test_a_run_of_an_earlier_version_is_refused_with_what_to_do(tmp_path):
    run(tmp_path / "run")
    (tmp_path / "run" / MARKER_FILE).unlink()
    before = contents(tmp_path)
    with pytest.raises(
        ResultsError, match=r"of an earlier version.*remove it yourself, or give another folder"
    ):
        run(tmp_path / "run", force=True)
    assert contents(tmp_path) == before
    assert len(load(tmp_path / "run").table) == 3


@pytest.mark.parametrize("marker", ["speech-testbed run 1", "speech-testbed run 2\n", "mine"])
def test_a_marker_that_says_something_else_is_none(tmp_path, marker):
    (tmp_path / MARKER_FILE).write_text(marker)
    with pytest.raises(ResultsError, match="is not 'speech-testbed run 1'"):
        run(tmp_path)
    assert contents(tmp_path) == {MARKER_FILE: marker}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ResultsError, match="is a file"):
        run(tmp_path / "run")


def test_files_of_mine_survive_the_same_run_made_again(tmp_path):
    run(tmp_path)
    mine = {"notes.txt": "n", "plots/cost.svg": "p", "examples/mine.flac": "m", "s.yaml": "s"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert run(tmp_path, rows=5) == "when one was run"
    after = contents(tmp_path)
    assert {name: after[name] for name in mine} == mine
    assert len(load(tmp_path).table) == 5
    assert not (tmp_path / WORK).exists()


def test_the_files_of_the_run_that_is_replaced_go(tmp_path):
    run(tmp_path)
    old = tmp_path / "examples" / "000-01-dred-a-000-000.flac"
    old.write_text("old")
    (tmp_path / REPORT_FILE).write_text("old")
    written = json.loads((tmp_path / MANIFEST_FILE).read_text())
    written["written"] += [f"examples/{old.name}", "../outside", "notes.txt", "/etc/passwd"]
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(written))
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path)
    assert not old.exists()
    assert not (tmp_path / REPORT_FILE).exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"name": "two"}, "another scenario"),
        (
            {"name": "two", "testbed": {"version": "0.1"}},
            "another scenario or another version of the testbed",
        ),
        ({"clips": [{"name": "a", "sha256": "34"}]}, "other speech"),
        (
            {"files": [{"path": "loss.txt", "role": "channel", "sha256": "56", "bytes": 2}]},
            "other recordings or another libopus",
        ),
    ],
)
def test_a_run_of_another_scenario_is_replaced_only_where_that_is_said(tmp_path, other, what):
    run(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(
        ResultsError, match=rf"a run of {what}; give another folder with --out, or .* --force"
    ):
        run(tmp_path, **other)
    assert contents(tmp_path) == before
    assert run(tmp_path, force=True, **other) == "when one was run"
    assert run(tmp_path, **other) != ""


def test_sound_that_was_kept_is_lost_only_where_that_is_said(tmp_path):
    run(tmp_path, save=("audio", "packets"))
    with pytest.raises(ResultsError, match="holds a run with --save packets"):
        run(tmp_path, save=("audio",))
    run(tmp_path, save=("audio", "packets", "timelines"))


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("error", [None, OSError(28, "No space left on device", "x"), ResultsError("no")])
def test_an_error_leaves_the_earlier_run_and_the_new_ones_rows(tmp_path, earlier, error):
    out = tmp_path / "run"
    before = {}
    if earlier:
        run(out)
        before = contents(out)
    said = interrupted(out, error=error, rows=2)
    kept = out / WORK if earlier else out
    assert said.endswith(f"2 rows are kept in {kept}; --resume goes on with them")
    after = contents(out)
    assert {name: after[name] for name in before} == before
    found = load(kept)
    assert (len(found.table), found.manifest["rows"], found.manifest["complete"]) == (2, 2, False)
    assert len(load(out).table) == (3 if earlier else 2)


def test_nothing_is_left_of_a_run_without_rows(tmp_path):
    interrupted(tmp_path / "new", rows=0)
    assert contents(tmp_path) == {}
    (tmp_path / "empty").mkdir()
    interrupted(tmp_path / "empty", rows=0, error=ResultsError("no"))
    assert contents(tmp_path) == {"empty": None}
    run(tmp_path / "run")
    before = contents(tmp_path)
    interrupted(tmp_path / "run", rows=0)
    assert contents(tmp_path) == before


def test_an_unfinished_run_is_not_thrown_away_unless_that_is_said(tmp_path):
    interrupted(tmp_path, rows=2)
    before = contents(tmp_path)
    with pytest.raises(
        ResultsError, match=r"an unfinished run with 2 rows of 3; resume it with --resume, .*--out.*--force"
    ):
        run(tmp_path)
    assert contents(tmp_path) == before
    run(tmp_path, force=True)
    assert len(load(tmp_path).table) == 3


def test_files_of_mine_in_the_folder_of_an_unfinished_run_stay(tmp_path):
    interrupted(tmp_path)
    (tmp_path / WORK / "notes.txt").write_text("mine")
    (tmp_path / WORK / "examples" / "mine.flac").write_text("mine")
    with pytest.raises(ResultsError, match="holds what the testbed did not write; move it"):
        run(tmp_path, force=True)
    left = {name: text for name, text in contents(tmp_path / WORK).items() if text}
    assert left == {"notes.txt": "mine", "examples/mine.flac": "mine"}


@pytest.mark.parametrize("name", [TABLE_FILE, MANIFEST_FILE, REPORT_FILE, "examples", SOUND])
def test_a_file_that_appears_in_the_way_during_the_run_is_kept(tmp_path, name):
    def put(_: Work) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")

    with pytest.raises(
        RunError, match=rf"{name}: was not written .* the run is complete, and kept in .*{WORK}"
    ):
        run(tmp_path, meanwhile=put)
    assert (tmp_path / name).read_text() == "{}"
    assert len(load(tmp_path / WORK).table) == 3
    (tmp_path / name).unlink()
    assert run(tmp_path) == "when one was run", "what was complete lies in its folder first"


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()

    def put(_: Work) -> None:
        (tmp_path / "run" / "examples").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RunError, match="was not written by the testbed"):
        run(tmp_path / "run", meanwhile=put)
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_a_folder_that_is_exchanged_while_the_run_works_is_respected(tmp_path):
    def put(work: Work) -> None:
        (tmp_path / "run").rename(tmp_path / "moved")
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "notes.txt").write_text("mine")

    with pytest.raises(ResultsError, match="was moved or removed during the run"):
        run(tmp_path / "run", meanwhile=put)
    assert contents(tmp_path / "run") == {"notes.txt": "mine"}
    assert len(load(tmp_path / "moved").table) == 3


@pytest.mark.parametrize("force", [False, True])
def test_a_link_in_the_place_of_what_is_unfinished_is_not_followed(tmp_path, force):
    run(tmp_path / "victim")
    interrupted(tmp_path / "stopped")
    for number, target in enumerate([tmp_path / "victim", tmp_path / "stopped" / WORK]):
        mine = tmp_path / f"run{number}"
        run(mine)
        (mine / WORK).symlink_to(target)
        before = contents(target)
        with pytest.raises(ResultsError, match="holds what the testbed did not write"):
            run(mine, force=force)
        assert contents(target) == before


@pytest.mark.parametrize("name", [MANIFEST_FILE, TABLE_FILE, ".testbed-notes"])
def test_a_folder_of_mine_that_is_called_as_that_of_an_unfinished_run_stays(tmp_path, name):
    run(tmp_path)
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / name).write_text('{"complete": true, "written": []}')
    with pytest.raises(ResultsError, match="holds what the testbed did not write"):
        run(tmp_path, force=True)
    assert contents(tmp_path / WORK) == {name: '{"complete": true, "written": []}'}


@pytest.mark.parametrize("name", [MARKER_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_an_entry_that_is_not_a_file_is_refused_before_it_is_read(tmp_path, name, make):
    run(tmp_path)
    (tmp_path / name).unlink()
    make(tmp_path / name)
    with pytest.raises(ResultsError, match=f"{name}.* is not a file"):
        run(tmp_path, force=True)


@pytest.mark.parametrize("name", [MANIFEST_FILE, JOURNAL_FILE])
def test_text_that_is_too_large_is_refused_before_it_is_read(tmp_path, name):
    interrupted(tmp_path)
    os.truncate(tmp_path / WORK / name, MOST_BYTES_OF_TEXT + 1)
    with pytest.raises(ResultsError, match="too large"):
        load(tmp_path)


def test_a_link_that_leads_to_itself_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ResultsError, match="is a broken link"):
        run(tmp_path / "loop")


def test_files_of_a_killed_report_go_with_the_next_run_and_those_of_the_user_stay(tmp_path):
    run(tmp_path)
    (tmp_path / ".testbed-0123456789ab.html").write_text("half a page")
    (tmp_path / ".testbed-notes").write_text("mine")
    run(tmp_path)
    assert sorted(path.name for path in tmp_path.glob(".testbed-*")) == [".testbed-notes"]


def test_one_run_at_a_time_works_in_a_folder(tmp_path):
    def other(_: Work) -> None:
        with pytest.raises(ResultsError, match="another run works in it"):
            run(tmp_path, force=True)

    run(tmp_path, meanwhile=other)
    run(tmp_path, meanwhile=other)


def test_of_many_that_begin_at_once_each_ends_whole_or_is_refused(tmp_path):
    ends: list[str] = []

    def one() -> None:
        try:
            run(tmp_path / "run")
            ends.append("")
        except ResultsError as error:
            ends.append(str(error))

    for _ in range(10):
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(load(tmp_path / "run").table) == 3
    assert len(ends) == 40
    assert "" in ends
    assert {end.partition(": ")[2].partition(";")[0] for end in ends} <= {
        "",
        "another run works in it",
    }
    assert not (tmp_path / "run" / WORK).exists()


def test_a_move_that_was_cut_off_anywhere_is_read_whole_and_completed(tmp_path, monkeypatch):
    replace, left = Path.replace, [0]

    def until(self: Path, target: Path) -> Path:
        if WORK in self.parts and WORK not in target.parts:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return replace(self, target)

    for steps in range(3):
        out = tmp_path / str(steps)
        run(out, rows=3)
        (out / "notes.txt").write_text("mine")
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match="the run is complete"):
            left[0] = steps
            patched.setattr(Path, "replace", until)
            run(out, rows=4, name="two", force=True)
        found = load(out)
        assert (len(found.table), found.manifest["scenario"]["name"]) == (4, "two"), steps
        assert run(out, name="two", rows=4) == "when two was run"
        assert (out / "notes.txt").read_text() == "mine"


def test_a_run_that_was_killed_while_it_began_is_as_if_it_had_not(tmp_path):
    (tmp_path / MARKER_FILE).touch()
    run(tmp_path)
    for names in (
        [],
        ["journal"],
        ["journal", "reserve"],
        ["journal", "reserve", ".testbed-0123456789ab.json"],
    ):
        (tmp_path / WORK).mkdir()
        for name in names:
            (tmp_path / WORK / name).touch()
        run(tmp_path)
        assert not (tmp_path / WORK).exists()


def test_an_unfinished_run_is_reported(tmp_path):
    from tests.reports.a_run import make_run

    made = load(make_run(tmp_path / "made", seconds=1, realizations=1, swept={}))
    with (
        pytest.raises(KeyboardInterrupt),
        working(
            tmp_path / "run", {**made.manifest, "save": []}, dict.fromkeys(made.table.columns, ""), 100
        ) as work,
    ):
        work.store.append(enumerate(made.table.to_dict("records")))
        raise KeyboardInterrupt
    page = write_report(tmp_path / "run").read_text("utf-8")
    assert "not complete" in page


@pytest.mark.parametrize(("mask", "modes"), [(0o027, {0o750, 0o640})])
def test_permissions_of_written_files_follow_the_umask(tmp_path, mask, modes):
    program = (
        "import os, sys; os.umask(int(sys.argv[2])); from pathlib import Path\n"
        "from tests.testbed.test_run_folder import run; run(Path(sys.argv[1]) / 'run')"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(tmp_path), str(mask)]
    subprocess.run(command, check=True, cwd=root)
    found = {path.stat().st_mode & 0o777 for path in (tmp_path / "run").rglob("*")}
    assert found == modes


@pytest.mark.parametrize("key", ["about", "source"])
def test_text_that_is_none_is_found_before_the_first_row(tmp_path, key):
    with pytest.raises(ResultsError, match=rf"scenario\.0\.{key}: 'a\\udcff' is not Unicode text"):
        run(tmp_path / "run", scenario=[{key: "a\udcff"}])
    assert contents(tmp_path) == {}


def test_a_folder_whose_name_is_no_text_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="a folder's name must be UTF-8"):
        run(tmp_path / "bad\udcff")
    assert contents(tmp_path) == {}


def test_a_manifest_that_lies_deletes_nothing(tmp_path):
    run(tmp_path / "run")
    (tmp_path / "precious").write_text("mine")
    for written in (["../precious", f"{tmp_path}/precious"], "precious", [1, None], {"a": 1}):
        lying = json.loads((tmp_path / "run" / MANIFEST_FILE).read_text()) | {"written": written}
        (tmp_path / "run" / MANIFEST_FILE).write_text(json.dumps(lying))
        with pytest.raises(ResultsError):
            run(tmp_path / "run", force=True)
        assert (tmp_path / "precious").read_text() == "mine"
        assert not (tmp_path / "run" / WORK).exists()
