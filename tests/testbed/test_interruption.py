"""Any end of a run leaves its reported rows on disk, no process, and an earlier run unchanged."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.results import TRAJECTORIES_FILE, WORK, load, read_table
from testbed.stored_rows import JOURNAL_FILE

SCENARIO = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, neural_plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
realizations: 200
metrics: []
"""
STUDY = """
name: small
flows: [{name: S1, media: {kind: video}}]
duration_s: 8
congestion: {controller: gcc}
forward: [{link: {rate_kbps: 600, delay_ms: 20}}]
backward: [{delay: {constant_ms: 20}}]
realizations: 200
"""
INTERRUPTED = "interrupted; "
TESTBED = (sys.executable, "-m", "testbed.cli")


def heed_signals() -> None:
    """Take signals as in a terminal, even where the tests run in the background or under nohup."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Running:
    """A run of the command line, in a process group of its own, that has reported rows."""

    def __init__(
        self, folder: Path, jobs: int, text: str = SCENARIO, wait_for_rows: bool = True, *options: str
    ) -> None:
        (folder / "small.yaml").write_text(text)
        command = [
            sys.executable,
            "-m",
            "testbed.cli",
            "run",
            "small.yaml",
            "--out",
            "run",
            "--jobs",
            str(jobs),
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no thread runs here
        )
        self.reported = 0
        self.said: list[str] = []
        assert self.process.stderr is not None
        while "calls: " not in (line := next(self.process.stderr)) and "flows: " not in line:
            pass
        while wait_for_rows and not self.reported:
            self._take(next(self.process.stderr))

    def ends(self, *signals: signal.Signals, gap_s: float = 0.0, group: bool = True) -> int:
        """Send signals; return the exit status once the last process of the group is gone."""
        for number in signals:
            (os.killpg if group else os.kill)(self.process.pid, number)
            time.sleep(gap_s)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._take(line)
        status = self.process.wait(timeout=120)
        assert group_is_gone(self.process.pid)
        return status

    def _take(self, line: str) -> None:
        if line.startswith(("calls: ", "flows: ")):
            self.reported = int(line.split()[1])
        else:
            self.said.append(line.strip())


def group_is_gone(group: int) -> bool:
    """Wait for the last process of a group to end; helpers may take a moment after their parent."""
    for _ in range(600):
        if not any(alive(status, group) for status in Path("/proc").glob("[0-9]*/stat")):
            return True
        time.sleep(0.1)
    return False


def alive(status: Path, group: int) -> bool:
    """Return whether a process belongs to the group and is more than a zombie that nobody has reaped yet."""
    try:
        state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(its_group) == group and state not in "ZX"


def check_kept(folder: Path, run: Running) -> None:
    kept = load(folder / "run")
    assert len(kept.table) >= run.reported > 0
    assert (kept.manifest["complete"], kept.manifest["rows"]) == (False, len(kept.table))
    assert [path.name for path in (folder / "run").iterdir() if path.name != WORK] == [".speech-testbed-run"]


@pytest.mark.parametrize(
    ("jobs", "signals", "gap_s"),
    [
        (1, [signal.SIGHUP], 0),
        (2, [signal.SIGINT] * 3, 0.2),
        pytest.param(1, [signal.SIGINT], 0, marks=pytest.mark.long),
        pytest.param(1, [signal.SIGINT] * 3, 0.3, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGINT], 0, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGINT] * 2, 0.5, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGINT] * 30, 0.02, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGHUP], 0, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], 0.1, marks=pytest.mark.long),
        pytest.param(2, [signal.SIGTERM], 0, marks=pytest.mark.long),
    ],
)
def test_being_told_to_end_once_or_often_keeps_what_was_reported(tmp_path, jobs, signals, gap_s):
    run = Running(tmp_path, jobs)
    assert run.ends(*signals, gap_s=gap_s) == 130, run.said
    *still, last = run.said
    assert last.startswith(INTERRUPTED)
    assert f"{len(load(tmp_path / 'run').table)} rows are kept in run" in last
    assert set(still) <= {"still ending; what is finished is on disk"}
    check_kept(tmp_path, run)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.long
def test_the_parent_alone_ends_its_processes(tmp_path, number):
    run = Running(tmp_path, jobs=2)
    assert run.ends(number, group=False) == 130
    check_kept(tmp_path, run)


@pytest.mark.long
@pytest.mark.parametrize(
    ("signals", "group", "status"),
    [
        ([signal.SIGINT], True, 130),
        ([signal.SIGINT] * 3, True, 130),
        ([signal.SIGTERM], False, 130),
        ([signal.SIGKILL], False, -signal.SIGKILL),
    ],
)
def test_a_local_dask_cluster_ends_with_its_run(tmp_path, signals, group, status):
    run = Running(tmp_path, 2, SCENARIO, True, "--dask", "local")
    assert run.ends(*signals, gap_s=0.2, group=group) == status
    check_kept(tmp_path, run)
    assert all("Traceback" not in line for line in run.said)


@pytest.mark.parametrize("jobs", [2, pytest.param(1, marks=pytest.mark.long)])
def test_the_processes_of_a_run_that_is_killed_end_and_its_rows_are_there(tmp_path, jobs):
    run = Running(tmp_path, jobs)
    assert run.ends(signal.SIGKILL, group=False) == -signal.SIGKILL
    check_kept(tmp_path, run)
    again = [*TESTBED, "run", "small.yaml", "--out", "run"]
    refused = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "holds an unfinished run with" in refused.stderr
    check_kept(tmp_path, run)


@pytest.mark.long
def test_a_run_that_is_killed_leaves_an_earlier_one_as_it_was(tmp_path):
    (tmp_path / "one.yaml").write_text(SCENARIO.replace("200", "1"))
    once = [*TESTBED, "run", "one.yaml", "--out", "run"]
    subprocess.run(once, cwd=tmp_path, check=True, capture_output=True)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    (tmp_path / "small.yaml").write_text(SCENARIO)
    command = [*TESTBED, "run", "small.yaml", "--out", "run", "--force", "--jobs", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "calls: " not in (line := next(process.stderr)) or "calls: 0 " in line:
            pass
        process.kill()
    assert {path: path.read_bytes() for path in before} == before
    assert len(load(tmp_path / "run").table) == 3
    assert len(load(tmp_path / "run" / WORK).table) > 0


@pytest.mark.parametrize(
    "seconds", [0, *(pytest.param(s, marks=pytest.mark.long) for s in (0.05, 0.1, 0.2, 0.4, 0.8))]
)
def test_ctrl_c_while_processes_start_ends_the_run(tmp_path, seconds):
    run = Running(tmp_path, jobs=2, wait_for_rows=False)
    time.sleep(seconds)
    assert run.ends(signal.SIGINT) == 130, run.said
    assert len(run.said) == 1
    assert run.said[0].startswith("interrupted")
    assert (tmp_path / "run" / WORK / JOURNAL_FILE).exists() == (INTERRUPTED in run.said[0])


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_flow_study_keeps_its_tables_too(tmp_path, number):
    run = Running(tmp_path, 2, STUDY)
    run.ends(number, group=False)
    check_kept(tmp_path, run)
    trajectories = load(tmp_path / "run").folder / TRAJECTORIES_FILE
    assert len(read_table(trajectories)) >= 80 * run.reported
