"""Whole runs on real Opus: the same rows on any number of processes, failed calls, nothing half-written."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import testbed
from testbed import encoded_clip, loaded_run, runner
from testbed.codecs.encoding import encode
from testbed.codecs.recovery import Recovery
from testbed.columns import TIMINGS, names
from testbed.dred_inspect import Inspection
from testbed.errors import CodecError, ResultsError, ScenarioError
from testbed.kept_files import KEEPABLE
from testbed.loaded_run import Run
from testbed.metrics import METRICS
from testbed.metrics.metric import Measure, Metric
from testbed.plan import plan
from testbed.results import load
from testbed.run_rows import RunRows
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: small
speech: {corpus: packaged, clips: 2}
codec: {bitrate_kbps: 24, complexity: 5}
schemes:
  - plc
  - red: {copies: 1}
  - {name: LBRR + DRED, lbrr: {bitrate_kbps: 16}, dred: {depth_ms: 200, bitrate_kbps: 24}}
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 4}
  - delay: {constant_ms: 40}
playout: {policy: fixed, delay_ms: 100}
realizations: 2
seed: 7
sweep: {playout.delay_ms: [60, 200]}
metrics: [estoi]
"""


def run(folder: Path, text: str = SCENARIO, **options: object) -> Run:
    return runner.run_scenario(parse_scenario(text), folder / "run", **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("finished"), jobs=1, save=frozenset(KEEPABLE))


def without_timings(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=list(names(TIMINGS)))


def test_any_number_of_processes_gives_identical_rows(finished: Run, tmp_path: Path) -> None:
    parallel = run(tmp_path, jobs=2)
    pd.testing.assert_frame_equal(
        without_timings(finished.table), without_timings(parallel.table), check_exact=True
    )


def test_there_is_a_row_for_each_point_scheme_clip_and_realization(finished: Run) -> None:
    table = finished.table
    assert len(table) == 2 * 4 * 2 * 2
    assert not table.duplicated(["point", "scheme", "clip", "realization"]).any()
    assert table["scheme"].unique().tolist() == ["no loss", "classic PLC", "RED x1", "LBRR + DRED"]
    assert sorted(table["playout.delay_ms"].unique()) == [60, 200]
    assert (table["error"] == "").all()


def test_the_parts_of_a_payload_add_up_and_frames_are_counted_once(finished: Run) -> None:
    table = finished.table
    parts = table[["primary_kbps", "lbrr_kbps", "dred_kbps", "red_kbps"]].sum(axis=1)
    assert np.allclose(parts, table["payload_kbps"])
    headers_kbps = 40 * 8 / 20
    assert np.allclose(table["wire_kbps"], table["payload_kbps"] + headers_kbps)
    recovered = table[[f"frames_{name}" for name in ("primary", "red", "lbrr", "dred", "plc")]].sum(axis=1)
    assert (recovered == table["frames"]).all()
    by_scheme = table.groupby("scheme")[["lbrr_kbps", "dred_kbps", "red_kbps"]].mean()
    assert (by_scheme.loc["classic PLC"] == 0).all()
    assert by_scheme.loc["RED x1", "red_kbps"] > 20
    assert by_scheme.loc["LBRR + DRED", "lbrr_kbps"] > 3
    assert by_scheme.loc["LBRR + DRED", "dred_kbps"] > 5


def test_a_realization_is_the_same_for_every_scheme_and_differs_between_clips(finished: Run) -> None:
    lossy = finished.table[finished.table["scheme"] != "no loss"]
    assert (lossy.groupby(["clip", "realization"])["packet_loss"].nunique() == 1).all()
    assert lossy.groupby("clip")["packet_loss"].nunique().gt(1).all()
    assert (finished.table[finished.table["scheme"] == "no loss"]["packet_loss"] == 0).all()


def test_the_delay_is_from_mouth_to_ear(finished: Run) -> None:
    lossy = finished.table[finished.table["scheme"] != "no loss"]
    frame_and_lookahead_ms = 20 + 6.5
    assert np.allclose(lossy["mouth_to_ear_ms"], lossy["playout.delay_ms"] + frame_and_lookahead_ms)
    assert np.allclose(lossy["mouth_to_ear_ms_p95"], lossy["mouth_to_ear_ms"])
    ceiling = finished.table[finished.table["scheme"] == "no loss"]
    assert ceiling[["mouth_to_ear_ms", "mouth_to_ear_ms_p95", "buffer_ms"]].isna().all(axis=None)


