"""Whole calls with DTX on real Opus: what is sent, counted, reported back and recorded."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from testbed import runner
from testbed.codecs.encoding import encode
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Recovery
from testbed.codecs.rtp.packet import RtpPacket
from testbed.encoded_clip import EncodedClip
from testbed.errors import ScenarioError
from testbed.loaded_run import Run
from testbed.pause_caveats import pause_caveats
from testbed.plan import plan
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import Speech, parse_scenario
from testbed.sender import MAX_UNSENT_BYTES
from testbed.speech import load_clips
from testbed.timeline import NEVER
from testbed.traces.record import Wanted, recording_of_call

HZ = 16_000
SCENARIO = """
name: dtx
speech: {files: spoken.wav}
codec: {bitrate_kbps: 24, complexity: 0, dtx: true}
schemes:
  - plc
  - neural_plc
  - red: {copies: 2}
  - lbrr: {bitrate_kbps: 16}
  - dred: {depth_ms: 100, bitrate_kbps: 60}
  - {name: own DRED, dred: {writer: testbed, depth_ms: 200}}
channel:
  - loss: {model: bernoulli, rate: 0.1}
  - delay: {constant_ms: 40}
playout: {policy: fixed, delay_ms: 120}
seed: 1
sweep: {codec.dtx: [true, {send_empty: true}], codec.frame_ms: [20, 60]}
metrics: []
"""
ONCE = SCENARIO.partition("sweep:")[0] + "metrics: []\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a recording: a second of speech, two of a quiet room, a second of speech."""
    path = tmp_path_factory.mktemp("dtx")
    speech = load_clips(Speech(corpus="packaged"), Path())[0].pcm
    said = np.concatenate([speech[:HZ], np.zeros(2 * HZ), speech[HZ : 2 * HZ]])
    room = np.random.default_rng(1).normal(0, 1e-4, len(said))
    soundfile.write(path / "spoken.wav", said + room, HZ, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def finished(folder: Path) -> Run:
    scenario = parse_scenario(SCENARIO, folder)
    return runner.run_scenario(scenario, folder / "run", jobs=1)


def by_dtx(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    omitting, sending = (table[table["codec.dtx"] == name] for name in ("true", '{"send_empty": true}'))
    return omitting, sending


def unsent(folder: Path, frame_ms: int) -> int:
    pcm = soundfile.read(folder / "spoken.wav", dtype="int16")[0]
    told = EncoderSettings(24_000, complexity=0, frame_ms=frame_ms, dtx=True)
    return sum(len(frame.payload) <= MAX_UNSENT_BYTES for frame in encode(pcm, told).frames)


def test_frames_of_pauses_are_counted_and_neither_sent_nor_lost(finished: Run, folder: Path) -> None:
    table = finished.table
    assert (table["error"] == "").all()
    ways = [f"frames_{name}" for name in ("primary", "red", "lbrr", "dred", "plc", "dtx")]
    assert (table[ways].sum(axis=1) == table["frames"]).all()
    omitting, sending = by_dtx(table)
    assert (sending["frames_dtx"] == 0).all()
    for frame_ms, rows in omitting.groupby("codec.frame_ms"):
        assert rows["frames_dtx"].eq(unsent(folder, frame_ms)).all()
        assert (rows["frames_dtx"] > rows["frames"] / 4).all()
    sent = omitting["frames"] - omitting["frames_dtx"]
    lost = (omitting["packet_loss"] * sent).astype(float)
    assert np.allclose(lost, np.rint(lost))
    assert np.allclose(lost, sent - omitting["frames_primary"])
    ceiling = omitting[omitting["scheme"] == "no loss"]
    assert (ceiling[["packet_loss", "frames_plc"]] == 0).all(axis=None)


def test_bitrates_are_those_of_the_packets_that_were_sent(finished: Run) -> None:
    table = finished.table
    packets = table["frames"] - table["frames_dtx"]
    headers_kbps = 40 * 8 * packets / (table["frames"] * table["codec.frame_ms"])
    assert np.allclose(table["wire_kbps"], table["payload_kbps"] + headers_kbps.astype(float))
    omitting, sending = by_dtx(table)
    keys = ["scheme", "codec.frame_ms"]
    sparing, all_sent = (rows.set_index(keys) for rows in (omitting, sending))
    plain = ["no loss", "classic PLC", "neural PLC"]
    empty_kbps = (8 * sparing["frames_dtx"] / (sparing["frames"] * sparing.index.get_level_values(1))).loc[
        plain
    ]
    saved_kbps = (all_sent["payload_kbps"] - sparing["payload_kbps"]).loc[plain]
    # libopus's packets of pauses have one byte, or two where they hold more than a frame
    assert saved_kbps.ge(empty_kbps - 1e-9).all()
    assert saved_kbps.le(2 * empty_kbps + 1e-9).all()
    assert sparing["dred_sent_ms"].eq(all_sent["dred_sent_ms"]).all()
    assert sparing["lbrr_kbps"].eq(all_sent["lbrr_kbps"]).all()
    assert sparing["red_kbps"].lt(all_sent["red_kbps"]).loc[["RED x2"]].all()


def test_every_scheme_repairs_what_was_lost_beside_pauses(finished: Run) -> None:
    omitting, _ = by_dtx(finished.table)
    repaired = omitting.groupby("scheme")[["frames_red", "frames_lbrr", "frames_dred", "frames_plc"]].sum()
    assert repaired.loc["RED x2", "frames_red"] > 0
    assert repaired.loc["LBRR", "frames_lbrr"] > 0
    for scheme in ("DRED 100 ms", "own DRED"):
        assert repaired.loc[scheme, "frames_dred"] > 0
    assert (
        repaired["frames_plc"].drop(["no loss", "neural PLC"]) <= repaired.loc["classic PLC", "frames_plc"]
    ).all()
    delays = omitting[omitting["scheme"] != "no loss"]
    assert np.allclose(delays["mouth_to_ear_ms"], 120 + 6.5 + delays["codec.frame_ms"])


def test_the_files_that_are_kept_hold_what_was_sent(folder: Path, tmp_path: Path) -> None:
    scenario = parse_scenario(re.sub(r"  - (?!plc|loss|delay).*\n", "", ONCE), folder)
    run = runner.run_scenario(scenario, tmp_path / "run", 1, frozenset({"timelines", "packets"}))
    row = run.table.loc[1]
    packets = row["frames"] - row["frames_dtx"]
    wanted = Wanted(scheme="classic PLC")
    _, of_timeline = recording_of_call(run.folder, wanted)
    assert len(of_timeline.lost) == packets < row["frames"]
    assert of_timeline.lost.mean() == pytest.approx(row["packet_loss"])
    assert 100 < np.diff(of_timeline.send_ns).max() / 1e6 <= 420
    for path in (run.folder / "timelines").iterdir():
        path.unlink()
    _, of_packets = recording_of_call(run.folder, wanted)
    assert np.array_equal(of_packets.lost, of_timeline.lost)
    assert np.array_equal(np.diff(of_packets.send_ns), np.diff(of_timeline.send_ns))
    assert run.call(1).simulation.timeline.count(Recovery.DTX) == row["frames_dtx"]


@pytest.mark.parametrize(
    ("reporting", "controller"),
    [
        ("transport_wide", "none"),
        ("ccfb", "none"),
        ("receiver_report", "none"),
        ("transport_wide", "gcc"),
        ("ccfb", "scream"),
    ],
)
def test_feedback_reports_no_pause_as_a_loss(folder: Path, reporting: str, controller: str) -> None:
    text = ONCE.replace("{model: bernoulli, rate: 0.1}", "{model: bernoulli, rate: 0}").replace(
        "channel:",
        f"feedback: {{format: {reporting}}}\ncongestion: {{controller: {controller}}}\nchannel:",
    )
    scenario = parse_scenario(
        text.replace("  - {name: own DRED, dred: {writer: testbed, depth_ms: 200}}\n", ""), folder
    )
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips))
    context = RunContext(whole.points, whole.schemes, clips, frozenset(), frozenset())
    groups = {call: group for group in whole.groups() for call in group.calls if call.scheme == 3}
    ((call, group),) = groups.items()
    simulation = simulate_call(
        context, call, EncodedClip(int16_from_float(clips[0].pcm), group.settings), LibopusEngine()
    )
    timeline = simulation.timeline
    assert timeline.count(Recovery.DTX) > 50
    assert len(simulation.decisions) > 2
    assert all(decision.fraction_lost == 0 for decision in simulation.decisions)
    sequences = [RtpPacket.parse(packet.payload).sequence for packet in simulation.sent]
    assert sequences == list(range(len(timeline) - timeline.count(Recovery.DTX)))
    assert (timeline.arrived_ns[timeline.is_sent] != NEVER).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("always", "codec.dtx: must be true, false or {send_empty: true}"),
        ("[true]", "codec.dtx: must be true, false or {send_empty: true}"),
        ("{send: true}", "codec.dtx.send: unknown key; did you mean send_empty?"),
        ("{send_empty: maybe}", "codec.dtx.send_empty: must be true or false, not 'maybe'"),
    ],
)
def test_invalid_values_of_dtx_are_refused(given: str, message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(ONCE.replace("dtx: true", f"dtx: {given}"))
    assert str(refused.value) == f"scenario:4: {message}"


def test_the_numba_engine_is_not_asked_to_fill_pauses(folder: Path) -> None:
    text = ONCE.replace("schemes:", "engine: numba\nschemes:")
    for dtx, engine in (("true", "libopus"), ("false", "numba"), ("{send_empty: true}", "numba")):
        whole = plan(parse_scenario(text.replace("dtx: true", f"dtx: {dtx}"), folder), 1)
        assert {group.engine for group in whole.groups()} == {engine}


def test_dtx_that_leaves_nothing_out_and_pauses_that_differ_are_warned_about() -> None:
    text = ONCE.replace("metrics:", "sweep: {codec.dtx: [false, true, {send_empty: true}]}\nmetrics:")

    def warnings(omitted: dict[str, tuple[int, int]], text: str = text) -> list[str]:
        rows = [
            {
                "point": point,
                "scheme": scheme,
                "clip": clip,
                "frames": 100,
                "frames_dtx": frames if point == 1 else 0,
            }
            for point in (0, 1, 2)
            for scheme, counts in omitted.items()
            for clip, frames in enumerate(counts)
        ]
        return pause_caveats(plan(parse_scenario(text), 2), pd.DataFrame(rows))

    assert warnings({"no loss": (30, 40), "LBRR": (31, 41)}) == []
    (none,) = warnings({"no loss": (0, 0), "LBRR": (0, 0)})
    assert none.startswith("codec.dtx = true: codec.dtx: no packet was left out. ")
    (unlike,) = warnings({"no loss": (30, 40), "LBRR": (0, 40)})
    assert unlike.startswith(
        "codec.dtx = true: codec.dtx: one scheme left out 40 packets, another 70 of the same speech: "
    )
    closed = re.sub("  - .*own DRED.*\n", "", text).replace("channel:", "feedback: {}\nchannel:")
    assert warnings({"no loss": (30, 40), "LBRR": (0, 40)}, closed) == []
