"""Whole runs with either engine: sources of frames are equal, and sound nearly so."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from testbed import calls, runner
from testbed.codecs.engines import ENGINES, EngineName, engine
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import Job, Key
from testbed.codecs.opus import build as opus_build
from testbed.codecs.pcm import Pcm16
from testbed.columns import TIMINGS, names
from testbed.errors import CodecError, ScenarioError
from testbed.plan import MAX_CALLS_IN_TASK, plan
from testbed.scenario.checks import check_codec
from testbed.scenario.loading import Scenario, Speech, parse_scenario
from testbed.speech import load_clips

from .shuffling import ShufflingEngine

SCENARIO = """
name: engines
speech: {corpus: packaged, clips: 2}
codec: {bitrate_kbps: 24, complexity: 5}
schemes:
  - plc
  - neural_plc
  - red: {copies: 1}
  - lbrr: {bitrate_kbps: 16}
  - dred: {depth_ms: 500, bitrate_kbps: 40}
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 4}
playout: {policy: offline}
realizations: 4
seed: 3
sweep: {engine: [libopus, numba]}
metrics: [pesq_wb, estoi]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("engines")
    return runner.run_scenario(parse_scenario(SCENARIO), folder / "run", jobs=1).table


def by_engine(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ["scheme", "clip", "realization"]
    libopus, numba = (table[table["engine"] == name].set_index(names) for name in ("libopus", "numba"))
    return libopus, numba


def test_the_engine_changes_the_sound_alone(finished: pd.DataFrame) -> None:
    scores = ["pesq_wb", "estoi"]
    libopus, numba = (
        table.drop(columns=["point", "engine", *names(TIMINGS), *scores]) for table in by_engine(finished)
    )
    pd.testing.assert_frame_equal(libopus, numba, check_exact=True)


def test_the_engines_lead_to_the_same_conclusions(finished: pd.DataFrame) -> None:
    libopus, numba = by_engine(finished)
    for score, bound in (("pesq_wb", 0.05), ("estoi", 0.005)):
        means = [table.groupby(level="scheme")[score].mean() for table in (libopus, numba)]
        assert (means[0] - means[1]).abs().max() < bound
        assert means[0].sort_values().index.tolist() == means[1].sort_values().index.tolist()
    ceiling = [
        table[table.index.get_level_values(0) == "no loss"]["pesq_wb"].tolist() for table in (libopus, numba)
    ]
    assert ceiling[0] == ceiling[1]


def test_batches_give_identical_rows_on_any_number_of_processes(tmp_path: Path) -> None:
    text = SCENARIO.replace("[libopus, numba]", "[numba]").replace("realizations: 4", "realizations: 6")
    scenario = parse_scenario(text)
    assert len([*plan(scenario, 2).tasks()]) > 1
    one, two = (runner.run_scenario(scenario, tmp_path / f"run{jobs}", jobs).table for jobs in (1, 2))
    drop = list(names(TIMINGS))
    pd.testing.assert_frame_equal(one.drop(columns=drop), two.drop(columns=drop), check_exact=True)


@pytest.mark.parametrize("realizations", [1, 4, 500])
def test_calls_of_several_encodings_are_one_task_where_the_engine_works_in_batches(realizations: int) -> None:
    whole = plan(parse_scenario(SCENARIO.replace("realizations: 4", f"realizations: {realizations}")), 2)
    assert [call for task in whole.tasks() for group in task for call in group.calls] == [
        call for group in whole.groups() for call in group.calls
    ]
    for task in whole.tasks():
        engines = {whole.points[call.point].scenario.engine for group in task for call in group.calls}
        assert len(engines) == 1
        assert len(task) == 1 or engines == {"numba"}
        assert all(len(group.calls) <= ENGINES[group.engine].max_calls for group in task)
        assert len(task) == 1 or sum(len(group.calls) for group in task) <= MAX_CALLS_IN_TASK
    assert any(len(task) > 1 for task in whole.tasks()) == (realizations < 500)


@pytest.mark.parametrize("name", ["libopus", "numba"])
def test_results_in_any_order_give_identical_rows(
    name: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SCENARIO.replace("[libopus, numba]", f"[{name}]").replace("clips: 2", "clips: 1")
    text = text.replace("realizations: 4", "realizations: 2").replace("[pesq_wb, estoi]", "[estoi]")
    scenario = parse_scenario(text)
    in_order = runner.run_scenario(scenario, tmp_path / "in order", jobs=1).table
    monkeypatch.setattr(calls, "engine", lambda name, batch_mb: ShufflingEngine(engine(name, batch_mb)))
    shuffled = runner.run_scenario(scenario, tmp_path / "shuffled", jobs=1).table
    assert shuffled["estoi"].nunique() > 4
    pd.testing.assert_frame_equal(
        in_order.drop(columns=list(names(TIMINGS))),
        shuffled.drop(columns=list(names(TIMINGS))),
        check_exact=True,
    )


def test_a_call_without_sound_from_the_engine_fails_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dropping(ShufflingEngine):
        def decode(self, jobs):
            yield from list(super().decode(jobs))[1:]

    monkeypatch.setattr(calls, "engine", lambda name, batch_mb: Dropping(engine(name, batch_mb)))
    text = SCENARIO.replace("[libopus, numba]", "[libopus]").replace("clips: 2", "clips: 1")
    text = text.replace("realizations: 4", "realizations: 1").replace("[pesq_wb, estoi]", "[estoi]")
    table = runner.run_scenario(parse_scenario(text), tmp_path / "run", jobs=1).table
    failed = table["error"].eq("the engine returned no sound for this call")
    assert failed.any()
    assert table["estoi"].isna().eq(failed).all()


def test_a_call_that_fails_does_not_take_its_batch_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = NumbaEngine.decode

    def failing(self: NumbaEngine, jobs):
        batch = list(jobs)
        if any(job.decoder_complexity == 0 and np.count_nonzero(job.actions) for _, job in batch):
            raise CodecError("a packet that cannot be")
        yield from decode(self, batch)

    monkeypatch.setattr(NumbaEngine, "decode", failing)
    scenario = parse_scenario(SCENARIO.replace("[libopus, numba]", "[numba]").replace("clips: 2", "clips: 1"))
    table = runner.run_scenario(scenario, tmp_path / "run", jobs=1).table
    failed = table[table["error"] == "a packet that cannot be"]
    assert (failed["scheme"] == "classic PLC").all()
    assert len(failed) == 4
    assert table["error"].isin(["", "a packet that cannot be"]).all()
    assert table.loc[table["error"] == "", "estoi"].notna().all()


def test_an_engine_that_fails_without_a_job_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(ShufflingEngine):
        def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
            raise CodecError("no weights")

    monkeypatch.setattr(calls, "engine", lambda name, batch_mb: Broken(engine("libopus", batch_mb)))
    text = SCENARIO.replace("sweep: {engine: [libopus, numba]}", "").replace("clips: 2", "clips: 1")
    with pytest.raises(CodecError, match="no weights"):
        runner.run_scenario(parse_scenario(text), tmp_path / "run", jobs=1)


def test_a_call_is_made_again_by_its_own_engine(finished: pd.DataFrame, tmp_path: Path) -> None:
    text = SCENARIO.replace("[libopus, numba]", "[numba]").replace("clips: 2", "clips: 1")
    text = text.replace("realizations: 4", "realizations: 1").replace("[pesq_wb, estoi]", "[]")
    done = runner.run_scenario(parse_scenario(text), tmp_path / "run", jobs=1, save=frozenset({"audio"}))
    files = sorted((done.folder / "audio").glob("000-*.wav"))
    kept = [soundfile.read(file, dtype="int16")[0] for file in files]
    assert len(kept) == len(done.table)
    for row in range(len(kept)):
        assert any(np.array_equal(done.call(row).pcm, pcm) for pcm in kept)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("engine: numa", "numba"),
        ("limits: {batch_mb: 1}", "limits.batch_mb"),
        ("limits: {batch_mbb: 512}", "batch_mb"),
    ],
)
def test_an_unknown_engine_is_refused(line: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(SCENARIO.replace("sweep: {engine: [libopus, numba]}", line))


def test_batches_may_be_told_their_memory() -> None:
    scenario = parse_scenario(
        SCENARIO.replace("sweep: {engine: [libopus, numba]}", "engine: numba\nlimits: {batch_mb: 64}")
    )
    assert isinstance(scenario, Scenario)
    assert (scenario.engine, scenario.limits.batch_mb) == ("numba", 64)


@pytest.mark.parametrize(("line", "place"), [("engine: numba", ":16: engine:"), ("", ":16: sweep.engine:")])
def test_kernels_without_a_built_libopus_are_one_message(
    line: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = opus_build.installed()
    assert build is not None
    monkeypatch.setenv("OPUS_LIBRARY", str(build.library))
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    text = SCENARIO.replace("sweep: {engine: [libopus, numba]}", line) if line else SCENARIO
    with pytest.raises(ScenarioError, match="testbed opus build") as refused:
        check_codec(parse_scenario(text))
    assert place in str(refused.value)


def test_another_libopus_is_not_mixed_with_the_kernels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build = opus_build.installed()
    assert build is not None
    other = tmp_path / "libopus.so"
    shutil.copy(build.library, other)
    monkeypatch.setenv("OPUS_LIBRARY", str(other))
    with pytest.raises(ScenarioError, match=r":16: sweep\.engine: .*unset OPUS_LIBRARY"):
        check_codec(parse_scenario(SCENARIO))


def test_the_memory_of_a_run_does_not_grow_with_its_realizations(tmp_path: Path) -> None:
    """The sound of a call alone takes 0.1 MB, its packets twice that."""
    pcm = load_clips(Speech(corpus="packaged"), Path())[0].pcm[: 3 * 16_000]
    soundfile.write(tmp_path / "clip.wav", pcm, 16_000)
    scenario = """
name: memory
speech: {files: clip.wav}
codec: {bitrate_kbps: 24, complexity: 5}
schemes: [neural_plc]
channel: [{loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 4}}]
playout: {policy: offline}
engine: numba
metrics: []
"""
    (tmp_path / "memory.yaml").write_text(scenario)
    program = """
import sys
from pathlib import Path
import testbed
testbed.run(sys.argv[1], sys.argv[2], [f"realizations={sys.argv[3]}"], jobs=1)
status = Path("/proc/self/status").read_text().split()
print(int(status[status.index("VmHWM:") + 1]) / 1000)
"""
    peak_mb = []
    for realizations in ("200", "800"):
        run = tmp_path / realizations
        command = [sys.executable, "-c", program, tmp_path / "memory.yaml", run, realizations]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        peak_mb.append(float(done.stdout))
    assert peak_mb[1] - peak_mb[0] < 50, peak_mb
