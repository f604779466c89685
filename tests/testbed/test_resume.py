"""A resumed run has the rows and files of an uninterrupted one, wherever it was cut off."""

import errno
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from testbed import calls, store
from testbed.cli import app
from testbed.commands import running
from testbed.errors import ResultsError, RunError, UnfinishedError
from testbed.executors import this_process
from testbed.loaded_run import Run, load
from testbed.progress import Progress
from testbed.results import TRAJECTORIES_FILE, WORK, read_table
from testbed.runner import run_scenario
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import Scenario, parse_scenario
from testbed.stored_rows import JOURNAL_FILE, PARTS
from tests.testbed.test_interruption import TESTBED, Running, group_is_gone, heed_signals

SCENARIO = """
name: small
speech: {files: [speech.wav]}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, neural_plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
realizations: 3
sweep: {codec.bitrate_kbps: [16, 24]}
metrics: []
"""
STUDY = """
name: small
flows: [{name: S1, media: {kind: video}}]
duration_s: 2
congestion: {controller: gcc}
forward: [{link: {rate_kbps: 600, delay_ms: 20, cross_traffic: [{model: cbr, rate_kbps: 50}]}}]
backward: [{delay: {constant_ms: 20}}]
realizations: 4
"""
SAVE = frozenset({"timelines"})


