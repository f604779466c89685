"""Recorders and the sender's history: the sender learns the true arrivals, with any fate of reports."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from testbed.codecs import rtcp
from testbed.codecs.rtcp.header import ntp64
from testbed.codecs.rtcp.report import SenderReport
from testbed.codecs.rtcp.transport_wide import TICK_NS
from testbed.congestion.history import MAX_PACKETS, SentHistory
from testbed.congestion.recorder import CongestionRecorder, ReportRecorder, TransportRecorder
from testbed.congestion.reporting import Reporter, Reporting
from testbed.errors import CodecError

MS = 1_000_000
RECEIVER, MEDIA = 10, 0x53504348
RESOLUTION_NS = {"transport_wide": TICK_NS, "ccfb": 10**9 // 1024 + 10**9 // 65536}
PACKET_FORMATS = list(RESOLUTION_NS)
RECORDERS: dict[str, Any] = {"transport_wide": TransportRecorder, "ccfb": CongestionRecorder}


def sent_history(count, first=0, size_bytes=100, gap_ns=20 * MS):
    history = SentHistory(MEDIA)
    for n in range(count):
        history.on_sent(first + n, size_bytes, n * gap_ns)
    return history


@st.composite
def calls(draw):
    """Arrival of each packet or None, in no certain order, some doubled, and where reports are made."""
    count = draw(st.integers(1, 60))
    delays = [draw(st.none() | st.integers(1, 200)) for _ in range(count)]
    arrivals = [None if d is None else 20 * n + d for n, d in enumerate(delays)]
    events = [(at, n) for n, at in enumerate(arrivals) if at is not None]
    events += [(at + draw(st.integers(0, 100)), n) for at, n in events if draw(st.booleans()) and at % 7 == 0]
    return arrivals, sorted(events), draw(st.integers(20, 200)), draw(st.integers(0, 70_000))


@pytest.mark.parametrize("kind", PACKET_FORMATS)
@settings(max_examples=150, deadline=None)
@given(calls())
def test_the_sender_learns_each_arrival_once_and_nothing_else(kind, call):
    arrivals, events, every, first = call
    recorder, history = RECORDERS[kind](RECEIVER, MEDIA), sent_history(len(arrivals), first)
    fates, report_at, told = {}, every, 0
    for at, n in [*events, (10_000, None)]:
        while report_at <= at:
            data = recorder.feedback(report_at * MS)
            feedback = history.on_rtcp(data, report_at * MS) if data else None
            for packet in feedback.packets if feedback else ():
                again = packet.sequence in fates
                assert not again or (fates[packet.sequence] is None and not packet.lost), "told twice"
                fates[packet.sequence] = packet.arrival_ns
                told += 1
            report_at += every
        if n is not None:
            recorder.on_packet((first + n) & 0xFFFF, at * MS)
    seen = [n for n, at in enumerate(arrivals) if at is not None]
    known = {sequence - first: at for sequence, at in fates.items() if at is not None}
    assert set(known) <= set(seen)
    if kind == "transport_wide":
        late = {n for n in seen if any(arrivals[m] < arrivals[n] for m in seen if m > n)}
        assert set(seen) - set(known) <= late
    for n, at_ns in known.items():
        assert (
            abs(at_ns - known[min(known)] - (arrivals[n] - arrivals[min(known)]) * MS) <= RESOLUTION_NS[kind]
        )
    for sequence, at_ns in fates.items():
        if at_ns is None:
            assert arrivals[sequence - first] is None or sequence - first not in known


@pytest.mark.parametrize("kind", PACKET_FORMATS)
def test_loss_delay_and_bytes_in_flight(kind):
    recorder, history = RECORDERS[kind](RECEIVER, MEDIA), sent_history(10)
    for n in (0, 1, 3, 4, 6):
        recorder.on_packet(n, (20 * n + 30) * MS)
    feedback = history.on_rtcp(recorder.feedback(160 * MS), 200 * MS)
    assert [packet.sequence for packet in feedback.packets] == list(range(7))
    assert [packet.lost for packet in feedback.packets] == [False, False, True, False, False, True, False]
    assert feedback.fraction_lost == 2 / 7
    assert (feedback.newly_acked_bytes, feedback.in_flight_bytes) == (700, 300)
    # packet 6: sent at 120 ms, arrived at 150, reported at 160, known at 200
    held_ms = 10 if kind == "ccfb" else 0
    assert abs(feedback.rtt_ns / MS - (80 - held_ms)) <= 1
    assert recorder.feedback(170 * MS) == b""


@pytest.mark.parametrize("kind", PACKET_FORMATS)
@pytest.mark.parametrize("trial", range(5))
def test_reports_that_are_lost_late_or_doubled_bring_no_false_losses(kind, trial):
    """The network loses nothing; a third of the reports is lost, others come twice or out of order."""
    chance = random.Random(trial)
    recorder, history = RECORDERS[kind](RECEIVER, MEDIA), sent_history(500, first=65_400)
    reports = []
    for n in range(500):
        recorder.on_packet((65_400 + n) & 0xFFFF, (20 * n + 40) * MS)
        if n % 5 == 4 and chance.random() > 1 / 3:
            data = recorder.feedback((20 * n + 41) * MS)
            reports += [(20 * n + 80 + chance.randrange(400), data)] * chance.choice([1, 2])
        elif n % 5 == 4:
            recorder.feedback((20 * n + 41) * MS)
    told = []
    for at, data in sorted(reports):
        feedback = history.on_rtcp(data, at * MS)
        told += [] if feedback is None else [packet.sequence for packet in feedback.packets]
        assert feedback is None or (feedback.lost_packets == 0 and feedback.in_flight_bytes >= 0)
    assert len(told) == len(set(told))
    assert len(told) > (350 if kind == "ccfb" else 250)


def test_a_packet_called_lost_can_arrive_after_all():
    recorder, history = TransportRecorder(RECEIVER, MEDIA), sent_history(5)
    for n in (0, 1, 3):
        recorder.on_packet(n, 20 * n * MS)
    assert [p.lost for p in history.on_rtcp(recorder.feedback(70 * MS), 80 * MS).packets] == [0, 0, 1, 0]
    recorder.on_packet(2, 90 * MS)
    recorder.on_packet(4, 95 * MS)
    feedback = history.on_rtcp(recorder.feedback(100 * MS), 110 * MS)
    assert [(p.sequence, p.lost) for p in feedback.packets] == [(2, False), (4, False)]


def test_arrivals_too_far_apart_for_one_message_fill_several():
    recorder, history = TransportRecorder(RECEIVER, MEDIA), sent_history(3)
    for n, at_ms in enumerate((5, 9_000, 9_010)):
        recorder.on_packet(n, at_ms * MS)
    data = recorder.feedback(9_020 * MS)
    assert len(rtcp.parse(data)) == 2
    feedback = history.on_rtcp(data, 9_100 * MS)
    times = [packet.arrival_ns for packet in feedback.packets]
    assert [t - times[0] for t in times] == [0, 8_995 * MS, 9_005 * MS]


@pytest.mark.parametrize("kind", PACKET_FORMATS)
def test_time_and_sequence_wrap_around(kind):
    """Long calls: the 24-bit reference time wraps after 12 days, the sequence after 22 minutes."""
    start_ms = (1 << 24) * 64 - 3_000
    recorder, history = RECORDERS[kind](RECEIVER, MEDIA), SentHistory(MEDIA)
    times = []
    for n in range(300):
        history.on_sent(65_500 + n, 100, (start_ms + 20 * n) * MS)
        recorder.on_packet((65_500 + n) & 0xFFFF, (start_ms + 20 * n + 10) * MS)
        if n % 10 == 9:
            now_ns = (start_ms + 20 * n + 11) * MS
            times += [p.arrival_ns for p in history.on_rtcp(recorder.feedback(now_ns), now_ns).packets]
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert len(times) == 300
    assert all(abs(step - 20 * MS) <= RESOLUTION_NS[kind] for step in steps)


def test_receiver_report_tells_loss_and_round_trip_time():
    recorder, history = ReportRecorder(RECEIVER, MEDIA), sent_history(300)
    assert recorder.feedback(0) == b""
    recorder.on_sender_report(SenderReport(MEDIA, ntp64(500 * MS), 0, 0, 0), 550 * MS)
    for n in range(100):
        if n % 4 != 1:
            recorder.on_packet(n, (20 * n + 50) * MS, 960 * n)
    data = recorder.feedback(2_100 * MS)
    (block,) = rtcp.parse(data)[0].blocks
    assert (block.fraction_lost, block.cumulative_lost, block.highest_sequence) == (64, 25, 99)
    assert block.jitter == 0
    feedback = history.on_rtcp(data, 2_130 * MS)
    assert feedback.fraction_lost == feedback.reported_loss == 0.25
    assert feedback.packets == ()
    # 2130 - 500 less the 1550 ms that the receiver kept the sender's report
    assert abs(feedback.rtt_ns / MS - 80) < 0.1
    for n in range(100, 200):
        recorder.on_packet(n, (20 * n + 50) * MS, 960 * n)
    (block,) = rtcp.parse(recorder.feedback(4_100 * MS))[0].blocks
    assert (block.fraction_lost, block.cumulative_lost, block.highest_sequence) == (0, 25, 199)


def test_jitter_estimate_converges_to_the_mean_difference_of_transit_times():
    """RFC 3550, A.8: an average of |D|, here alternately 0 and 8 ms late, so |D| is 8 ms = 384 ticks."""
    recorder = ReportRecorder(RECEIVER, MEDIA)
    for n in range(400):
        recorder.on_packet(n, (20 * n + 8 * (n % 2)) * MS, 960 * n)
    (block,) = rtcp.parse(recorder.feedback(8_000 * MS))[0].blocks
    assert abs(block.jitter - 384) <= 1


def test_duplicates_make_the_cumulative_loss_negative_and_wraps_are_counted():
    recorder = ReportRecorder(RECEIVER, MEDIA)
    for n in range(65_530, 65_540):
        recorder.on_packet(n & 0xFFFF, n * MS)
        recorder.on_packet(n & 0xFFFF, n * MS)
    (block,) = rtcp.parse(recorder.feedback(70_000 * MS))[0].blocks
    assert (block.fraction_lost, block.cumulative_lost) == (0, -10)
    assert block.highest_sequence == (1 << 16) + 3


def test_reports_on_other_streams_or_on_nothing_sent_are_passed_over():
    other = TransportRecorder(RECEIVER, MEDIA + 1)
    other.on_packet(0, MS)
    assert sent_history(3).on_rtcp(other.feedback(2 * MS), 3 * MS) is None
    ours = CongestionRecorder(RECEIVER, MEDIA)
    ours.on_packet(1_000, MS)
    assert sent_history(3).on_rtcp(ours.feedback(2 * MS), 3 * MS) is None


def test_memory_is_bounded():
    history = SentHistory(MEDIA)
    for n in range(3 * MAX_PACKETS):
        history.on_sent(n, 100, n)
    assert len(history._sent) == MAX_PACKETS
    with pytest.raises(CodecError, match="must be later"):
        history.on_sent(5, 100, 0)
    for kind in RECORDERS.values():
        recorder = kind(RECEIVER, MEDIA)
        for n in range(60_000):
            recorder.on_packet(n * 5 & 0xFFFF, n * MS)
            if n % 100 == 0:
                assert len(recorder.feedback(n * MS)) < 20_000
        assert len(recorder._arrivals) < 2_000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 10**12))
def test_any_bytes_give_feedback_or_a_codec_error(data, now_ns):
    history = sent_history(20)
    try:
        feedback = history.on_rtcp(data, now_ns)
    except CodecError:
        return
    assert feedback is None or 0 <= feedback.fraction_lost <= 1


def test_reports_are_spaced_by_their_share_of_the_rate():
    reporting = Reporting(min_interval_ms=50, max_interval_ms=500, share=0.05)
    # 52 + 28 bytes = 640 bits at 5 % of 64 kb/s
    assert reporting.interval_ns(52, 64.0) == 200 * MS
    assert reporting.interval_ns(52, 1e6) == 50 * MS
    assert reporting.interval_ns(52, 0.0) == 500 * MS
    with pytest.raises(ValidationError, match="above"):
        Reporting(min_interval_ms=100, max_interval_ms=50)


@pytest.mark.parametrize("kind", [*PACKET_FORMATS, "receiver_report"])
def test_a_reporter_reports_at_its_share(kind):
    reporting = Reporting(format=kind, min_interval_ms=20, max_interval_ms=1000, share=0.05)
    reporter = Reporter(reporting, RECEIVER, MEDIA)
    assert reporter.report(0) == (b"", 20 * MS)
    next_ns, report_bytes = reporter.first_ns, 0
    for n in range(3_000):
        reporter.on_packet(n, 160, 20 * n * MS, 960 * n)
        while next_ns <= 20 * n * MS:
            data, next_ns = reporter.report(20 * n * MS)
            report_bytes += len(data) + 28 if data else 0
    # asked at packets only, so up to one packet's 20 ms late
    assert 0.04 <= report_bytes / (3_000 * 160) <= 0.051
    sent = SenderReport(MEDIA, ntp64(0), 0, 0, 0).serialize()
    reporter.on_rtcp(sent, 60_100 * MS)
    if kind == "receiver_report":
        assert rtcp.parse(reporter.report(60_200 * MS)[0])[0].blocks[0].last_sr == ntp64(0) >> 16 & 0xFFFFFFFF
