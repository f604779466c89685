"""Run folders with wrong content: the error names the file, and nothing else is raised, run or grows."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from testbed import loaded_run, parquet, runner
from testbed.errors import ResultsError, TestbedError
from testbed.progress import Progress
from testbed.reports.plot import plot
from testbed.reports.report import write_report
from testbed.results import load
from testbed.scenario.loading import parse_scenario
from testbed.traces.record import Wanted, recording_of_call

CALLS = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, {red: {copies: 1}}]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
sweep: {codec.bitrate_kbps: [16, 24]}
metrics: [estoi]
"""
FLOWS = """
name: study
duration_s: 5
flows: [{name: A, media: {kind: video}}]
congestion: {controller: gcc}
forward: [{link: {rate_kbps: 500}}]
backward: []
"""


@pytest.fixture(scope="module", params=["calls", "flows"])
def honest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "run"
    runner.run_scenario(parse_scenario(CALLS if request.param == "calls" else FLOWS), folder, jobs=1)
    return folder


def copied(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "run", dirs_exist_ok=True))


def read(folder: Path) -> None:
    """Do everything that is done with a run folder, as far as it goes."""
    run = loaded_run.load(folder)
    of_flows = run.manifest.get("kind") == "flows"
    uses: list[Callable[[], object]] = [
        lambda: write_report(folder),
        lambda: plot(
            folder, "point", "received_kbps" if of_flows else "wire_kbps", "point", folder / "p.svg"
        ),
        lambda: recording_of_call(folder, Wanted(point=0)),
        lambda: run.call(1),
        lambda: run.is_failure,
        lambda: run.answer() if run.has_schemes else None,
    ]
    for use in uses:
        try:
            use()
        except TestbedError as error:
            assert str(error)


JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 3.5, 10**30, float("nan"), float("inf"), "", "x", "x\0y", "../../etc/passwd",
    "$\\frac{$", "\x1b]0;x\x07", "é\u202e😀", [], {}, [[]], [None], {"": {}}, {"a": [1]}, ["x", 1], "\ud83d",
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutated(manifest: Any, rng: random.Random) -> Any:
    made = json.loads(json.dumps(manifest))
    for _ in range(rng.choice((1, 1, 1, 3))):
        found = list(places(made))
        if not found:
            break
        # Half of them near the top, where most is read.
        *steps, last = rng.choice([path for path in found if len(path) <= rng.choice((1, 2, 9))] or found)
        holder = made
        for step in steps:
            holder = holder[step]
        if rng.random() < 0.3:
            del holder[last]
        else:
            holder[last] = rng.choice(JUNK)
    return made


def check_mutations(honest: Path, tmp_path: Path, seeds: range) -> None:
    manifest = json.loads((honest / "manifest.json").read_text("utf-8"))
    table = pd.read_parquet(honest / "results.parquet")
    for seed in seeds:
        rng = random.Random(seed)
        folder = copied(honest, tmp_path)
        if seed % 3:
            (folder / "manifest.json").write_text(json.dumps(mutated(manifest, rng)), "utf-8")
        else:
            mutated_table(table, rng).to_parquet(folder / "results.parquet", index=False)
        try:
            read(folder)
        except TestbedError as error:
            assert str(folder) in str(error), f"seed {seed}"
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


def mutated_table(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    made = table.copy()
    for _ in range(rng.choice((1, 2))):
        name = rng.choice(list(made))
        kind = rng.randrange(7)
        if kind == 0:
            del made[name]
        elif kind == 1:
            made[name] = rng.choice(("x", "", "\x1b[2J", 3, -1, 2.5, True, None, float("inf"), 2**62))
        elif kind == 2:
            made = made.rename(columns={name: rng.choice(("x", "point", "scheme", "error", "a\x1bb"))})
            made = made.loc[:, ~made.columns.duplicated()]
        elif kind == 3:
            made[name] = made[name].astype(str)
        elif kind == 4:
            made = made.iloc[:0]
        elif kind == 5:
            made = pd.concat([made, made], ignore_index=True)
        else:
            made[name] = pd.Series([None] * len(made), dtype="float64")
    return made


def test_any_change_in_a_runs_files_raises_only_testbed_errors(honest: Path, tmp_path: Path) -> None:
    check_mutations(honest, tmp_path, range(6))


@pytest.mark.long
def test_the_same_of_hundreds_of_changes(honest: Path, tmp_path: Path) -> None:
    check_mutations(honest, tmp_path, range(6, 400))


def cut_off(folder: Path) -> Path:
    """Leave a run that was interrupted after some rows."""

    def interrupt(progress: Progress) -> None:
        if progress.done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run_scenario(parse_scenario(CALLS), folder, jobs=1, on_progress=interrupt)
    return folder


def mutated_journal(journal: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(3)
    if kind == 0:
        return journal[: rng.randrange(len(journal))]
    if kind == 1:
        changed = bytearray(journal)
        for _ in range(rng.randint(1, 5)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    lines = journal.split(b"\n")
    place = rng.randrange(len(lines) - 1)
    lines[place] = json.dumps(mutated(json.loads(lines[place]), rng)).encode()
    return b"\n".join(lines)


def check_journals(tmp_path: Path, seeds: range) -> None:
    (whole,) = cut_off(tmp_path / "cut").rglob("journal")
    journal = whole.read_bytes()
    for seed in seeds:
        whole.write_bytes(mutated_journal(journal, random.Random(seed)))
        try:
            read(tmp_path / "cut")
        except TestbedError as error:
            assert "cut" in str(error), f"seed {seed}"
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


def test_any_change_in_a_journal_raises_only_testbed_errors(tmp_path: Path) -> None:
    check_journals(tmp_path, range(8))


@pytest.mark.long
def test_the_same_of_hundreds_of_journals(tmp_path: Path) -> None:
    check_journals(tmp_path, range(8, 400))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(scenario="x"), "manifest.json: scenario: must be a mapping"),
        (lambda m: m.update(versions=[]), "manifest.json: versions: must be a mapping"),
        (lambda m: m.update(warnings=1), "manifest.json: warnings: must be a list"),
        (lambda m: m.update(points=[{"a": []}]), r"manifest.json: points.0.a"),
        (lambda m: m.update(examples=[{"audio": "x\0"}]), "manifest.json: examples.0.point: is missing"),
        (lambda m: m.update(files=[{"path": "x"}]), "manifest.json: files.0.role: is missing"),
        (lambda m: m.update(clean=[{"clip": "a", "audio": "x" * 300}]), "clean.0.audio: is too long"),
        (lambda m: m.update(clean=[{"clip": "a", "audio": "\u00e9"}]), "clean.0.audio: is no name of a file"),
    ],
)
def test_a_key_of_the_wrong_kind_is_named(honest: Path, tmp_path: Path, change: Any, message: str) -> None:
    folder = copied(honest, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ResultsError, match=message):
        load(folder)