@pytest.fixture(scope="module", autouse=True)
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Change to a folder with two seconds of speech."""
    folder = tmp_path_factory.mktemp("speech")
    scenario = parse_scenario(SCENARIO.replace("files: [speech.wav]", "corpus: packaged, clips: 1"))
    assert isinstance(scenario, Scenario)
    soundfile.write(folder / "speech.wav", clips_of(scenario)[0].pcm[:32_000], 16_000)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        yield folder


def made(folder: Path, text: str = SCENARIO, save: frozenset[str] = SAVE, **more: Any) -> Run:
    return run_scenario(parse_scenario(text), folder, jobs=1, save=save, cache=False, **more)


def interrupted(folder: Path, text: str = SCENARIO, save: frozenset[str] = SAVE, **more: Any) -> Path:
    """Make a run that is interrupted after the first rows; return its working folder."""

    def stop(now: Progress) -> None:
        if now.done > 10 or (now.unit == "runs" and now.done):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"rows are kept in .*; --resume goes on with them"):
        made(folder, text, save, on_progress=stop, **more)
    return folder / WORK


def without_times(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=[name for name in table if str(name).startswith("seconds_")])


def check_same(resumed: Run, whole: Run) -> None:
    """Check that two runs have the same rows and the same files."""
    pd.testing.assert_frame_equal(without_times(resumed.table), without_times(whole.table), check_exact=True)
    for run in (resumed, whole):
        assert not (run.folder / WORK).exists()
    resumed_files, whole_files = (
        {path.relative_to(run.folder) for path in run.folder.rglob("*")} for run in (resumed, whole)
    )
    assert resumed_files - {Path("report.html")} == whole_files


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("whole") / "run")


def torn_line(work: Path) -> None:
    with (work / JOURNAL_FILE).open("ab") as journal:
        journal.write(b'[[3, {"point": 0, "sch')


def broken_line(work: Path) -> None:
    with (work / JOURNAL_FILE).open("ab") as journal:
        journal.write(b"\x00\x00\x00\n")


def torn_part(work: Path) -> None:
    part = max((work / PARTS).glob("*.parquet"))
    os.truncate(part, part.stat().st_size // 2)


def missing_example(work: Path) -> None:
    min((work / "examples").glob("*.flac")).unlink()


def missing_timelines(work: Path) -> None:
    for path in sorted((work / "timelines").iterdir())[::2]:
        path.unlink()


def left_temporary(work: Path) -> None:
    (work / "timelines" / ".testbed-0123456789ab.parquet").write_text("half")


@pytest.mark.parametrize(
    ("rows_in_journal", "harm"),
    [
        (1000, torn_line),
        (1000, broken_line),
        (5, torn_part),
        (5, missing_example),
        (1000, missing_timelines),
        (1000, left_temporary),
    ],
)
def test_a_resumed_run_is_that_which_was_not_interrupted(
    tmp_path: Path,
    whole: Run,
    rows_in_journal: int,
    harm: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "ROWS_IN_JOURNAL", rows_in_journal)
    harm(interrupted(tmp_path / "run"))
    resumed = made(tmp_path / "run", resume=True)
    check_same(resumed, whole)
    (time_of_it,) = resumed.manifest["resumed"]
    assert f"the run was interrupted, and resumed at {time_of_it}" in resumed.manifest["warnings"]
    assert whole.manifest["resumed"] == []


def test_rows_that_are_in_a_part_and_in_the_journal_count_once(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_IN_JOURNAL", 5)
    with monkeypatch.context() as cut:
        cut.setattr(os, "ftruncate", lambda *_: None)  # as if the power went before the journal was cut
        work = interrupted(tmp_path / "run")
    assert (work / JOURNAL_FILE).read_bytes().count(b"\n") > 1
    check_same(made(tmp_path / "run", resume=True), whole)


def test_a_run_goes_on_after_a_full_disk(tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite, free = os.pwrite, [10_000]

    def limited(handle: int, data: bytes, at: int) -> int:
        if len(data) > free[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        free[0] -= len(data)
        return pwrite(handle, data, at)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", limited)
        full.setattr(store.Store, "_reserve", lambda *_: None)
        with pytest.raises(RunError, match=r"No space left on device; \d+ rows are kept .*--resume"):
            made(tmp_path / "run")
    check_same(made(tmp_path / "run", resume=True), whole)


def test_a_flow_study_is_resumed_with_its_other_tables(tmp_path: Path) -> None:
    whole = made(tmp_path / "whole", STUDY, save=frozenset())
    work = interrupted(tmp_path / "run", STUDY, save=frozenset())
    min((work / PARTS).glob("trajectories-*")).unlink()
    resumed = made(tmp_path / "run", STUDY, save=frozenset(), resume=True)
    check_same(resumed, whole)
    tables = [read_table(run.folder / TRAJECTORIES_FILE) for run in (resumed, whole)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.parametrize("rows_in_journal", [5, 1000])
def test_rows_that_failed_are_tried_again(
    tmp_path: Path, whole: Run, rows_in_journal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_IN_JOURNAL", rows_in_journal)

    def without_memory(*_: object) -> None:
        raise MemoryError("short of memory")

    with monkeypatch.context() as short:
        short.setattr(calls, "simulate_call", without_memory)
        work = interrupted(tmp_path / "run")
    assert len(load(tmp_path / "run").failures()) >= 12
    assert work.is_dir()
    resumed = made(tmp_path / "run", resume=True)
    check_same(resumed, whole)
    assert resumed.failures() == []


def test_a_run_by_two_kinds_of_processor_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path / "run")
    (first,) = load(tmp_path / "run").manifest["processors"]
    monkeypatch.setattr(this_process, "processor_name", lambda: "Another (01234567)")
    resumed = made(tmp_path / "run", resume=True)
    assert resumed.manifest["processors"] == [first, "Another (01234567)"]
    said = f"their last digits: {first} and Another (01234567)"
    assert [each for each in resumed.manifest["warnings"] if each.endswith(said)]


def test_an_unfinished_run_of_an_older_testbed_can_be_replaced(tmp_path: Path) -> None:
    journal = interrupted(tmp_path / "run") / JOURNAL_FILE
    journal.write_text('{"columns": {}}\n')
    with pytest.raises(ResultsError, match=r"written by an older testbed.*--out.*--force"):
        made(tmp_path / "run")
    assert made(tmp_path / "run", force=True).manifest["complete"]


def test_a_whole_run_is_not_made_again(tmp_path: Path) -> None:
    done = made(tmp_path / "run")
    again = made(tmp_path / "run", resume=True)
    assert (again.manifest["created"], again.manifest["duration_s"]) == (
        done.manifest["created"],
        done.manifest["duration_s"],
    )


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("scenario.realizations", 8, "scenario realizations was 8, and is 3"),
        ("scenario.codec.complexity", 1, "scenario codec complexity was 1, and is 0"),
        ("versions.numpy", "1.0", "the version of numpy was 1.0, and is "),
        ("versions.plugin", "1.0", "the version of plugin was 1.0, and is missing"),
        ("plugins.my_stages", "0" * 64, "the plugin my_stages has changed"),
        ("testbed.modules_sha256", "0" * 64, "the testbed's modules have changed"),
        ("clips.0.sha256", "0", "the speech .* has changed"),
        ("files.-1.sha256", "0", ".* has changed"),
        ("save", ["audio"], r'--save was \["audio"\], and is \["timelines"\]'),
    ],
)
def test_another_run_is_not_resumed_and_the_difference_is_named(
    held: Path, key: str, value: object, said: str
) -> None:
    path = held / WORK / "manifest.json"
    before = path.read_text()
    manifest = json.loads(before)
    *parents, last = [int(name) if name.lstrip("-").isdigit() else name for name in key.split(".")]
    place = manifest
    for name in parents:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(manifest))
    try:
        with pytest.raises(ResultsError, match=f"cannot be resumed: {said}") as refused:
            made(held, resume=True)
        assert not isinstance(refused.value, UnfinishedError)
        assert "replace it with --force" in str(refused.value)
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an unfinished run."""
    folder = tmp_path_factory.mktemp("held") / "run"
    interrupted(folder)
    return folder