def test_concealments_are_counted_and_nothing_is_stretched(finished: Run) -> None:
    table = finished.table
    assert (table[["stretched_ms", "accelerated_ms"]] == 0).all(axis=None)
    plc = table[table["scheme"] == "classic PLC"]
    assert plc["concealment_events"].between(1, plc["frames_plc"]).all()
    assert plc["interruptions"].le(plc["concealment_events"]).all()
    assert (table.loc[table["scheme"] == "no loss", ["concealment_events", "interruptions"]] == 0).all(
        axis=None
    )


def test_everything_asked_for_is_kept(finished: Run) -> None:
    for folder, suffix, count in (
        ("audio", ".wav", 32 + 2),
        ("timelines", ".parquet", 32),
        ("packets", ".pcap", 64),
    ):
        assert len(list((finished.folder / folder).glob(f"*{suffix}"))) == count
    manifest = json.loads((finished.folder / "manifest.json").read_text())
    assert manifest["complete"]
    assert manifest["rows"] == 32
    names = manifest["scheme_names"]
    assert [example["scheme"] for example in manifest["examples"]] == len(manifest["examples"]) // len(
        names
    ) * names
    for example in manifest["examples"]:
        assert (finished.folder / example["audio"]).is_file()
        timeline = pd.read_parquet(finished.folder / example["timeline"])
        assert timeline["recovered_by"].isin(["primary", "red", "lbrr", "dred", "plc"]).all()


def test_a_row_can_be_made_again(finished: Run) -> None:
    row = 21
    again = finished.call(row)
    kept = finished.table.loc[row]
    assert again.clip.name == kept["clip"]
    assert again.simulation.packet_loss == kept["packet_loss"]
    scheme = finished.manifest["scheme_names"].index(kept["scheme"])
    stem = f"{kept['point']:03d}-{scheme:02d}-*-{kept['realization']:03d}.wav"
    waves = [path for path in (finished.folder / "audio").glob(stem) if kept["clip"].lower() in path.name]
    assert len(waves) == 1
    assert np.array_equal(soundfile.read(waves[0], dtype="int16")[0], again.pcm)
    with pytest.raises(ResultsError, match="no row 99"):
        finished.call(99)


def test_a_row_of_a_table_with_gaps_is_made_again_by_what_it_says(finished: Run) -> None:
    some = Run(
        finished.folder,
        RunRows(finished.table.iloc[5::3].reset_index(drop=True)),
        finished.manifest,
    )
    for row in (0, 4, len(some.table) - 1):
        kept, again = some.table.loc[row], some.call(row)
        assert again.clip.name == kept["clip"]
        assert again.simulation.packet_loss == kept["packet_loss"]
        assert again.simulation.timeline.count(0) == kept["frames_primary"]


def test_a_call_that_fails_is_a_row_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    text = SCENARIO.replace("bitrate_kbps: 24, complexity: 5", "bitrate_kbps: 450, rate_mode: cbr")
    result = run(tmp_path, text, jobs=1)
    failed = result.table[result.table["scheme"] == "RED x1"]
    assert failed["error"].str.contains("10-bit length").all()
    assert failed["payload_kbps"].isna().all()
    assert (result.table[result.table["scheme"] != "RED x1"]["error"] == "").all()
    assert any("calls failed" in warning for warning in result.manifest["warnings"])