def test_a_flow_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    runner.run_scenario(parse_scenario(FLOWS), folder, jobs=1)
    for name in ("results", "trajectories", "changes"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table["flow"] = "$\\frac{$ \x1b]0;x\x07"
        table.to_parquet(folder / f"{name}.parquet", index=False)
    page = write_report(folder).read_text("utf-8")
    assert r"\frac{$ \x1b]0;x\x07" in page
    assert "\x1b" not in page


def test_deep_nesting_is_refused_or_does_no_harm(honest: Path, tmp_path: Path) -> None:
    folder = copied(honest, tmp_path)
    manifest = (folder / "manifest.json").read_text("utf-8")
    deep = '{"a":' * 900 + "1" + "}" * 900
    (folder / "manifest.json").write_text(manifest.replace("{", f'{{"scenario_x": {deep},', 1), "utf-8")
    read(folder)
    (folder / "manifest.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ResultsError, match=r"manifest\.json: cannot be read"):
        read(folder)


def with_extension_type() -> pa.Table:
    kind = {
        b"ARROW:extension:name": b"arrow.opaque",
        b"ARROW:extension:metadata": b'{"type_name":"x","vendor_name":"y"}',
    }
    schema = pa.schema([pa.field("point", pa.int64(), metadata=kind)])
    return pa.table({"point": [1]}).cast(schema)


def with_pandas_metadata(says: dict[str, Any]) -> pa.Table:
    table = pa.Table.from_pandas(pd.DataFrame({"point": [0], "scheme": ["x"]}))
    metadata = json.loads(table.schema.metadata[b"pandas"])
    metadata["columns"][0] |= says
    return table.replace_schema_metadata({b"pandas": json.dumps(metadata).encode()})


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.table({"point": [[1, 2]]}),
        lambda: pa.table({"point": [{"a": 1}]}),
        lambda: pa.table({"point": pa.array([b"bytes"])}),
        lambda: pa.table({"point": pa.array([1], pa.timestamp("ns"))}),
        with_extension_type,
        lambda: with_pandas_metadata({"numpy_type": "interval[no]"}),
        lambda: with_pandas_metadata({"numpy_type": "complex999", "pandas_type": "what"}),
        lambda: with_pandas_metadata({"name": ["x"]}),
        lambda: pa.table([pa.array([1]), pa.array([2])], names=["point", "point"]),
    ],
)
def test_columns_that_no_run_has_are_refused(
    honest: Path, tmp_path: Path, make: Callable[[], pa.Table]
) -> None:
    folder = copied(honest, tmp_path)
    pq.write_table(make(), folder / "results.parquet")
    with pytest.raises(ResultsError, match=r"results\.parquet"):
        load(folder)


def test_a_small_file_that_unpacks_to_much_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MOST_CELLS", 1_000_000)
    monkeypatch.setattr(parquet, "MOST_BYTES", 10_000_000)
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"x": np.zeros(1_000_001)}), path, compression="zstd")
    assert path.stat().st_size < 10_000
    with pytest.raises(ResultsError, match="1000001 rows of 1 columns: too large"):
        parquet.read_frame(path)
    pq.write_table(pa.table({"x": ["y" * 100_000] * 1000}), path, compression="zstd")
    assert path.stat().st_size < 10_000
    with pytest.raises(ResultsError, match="too large for a run's table"):
        parquet.read_frame(path)
    pq.write_table(pa.table({"x": ["y" * 1000] * 1000}), path)
    assert parquet.read_frame(path)["x"].str.len().sum() == 1_000_000


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "x": [0.1, float("nan")],
            "s": ["a", "b"],
            "b": [True, False],
            "none": [None, None],
        }
    )
    table.to_parquet(tmp_path / "t.parquet", index=False)
    pd.testing.assert_frame_equal(
        parquet.read_frame(tmp_path / "t.parquet"), pd.read_parquet(tmp_path / "t.parquet")
    )
    table.iloc[:0].to_parquet(tmp_path / "t.parquet", index=False)
    pd.testing.assert_frame_equal(
        parquet.read_frame(tmp_path / "t.parquet"), pd.read_parquet(tmp_path / "t.parquet")
    )
