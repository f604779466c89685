"""Recording the calls of a run: which call, and that its packets meet the same fate again."""

import json

import numpy as np
import pandas as pd
import pytest

from testbed.channels.recordings.parts import LOST
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ChannelError, ResultsError
from testbed.pcap import write_pcap
from testbed.timeline import NEVER, Timeline
from testbed.traces.formats import read, write
from testbed.traces.record import Wanted, recording_of_call

MS = 1_000_000
ARRIVED_MS = [40, NEVER, 95, 99]


def timeline(arrived_ms=ARRIVED_MS):
    count = len(arrived_ms)
    return Timeline(
        sent_ns=np.arange(count, dtype=np.int64) * 20 * MS,
        arrived_ns=np.array([at if at == NEVER else at * MS for at in arrived_ms], np.int64),
        dropped_by=tuple("loss" if at == NEVER else "" for at in arrived_ms),
        played_ns=np.zeros(count, np.int64),
        recovered_by=np.zeros(count, np.uint8),
        source_frame=np.zeros(count, np.int32),
        size_bytes=np.full(count, 100, np.int32),
    )


@pytest.fixture
def run(tmp_path):
    """Two schemes over two clips, kept; a run that says no more than what is read of it."""
    row = {
        "point": 0,
        "realization": 0,
        "scheme": "RED 1",
        "clip": "ada",
        "payload_kbps": 24.0,
        "wire_kbps": 40.0,
        "error": "",
    }
    pd.DataFrame([row]).to_parquet(tmp_path / "results.parquet")
    manifest = {"scheme_names": ["no loss", "RED 1"], "clips": [{"name": "ada"}, {"name": "bob"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "timelines").mkdir()
    for scheme in (0, 1):
        for clip in (0, 1):
            stem = f"000-{scheme:02d}-some-words-{clip:03d}-000"
            made = timeline([at + clip if at != NEVER else at for at in ARRIVED_MS])
            (tmp_path / "timelines" / f"{stem}.parquet").write_bytes(made.parquet())
    return tmp_path


def test_the_call_that_was_asked_for(run):
    name, recording = recording_of_call(run, Wanted(scheme="RED 1", clip="bob"))
    assert name == "point 0, scheme RED 1, clip bob, realization 0"
    assert recording.send_ns.tolist() == [0, 20 * MS, 40 * MS, 60 * MS]
    assert recording.delay_ns.tolist() == [41 * MS, NEVER, 56 * MS, 40 * MS]
    assert recording.lost.tolist() == [False, True, False, False]
    write(run / "call.csv", recording)
    _, again = read(run / "call.csv")
    assert again.delay_ns.tolist() == recording.delay_ns.tolist()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(), ["4 calls were kept", "--scheme (no loss, RED 1)", "--clip (ada, bob)"]),
        (Wanted(scheme="RED 1"), ["2 calls were kept", "--clip (ada, bob)"]),
        (Wanted(scheme="RED 2"), ["--scheme RED 2", "no loss, RED 1"]),
        (Wanted(realization=3), ["--realization 3", "there is 0"]),
    ],
)
def test_a_call_that_is_not_one(run, wanted, words):
    with pytest.raises(ResultsError) as caught:
        recording_of_call(run, wanted)
    for word in words:
        assert word in str(caught.value)
    assert "--realization (" not in str(caught.value)


def test_the_examples_serve_where_nothing_else_was_kept(run):
    (run / "timelines").rename(run / "examples")
    name, _ = recording_of_call(run, Wanted(scheme="no loss", clip="ada"))
    assert name == "point 0, scheme no loss, clip ada, realization 0"


def test_captures_give_the_packets_too(run):
    """Sent and received as `--save packets` keeps them; the third comes twice, the fourth before it."""
    for path in (run / "timelines").iterdir():
        path.unlink()
    packets = [RtpPacket(111, 65_534 + n & 0xFFFF, 960 * n, 7, bytes([n] * 9)).serialize() for n in range(4)]
    stem = run / "packets" / "000-01-some-words-001-000"
    write_pcap(stem.with_suffix(".sent.pcap"), [(20 * MS * n, rtp) for n, rtp in enumerate(packets)])
    arrivals = [(40 * MS, packets[0]), (99 * MS, packets[3]), (101 * MS, packets[2]), (105 * MS, packets[2])]
    write_pcap(stem.with_suffix(".received.pcap"), arrivals)
    name, recording = recording_of_call(run, Wanted())
    assert name == "point 0, scheme RED 1, clip bob, realization 0"
    assert recording.delay_ns.tolist() == [40 * MS, LOST, 61 * MS, 39 * MS]
    assert (recording.duplicates, recording.reordered()) == (1, 1)
    assert recording.rtp == (packets[0], b"", packets[2], packets[3])
    write_pcap(stem.with_suffix(".received.pcap"), [(5 * MS, packets[3])])
    with pytest.raises(ResultsError, match=r"received\.pcap: holds a packet that was not sent before"):
        recording_of_call(run, Wanted())
    stem.with_suffix(".received.pcap").unlink()
    with pytest.raises(ChannelError, match=r"received\.pcap: is not a file"):
        recording_of_call(run, Wanted())


def test_a_run_without_timelines(run):
    for path in (run / "timelines").iterdir():
        path.unlink()
    with pytest.raises(ResultsError, match="--save timelines"):
        recording_of_call(run, Wanted())
    with pytest.raises(ResultsError, match="not a run folder"):
        recording_of_call(run / "timelines", Wanted())


def test_a_broken_timeline(run):
    path = run / "timelines" / "000-01-some-words-001-000.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(ResultsError, match=r"001-000\.parquet: cannot be read as a timeline"):
        recording_of_call(run, Wanted(scheme="RED 1", clip="bob"))
    backwards = timeline((-10, 5, 7, 90)).table()
    backwards.to_parquet(path)
    with pytest.raises(ResultsError, match="arrive before they are sent"):
        recording_of_call(run, Wanted(scheme="RED 1", clip="bob"))
    pd.DataFrame({"frame": [1]}).to_parquet(path)
    with pytest.raises(ResultsError, match=r"001-000\.parquet: is not a timeline: it has no column"):
        recording_of_call(run, Wanted(scheme="RED 1", clip="bob"))
