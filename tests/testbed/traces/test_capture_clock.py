"""Clocks of captures that were set back: said, measured and taken out; disorder is not a step."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.traces.rtp_clock import clock_of
from testbed.traces.rtp_recording import recording_of
from testbed.traces.rtp_stream import streams

from .rtp_calls import MS, datagrams, delayed, speech


def captured(packets, steps_ms):
    """The packets in the order of arrival, by a clock that is set at some of them."""
    wrong, offset_ms = [], 0.0
    for place, datagram in enumerate(datagrams(packets)):
        offset_ms += steps_ms.get(place, 0.0)
        wrong.append(datagram._replace(time_ns=datagram.time_ns + round(offset_ms * MS)))
    (stream,) = streams(wrong)
    return recording_of(stream, clock_of(stream, "x"), "x")


@pytest.mark.parametrize("interval_ms", [10.0, 20.0, 60.0])
@pytest.mark.parametrize("step_ms", [-85.0, -300.0, -2500.0, -3_600_000.0])
def test_a_step_back_is_said_and_taken_out(interval_ms, step_ms):
    recording = captured([p for p in speech(500, interval_ms) if p.sequence % 20 != 7], {300: step_ms})
    assert int(recording.lost.sum()) == 25
    assert set(recording.delay_ns[~recording.lost].tolist()) == {0}
    assert f"clock stepped by {step_ms / 1000:+.3f} s" in recording.notes[0]
    assert "before sequence number 316" in recording.notes[0]


def test_several_steps_with_jitter():
    rng = np.random.default_rng(3)
    packets = delayed(speech(1500), (30 + rng.exponential(8, 1500)).tolist())
    recording = captured(packets, {400: -800.0, 900: -1700.0, 1200: 2500.0})
    truth = np.array([packet.delay_ms for packet in packets])
    assert np.abs(recording.delay_ns / 1e6 - (truth - truth.min())).max() < 3
    assert sum("clock stepped by" in note for note in recording.notes) == 2
    assert "clock stepped forward" in recording.notes[-1]


def test_a_late_packet_after_a_step():
    packets = [replace(p, delay_ms=130.0 if p.sequence == 295 else 0.0) for p in speech(500)]
    recording = captured(packets, {298: -2500.0})
    assert np.flatnonzero(recording.delay_ns > MS).tolist() == [295]
    assert recording.delay_ns[295] == 130 * MS


def test_packets_out_of_order_in_the_file_are_no_step():
    """As where two interfaces were captured: each packet keeps its time, the file's order is another."""
    in_order = list(datagrams(speech(500)))
    (stream,) = streams([*in_order[:100], *in_order[200:300], *in_order[100:200], *in_order[300:]])
    recording = recording_of(stream, 48_000, "x")
    assert set(recording.delay_ns.tolist()) == {0}
    assert recording.notes == ()