def test_what_can_be_done_is_said_where_nobody_can_be_asked(held: Path) -> None:
    with pytest.raises(
        UnfinishedError, match=r"with \d+ rows of 18; resume it with --resume, .*--out.*--force"
    ):
        made(held)


@pytest.mark.parametrize("agreed", [True, False])
def test_a_terminal_asks_whether_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    Path("asked.yaml").write_text(SCENARIO)
    interrupted(tmp_path / "run", save=frozenset())
    asked = []

    def answer(question: str) -> bool:
        asked.append(question)
        return agreed

    monkeypatch.setattr(running, "is_agreed", answer)
    command = ["run", "asked.yaml", "--out", str(tmp_path / "run"), "--jobs", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == (0 if agreed else 2), done.output
    (question,) = asked
    assert question.startswith(f"{tmp_path / 'run'}: holds an unfinished run with ")
    assert question.endswith(" rows of 18: resume it?")
    assert load(tmp_path / "run").manifest["complete"] == agreed


def test_new_and_resumed_at_once_is_refused() -> None:
    done = CliRunner().invoke(app, ["run", "quickstart", "--force", "--resume"])
    assert done.exit_code == 2
    assert "give one of them" in done.output


MANY = SCENARIO.replace("realizations: 3", "realizations: 50")


@pytest.mark.long
def test_a_run_that_is_killed_goes_on(speech: Path) -> None:
    killed = Running(speech, jobs=2, text=MANY)
    assert killed.ends(signal.SIGKILL, group=False) == -signal.SIGKILL
    held = len(load("run").table)
    assert held >= killed.reported > 0
    again = [*TESTBED, "run", "small.yaml", "--out", "run", "--jobs", "2", "--resume", "--no-cache"]
    said = subprocess.run(again, capture_output=True, text=True, check=True).stderr
    assert f"calls: {held} of 300 rows" in said
    check_same(load("run"), made(speech / "whole", MANY, save=frozenset()))


@pytest.mark.long
def test_ten_kills_of_the_run_and_of_its_processes_change_no_row(speech: Path) -> None:
    text = MANY.replace("realizations: 50", "realizations: 500")
    (speech / "ten.yaml").write_text(text)
    options = ["--out", "ten", "--jobs", "2", "--resume", "--save", "timelines", "--no-cache"]
    rng = random.Random(os.getpid())
    for _ in range(10):
        run = subprocess.Popen(
            [*TESTBED, "run", "ten.yaml", *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no thread runs here
        )
        assert run.stderr is not None
        reported = [next(run.stderr, "") for _ in range(2)]
        assert all(line.startswith("calls: ") for line in reported), reported
        time.sleep(rng.uniform(0, 1))
        os.kill(rng.choice([run.pid, *workers(run.pid)]), signal.SIGKILL)
        reported += run.stderr.readlines()
        assert run.wait(timeout=60) in (-signal.SIGKILL, 1), reported
        assert group_is_gone(run.pid)
    subprocess.run([*TESTBED, "run", "ten.yaml", *options], capture_output=True, check=True)
    resumed = load("ten")
    assert len(resumed.manifest["resumed"]) == 10
    check_same(resumed, made(speech / "whole ten", text))


def workers(parent: int) -> list[int]:
    """Return the processes that do the tasks of a run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and b"LokyProcess" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
