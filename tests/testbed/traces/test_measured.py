"""Statistics of WebRTC calls as networks."""

import gzip
import json

import numpy as np
import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from testbed.channels import StageSpec
from testbed.channels.trace import Trace
from testbed.errors import ChannelError
from testbed.traces import audio_stream
from testbed.traces.format import StreamChoice
from testbed.traces.formats import read, write
from testbed.traces.measured import as_yaml, not_said, stages
from testbed.traces.stats_series import StatsSeries
from testbed.traces.summary import summary

from .stats_files import EPOCH_MS, Counted, dump_of, lines_of, report_of, reports_of

STAGE = TypeAdapter(StageSpec)
CALL = [
    Counted(0, 0, 0, 0.002, 0, 0, 0.08),
    Counted(1000, 45, 5, 0.002, 4500, 4, 0.08),
    Counted(2000, 95, 5, 0.004, 9500, 4, 0.12),
    Counted(3000, 120, 30, 0.006, 12000, 16, 0.1),
]
FORMS = {"lines": lines_of, "reports": reports_of, "dump": dump_of}


@pytest.fixture
def given(tmp_path):
    def write_file(content, name="call.json"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


def read_call(path, ssrc=None):
    return read(path, choice=StreamChoice(ssrc))[1]


def intervals(path, ssrc=None):
    (stage,) = stages(read_call(path, ssrc))
    assert STAGE.validate_python(stage)
    return stage["measured"]["intervals"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_network(given, form):
    path = given(FORMS[form](CALL))
    call = read_call(path)
    (stage,) = stages(call)
    assert stage["measured"] == {
        "intervals": [
            {"duration_ms": 1000, "loss": 0.1, "delay_ms": 38, "jitter_ms": 2},
            {"duration_ms": 1000, "loss": 0.0, "delay_ms": 56, "jitter_ms": 4},
            {"duration_ms": 1000, "loss": 0.5, "delay_ms": 44, "jitter_ms": 6},
        ],
        "mean_burst_packets": 1.88,
    }
    assert any("half the round-trip time" in sentence for sentence in not_said(call))
    assert any("Length of bursts: 1.88 packets" in sentence for sentence in not_said(call))


def test_a_dump_without_times_of_its_own_is_evenly_spaced(given):
    assert intervals(given(dump_of(CALL, with_times=False))) == intervals(given(dump_of(CALL)))


def test_gzip_is_unpacked(given):
    assert intervals(given(gzip.compress(dump_of(CALL)), "dump.gz")) == intervals(given(dump_of(CALL)))


@pytest.mark.parametrize(("unit", "start"), [(1000.0, 0.0), (1000.0, EPOCH_MS), (0.001, 0.0), (1.0, 5e5)])
def test_times_of_any_unit(given, unit, start):
    records = []
    for count in CALL:
        report = report_of(count)
        for stats in report.values():
            stats["timestamp"] = (start + count.time_ms) * unit
        records.append(report)
    assert intervals(given(json.dumps(records).encode())) == intervals(given(lines_of(CALL)))


def test_dates_are_times(given):
    records = [report_of(count) for count in CALL]
    for second, report in enumerate(records):
        for stats in report.values():
            stats["timestamp"] = f"2026-01-01T00:00:0{second}+00:00"
    assert intervals(given(json.dumps(records).encode())) == intervals(given(lines_of(CALL)))


def test_statistics_of_before_the_standard(given):
    """The callback form of Chromium, in strings and ms, as old dumps hold it."""
    values = {
        "ssrc_77_recv-packetsReceived": ["0", "45", "95"],
        "ssrc_77_recv-packetsLost": ["0", "5", "5"],
        "ssrc_77_recv-googJitterReceived": ["2", "2", "4"],
        "ssrc_77_recv-mediaType": ["audio", "audio", "audio"],
        "ssrc_9_recv-packetsReceived": ["0", "10", "20"],
        "ssrc_9_recv-packetsLost": ["0", "0", "0"],
        "ssrc_9_recv-mediaType": ["video", "video", "video"],
        "Conn-audio-1-0-googRtt": ["80", "80", "120"],
    }
    stats = {
        key: {
            "startTime": "2017-01-01T10:00:00.000Z",
            "endTime": "2017-01-01T10:00:02.000Z",
            "statsType": "googCandidatePair" if key.startswith("Conn") else "ssrc",
            "values": json.dumps(list_of),
        }
        for key, list_of in values.items()
    }
    path = given(json.dumps({"PeerConnections": {"1-1": {"stats": stats}}}).encode())
    assert intervals(path) == intervals(given(lines_of(CALL[:3])))


def test_changes_alone_are_told_as_rtcstats_does(given):
    """A line has the members that changed; a time of 0 is that of the report."""
    lines, before = [], {}
    for count in CALL:
        report = report_of(count)
        changes = {
            identity: {k: v for k, v in stats.items() if k != "id" and before.get(identity, {}).get(k) != v}
            | {"timestamp": 0}
            for identity, stats in report.items()
        }
        before = report
        lines.append(["getstats", "PC_0", changes | {"timestamp": EPOCH_MS + count.time_ms}, 1])
    path = given(b"\n".join(json.dumps(line).encode() for line in [["create", "PC_0", {}], *lines]))
    assert intervals(path) == intervals(given(lines_of(CALL), "whole.json"))


def test_what_was_sent_is_read_from_the_receivers_reports(given):
    """RTCP reports come seldom: an interval is the time between two of them."""
    lines = []
    for second in range(11):
        stamp = EPOCH_MS + 1000 * second
        heard = EPOCH_MS + 5000 * (second // 5)
        sent = {"type": "outbound-rtp", "id": "O", "kind": "audio", "ssrc": 5, "packetsSent": 50 * second}
        told = {"type": "remote-inbound-rtp", "id": "R", "kind": "audio", "ssrc": 5, "jitter": 0.003}
        told |= {"packetsLost": 25 * (second // 5), "roundTripTime": 0.06}
        pair = {"type": "candidate-pair", "id": "C", "nominated": True, "availableOutgoingBitrate": 64_000}
        report = [sent | {"timestamp": stamp}, told | {"timestamp": heard}, pair | {"timestamp": stamp}]
        lines.append(json.dumps({"when": second, "stats": report}))
    path = given("\n".join(lines).encode())
    expected = {"duration_ms": 5000, "loss": 0.1, "delay_ms": 27, "jitter_ms": 3, "rate_kbps": 64}
    assert intervals(path) == [expected, expected]
    assert intervals(path, ssrc=5) == [expected, expected]
    call = read_call(path)
    assert any("up to the server only" in sentence for sentence in not_said(call))
    assert any("the sender's estimate" in sentence for sentence in not_said(call))


def shares(given, *counts):
    return [each["loss"] for each in intervals(given(lines_of([Counted(*count) for count in counts])))]


def test_a_late_packet_is_taken_off_the_losses_before_it(given):
    """The receiver counts down when a packet comes after all."""
    assert shares(given, (0, 0, 0), (1000, 40, 10), (2000, 95, 5)) == [0.1, 0.0]


def test_more_duplicates_than_losses_are_no_loss(given):
    assert shares(given, (0, 0, 0), (1000, 55, -5), (2000, 105, -5)) == [0.0, 0.0]


def test_an_outage_has_the_losses_that_are_counted_after_it(given):
    """Of 160 packets counted lost at the end, 100 belong to the two seconds without any."""
    counts = (0, 0, 0), (1000, 50, 0), (2000, 50, 0), (3000, 50, 0), (4000, 60, 110), (5000, 110, 110)
    assert shares(given, *counts) == [0.0, 1.0, 1.0, 0.5, 0.0]


def test_silence_without_losses_is_no_outage(given):
    assert shares(given, (0, 0, 0), (1000, 50, 0), (2000, 50, 0), (3000, 100, 0)) == [0.0, 0.0, 0.0]


def test_counters_that_start_again_leave_an_interval_out(given):
    counts = [(0, 0, 0), (1000, 50, 0), (2000, 10, 0), (3000, 55, 5)]
    path = given(lines_of([Counted(*count) for count in counts]))
    assert [each["loss"] for each in intervals(path)] == [0.0, 0.1]
    assert "the count of packets fell; 1 intervals" in not_said(read_call(path))[-1]


def test_missing_and_impossible_values_are_passed_over(given):
    records = [report_of(count) for count in CALL]
    records[1]["IT01A77"]["jitter"] = float("nan")
    records[2]["IT01A77"]["jitter"] = -5
    records[2]["CP1"]["currentRoundTripTime"] = 1e300
    records.insert(
        2, {"IT01A77": {**records[1]["IT01A77"], "packetsReceived": None, "timestamp": EPOCH_MS + 1500}}
    )
    found = intervals(given("\n".join(map(json.dumps, records)).encode()))
    assert [each["loss"] for each in found] == [0.1, 0.0, 0.5]
    assert [each["jitter_ms"] for each in found] == [2, 2, 6]


def test_of_several_streams_the_message_lists_all(given):
    lines = lines_of(CALL, 77) + lines_of(CALL, 88) + lines_of(CALL, 99, "video")
    path = given(lines)
    with pytest.raises(ChannelError, match=r"choose one with --ssrc.*SSRC 77: received.*SSRC 88") as error:
        read_call(path)
    assert "99" not in str(error.value)
    assert intervals(path, ssrc=88) == intervals(given(lines_of(CALL), "one.json"))
    with pytest.raises(ChannelError, match="no audio stream of SSRC 1; it has"):
        read_call(path, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'RTCStatsDump\n{"fileFormat": 3}', "a compressed dump of rtcstats"),
        (b"{}", "JSON without stats objects"),
        (b'{"PeerConnections": {}}', "0 peer connections have no stats"),
        (b'{"PeerConnections": [1]}', "has no PeerConnections"),
        (b'{"a": 1', "is not whole JSON"),
        (b"[" * 100_000, "is not whole JSON"),
        (b'[{"type": "inbound-rtp", "id": "1", "timestamp": 9' + b"9" * 5000 + b"}]", "call.json"),
        (lines_of(CALL[:1]), "counted twice or more"),
        (lines_of(CALL, 7, "video"), "counted twice or more"),
    ],
)
def test_other_files_are_refused(given, content, message):
    with pytest.raises(ChannelError, match=message):
        read_call(given(content))


def test_a_line_that_a_logger_left_unfinished_is_passed_over(given):
    assert intervals(given(lines_of(CALL) + b'{"id": "IT0')) == intervals(given(lines_of(CALL)))


def test_the_stages_of_recordings_name_the_command(given):
    path = given(lines_of(CALL))
    with pytest.raises(ChannelError, match="testbed trace fit"):
        Trace(file=path.name).mean_loss(path.parent)


def test_the_yaml_is_the_stage(given):
    path = given(lines_of(CALL))
    _, call = read(path)
    assert YAML(typ="safe").load(as_yaml(call, "a\nb")) == stages(call)


def test_the_summary_has_the_figures(given):
    path = given(dump_of(CALL))
    form, call = read(path)
    text = "\n".join(summary(call, form, "x"))
    assert "format: webrtc_internals" in text
    assert "packets: 150\nlost: 30 (20 %)" in text
    assert "lost per concealment: 1.88 packets" in text
    assert "not told: Order" in text
    with pytest.raises(ChannelError, match="the fate of packets, and cannot become csv"):
        write(path.with_suffix(".csv"), call)


def test_bursts_are_not_told_where_redundancy_repaired_some(given):
    records = [report_of(count) for count in CALL]
    records[-1]["IT01A77"]["fecPacketsReceived"] = 9
    (stage,) = stages(read_call(given(json.dumps(records).encode())))
    assert "mean_burst_packets" not in stage["measured"]
    assert np.mean([each["loss"] for each in stage["measured"]["intervals"]]) == pytest.approx(0.2)


def test_of_thousands_of_streams_few_are_listed_and_each_connection_is_searched_once(given, monkeypatch):
    searched = []
    monkeypatch.setattr(audio_stream, "_pair", lambda series: searched.append(1) or StatsSeries("", "", ""))
    reports = [[each for ssrc in range(2000) for each in report_of(count, ssrc).values()] for count in CALL]
    with pytest.raises(ChannelError, match=r"SSRC 19: .*; and 1980 more$") as error:
        read_call(given(json.dumps(reports).encode()))
    assert "SSRC 20:" not in str(error.value)
    assert len(searched) == 1
