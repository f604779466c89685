"""Runs on a real scheduler and workers on loopback: the rows of one process, also when a worker is killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client

from testbed import runner
from testbed.codecs.opus.build import built
from testbed.errors import RunError
from testbed.executors import dask_cluster
from testbed.executors.dask_cluster import DaskCluster
from testbed.progress import Progress
from testbed.results import load
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
sweep: {codec.bitrate_kbps: [16, 20, 24, 28, 32, 40, 48, 64]}
metrics: []
"""
ON_LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


class LoopbackCluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--scheduler-file", str(self._file))

    @property
    def _file(self) -> Path:
        return self._folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Address of the scheduler, once it has one."""
        while not self._file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        return str(pd.read_json(self._file, typ="series")["address"])

    def add_worker(self, threads: int = 1, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a worker without waiting for it."""
        options = ("--nthreads", str(threads), "--no-nanny", "--local-directory", str(self._folder))
        return self._start("dask_worker", self.address, *options, **variables)

    def end(self) -> None:
        """End all processes."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start(self, program: str, *options: str, **variables: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options, *ON_LOOPBACK]
        log = (self._folder / f"{len(self._processes)}.log").open("wb")
        process = subprocess.Popen(command, cwd=self._folder, stderr=log, env={**os.environ, **variables})
        self._processes.append(process)
        return process


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LoopbackCluster]:
    made = LoopbackCluster(tmp_path)
    yield made
    made.end()


def rows(run_folder: Path) -> pd.DataFrame:
    """Return the rows of a run without the times that they took."""
    table = load(run_folder).table
    return table.loc[:, ~table.columns.str.startswith("seconds_")]


def kept_files(run_folder: Path) -> dict[Path, bytes]:
    """Return the content of the timelines and examples of a run."""
    return {path.relative_to(run_folder): path.read_bytes() for path in run_folder.glob("*/*")}


def test_a_killed_worker_costs_its_tasks_only(tmp_path, cluster):
    kept, other = cluster.add_worker(), cluster.add_worker()
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2)
    said: list[Progress] = []

    def on_progress(progress: Progress) -> None:
        said.append(progress)
        if progress.done and other.poll() is None:
            other.send_signal(signal.SIGKILL)
            other.wait()

    scenario = parse_scenario(SCENARIO)
    save = frozenset({"timelines"})
    done = runner.run_scenario(scenario, tmp_path / "there", None, save, on_progress, dask=cluster.address)
    assert said[-1].done == 16
    assert other.returncode == -signal.SIGKILL
    assert kept.poll() is None
    here = runner.run_scenario(scenario, tmp_path / "here", 1, save)
    pd.testing.assert_frame_equal(rows(done.folder), rows(here.folder), check_exact=True)
    assert len([*here.folder.glob("timelines/*")]) == 16
    assert kept_files(done.folder) == kept_files(here.folder)


@pytest.mark.long
def test_a_recording_is_found_from_any_folder_and_must_be_the_same(tmp_path, cluster, monkeypatch):
    cluster.add_worker()
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path / "own")
    recording = Path("lost.txt")
    recording.write_text("0\n1\n0\n0\n" * 10)
    stage = "trace: {file: lost.txt, after_end: repeat}"
    scenario = parse_scenario(SCENARIO.replace("loss: {model: bernoulli, rate: 0.1}", stage))
    done = runner.run_scenario(scenario, tmp_path / "there", dask=cluster.address)
    here = runner.run_scenario(scenario, tmp_path / "here", 1)
    pd.testing.assert_frame_equal(rows(done.folder), rows(here.folder), check_exact=True)
    assert done.table["packet_loss"].max() > 0

    def change(progress: Progress) -> None:
        recording.write_text("0\n1\n" * 20)

    with pytest.raises(RunError, match=r"own/lost\.txt is SHA-256 \w+ there and SHA-256 \w+ here"):
        runner.run_scenario(scenario, tmp_path / "there", on_progress=change, dask=cluster.address)


@pytest.mark.long
def test_a_worker_with_another_libopus_or_more_threads_is_named(tmp_path, cluster):
    library = tmp_path / built().library.resolve().name
    shutil.copy(built().library, library)
    with library.open("ab") as end:
        end.write(b"\0")
    cluster.add_worker(threads=2, OPUS_LIBRARY=str(library))
    with pytest.raises(RunError) as refused:
        runner.run_scenario(parse_scenario(SCENARIO), tmp_path / "run", dask=cluster.address)
    said = str(refused.value)
    assert said.startswith("worker tcp://127.0.0.1:")
    assert f"{library.name} is SHA-256 " in said
    assert "run 'testbed opus build' there" in said
    assert "it has 2 threads and must have one (--nthreads 1)" in said


@pytest.mark.long
def test_a_worker_that_joins_later_is_checked_too(tmp_path, cluster):
    first = cluster.add_worker()

    def on_progress(progress: Progress) -> None:
        if progress.done and first.poll() is None:
            cluster.add_worker(TESTBED_CACHE=str(tmp_path / "empty"))
            first.kill()
            first.wait()

    with pytest.raises(RunError, match=r"worker tcp://127.0.0.1:.* there and .* here.*rows are kept in"):
        runner.run_scenario(
            parse_scenario(SCENARIO), tmp_path / "run", on_progress=on_progress, dask=cluster.address
        )
    assert len(load(tmp_path / "run").table)


@pytest.mark.long
def test_a_cluster_without_workers_ends_the_run(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(dask_cluster, "NO_WORKER_S", 2)
    with pytest.raises(RunError, match="the Dask cluster had no worker for 2 s"):
        runner.run_scenario(parse_scenario(SCENARIO), tmp_path / "run", dask=cluster.address)


@pytest.mark.long
def test_a_lost_scheduler_ends_the_run_and_rows_are_kept(tmp_path, cluster):
    cluster.add_worker()

    def on_progress(progress: Progress) -> None:
        if progress.done:
            cluster.scheduler.kill()

    with pytest.raises(RunError, match=r"the Dask scheduler at tcp://.* was lost; .* kept in"):
        runner.run_scenario(
            parse_scenario(SCENARIO), tmp_path / "run", on_progress=on_progress, dask=cluster.address
        )
    assert len(load(tmp_path / "run").table)


def test_a_port_that_accepts_and_never_answers_is_no_scheduler():
    import dask

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
            pytest.raises(RunError, match=rf"no Dask scheduler answers at {address}: nothing in 1 s"),
        ):
            list(DaskCluster(address, 1, {}).run([1], print, None))


@pytest.mark.long
def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
    ):
        runner.run_scenario(parse_scenario(SCENARIO), tmp_path / "run", dask="tcp://127.0.0.1:9")