SMALL = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
realizations: 2
metrics: [estoi]
"""


def test_a_metric_on_a_part_of_the_realizations_leaves_the_other_rows_without_its_score(
    tmp_path: Path,
) -> None:
    whole = run(tmp_path, SMALL, jobs=1).table
    part = run(tmp_path / "part", SMALL.replace("[estoi]", "[{estoi: {realizations: 1}}]"), jobs=1)
    is_scored = whole["realization"] == 0
    pd.testing.assert_frame_equal(
        without_timings(part.table), without_timings(whole.assign(estoi=whole["estoi"].where(is_scored)))
    )
    assert part.manifest["warnings"] == []
    assert part.summary()["failed"].sum() == 0


def test_a_metric_that_fails_ends_only_the_calls_that_it_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create() -> Measure:
        raise OSError("no model file")

    monkeypatch.setitem(METRICS._loaded, "fails_on_loading", Metric("Broken", "nothing", create))
    text = SMALL.replace("[estoi]", "[estoi, {fails_on_loading: {realizations: 1}}]")
    table = run(tmp_path, text, jobs=1).table
    is_scored = table["realization"] == 0
    assert table["error"][is_scored].str.contains("no model file").all()
    assert (table["error"][~is_scored] == "").all()
    assert table["estoi"].notna().equals(~is_scored)


def test_a_run_in_which_nothing_can_be_encoded_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CodecError("no encoder")

    monkeypatch.setattr(encoded_clip, "encode", fail)
    text = SCENARIO.replace("complexity: 5", "complexity: 5, bandwidth: narrowband")
    assert run(tmp_path, text, jobs=1).is_failure


def test_calls_of_one_encoding_are_grouped() -> None:
    whole = plan(parse_scenario(SCENARIO), clips=2)
    assert whole.calls == 32
    # Ceiling, classic PLC and RED differ in what the encoder is told to expect or to add.
    assert len({group.settings for group in whole.groups()}) == 3
    assert len([*whole.groups()]) == 3 * 2


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(ResultsError, match="holds other files"):
        run(tmp_path, jobs=1)
    assert (tmp_path / "run" / "thesis.tex").read_text() == "years of work"


def test_unknown_things_to_save_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="audio, packets, timelines"):
        run(tmp_path, jobs=1, save=frozenset({"video"}))


@pytest.mark.parametrize("break_it", ["remove", "garbage"])
def test_a_broken_run_directory_is_one_message(finished: Run, tmp_path: Path, break_it: str) -> None:
    (tmp_path / "manifest.json").write_text((finished.folder / "manifest.json").read_text())
    if break_it == "garbage":
        (tmp_path / "results.parquet").write_bytes(b"PAR1 is all that is right here")
    with pytest.raises(ResultsError, match=str(tmp_path)):
        load(tmp_path)


def test_the_front_door_is_the_runner() -> None:
    assert testbed.run is runner.run
    assert testbed.load is loaded_run.load


OURS = """
name: depths
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 5}
schemes: [neural_plc, {dred: {writer: testbed, depth_ms: [100, 500, 2000]}}]
channel: [{loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 6}}]
playout: {policy: offline}
sweep: {schemes.dred.q0: [4, 10]}
metrics: []
"""


def test_all_depths_and_quantizers_come_of_one_encode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encodes = []

    def counted(pcm: np.ndarray, settings: object) -> object:
        encodes.append(settings)
        return encode(pcm, settings)

    monkeypatch.setattr(encoded_clip, "encode", counted)
    result = run(tmp_path, OURS, jobs=1)
    assert len(encodes) == 2  # the ceiling expects no loss
    table = result.table[result.table["dred_asked_ms"] > 0]
    assert list(table["scheme"]) == [f"testbed DRED {ms} ms" for ms in (100, 500, 2000)] * 2
    assert list(table["dred_asked_ms"]) == [100, 500, 2000] * 2
    # a quarter of a second is missing at the beginning of some ten, half a chunk at the end
    assert (table["dred_sent_ms"] > 0.85 * table["dred_asked_ms"]).all()
    assert (table["dred_sent_ms"] < 1.05 * table["dred_asked_ms"]).all()
    assert table["primary_kbps"].nunique() == 1
    for _, quantizer in table.groupby("schemes.dred.q0"):
        assert quantizer["dred_kbps"].is_monotonic_increasing
        assert quantizer["dred_distortion"].is_monotonic_increasing
    fine, coarse = (table[table["schemes.dred.q0"] == q0].reset_index() for q0 in (4, 10))
    assert (fine["dred_kbps"] > coarse["dred_kbps"]).all()
    assert (fine["dred_distortion"] < coarse["dred_distortion"]).all()
    assert result.table["dred_distortion"].isna().sum() == 4
    assert result.manifest["warnings"] == []

    row = int(table.index[1])
    again = result.call(row)
    assert again.simulation.timeline.count(Recovery.DRED) == table.loc[row, "frames_dred"] > 0


def test_dred_of_our_own_is_seen_in_the_packets_that_are_kept(tmp_path: Path) -> None:
    text = OURS.replace("[100, 500, 2000]", "500").replace("sweep: {schemes.dred.q0: [4, 10]}\n", "")
    result = run(tmp_path, text, jobs=1, save=frozenset({"packets"}))
    (captured,) = (result.folder / "packets").glob("*-testbed-dred-500-ms-*.sent.pcap")
    seen = Inspection(captured)
    found = list(seen)
    (answer,) = seen.answers
    assert (answer.damaged, len(found)) == (0, answer.packets - 1)
    assert {(each.header.q0, each.header.dq, each.header.qmax) for each in found} == {(6, 5, 15)}
    assert max(each.depth_ms or 0 for each in found) == 520
    kbps = 8 * sum(each.dred_bytes for each in found) / (20 * answer.packets)
    assert kbps == pytest.approx(result.table["dred_kbps"].iloc[-1])


def test_a_page_that_is_interrupted_can_be_written_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("testbed.reports.report.write_report", interrupt)
    with pytest.raises(KeyboardInterrupt, match=f"write its page with: testbed report {tmp_path}"):
        Run(tmp_path, RunRows(pd.DataFrame()), {}).report()
