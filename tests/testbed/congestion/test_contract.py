"""The contract of controllers: each one in the registry gets arbitrary feedback."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from testbed.congestion import CONTROLLERS, ControllerSpec
from testbed.congestion.feedback import Feedback, PacketReport

SPEC = TypeAdapter(ControllerSpec)
ENTRIES = [{"controller": name, **example} for name, each in CONTROLLERS.items() for example in each.examples]
MS = 1_000_000


@st.composite
def feedbacks(draw):
    """Reports in order of time on packets with any delay, loss, size and round trip, some on no packet."""
    now_ns, sequence, sent, reports = 0, 0, 0, []
    for _ in range(draw(st.integers(0, 15))):
        now_ns += draw(st.sampled_from([0, 1, 20 * MS, 100 * MS, 3_000 * MS, 10**12]))
        packets = []
        for _ in range(draw(st.integers(0, 6))):
            delay_ns = draw(
                st.none() | st.sampled_from([0, 1, 30 * MS, 31 * MS, 500 * MS, -(10**10), 10**11])
            )
            size = draw(st.integers(1, 1500))
            sent_ns = draw(st.integers(0, now_ns))
            arrival_ns = None if delay_ns is None else sent_ns + delay_ns
            packets.append(PacketReport(sequence, size, sent_ns, arrival_ns))
            sequence, sent = sequence + 1, sent + size
        reports.append(
            Feedback(
                now_ns,
                tuple(packets),
                draw(st.none() | st.integers(0, 10**10)),
                draw(st.none() | st.floats(0, 1)),
                draw(st.integers(0, 100_000)),
                draw(st.integers(0, 100_000)),
                sent,
            )
        )
    return reports


rates = st.lists(st.floats(0.1, 1e6), min_size=3, max_size=3).map(sorted)


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=60, deadline=None)
@given(reports=feedbacks(), rates=rates)
def test_targets_stay_within_bounds_and_are_the_same_again(name, reports, rates):
    least, start, most = rates
    spec = {"controller": name, "min_kbps": least, "start_kbps": start, "max_kbps": most}
    parameters = SPEC.validate_python(spec)
    one, other = parameters.build(), parameters.build()
    assert one.target_kbps(0) == other.target_kbps(0) == start
    for report in reports:
        before = one.target_kbps(report.now_ns)
        target = one.on_feedback(report)
        assert target == other.on_feedback(report)
        for kbps in (before, target, one.target_kbps(report.now_ns), one.target_kbps(report.now_ns + 5 * MS)):
            assert isinstance(kbps, float) and math.isfinite(kbps)
            assert least <= kbps <= most


@pytest.mark.parametrize("name", [name for name in CONTROLLERS if name != "none"])
def test_silence_halves_the_target_each_timeout_down_to_the_minimum(name):
    parameters = SPEC.validate_python(
        {"controller": name, "min_kbps": 20, "start_kbps": 100, "feedback_timeout_ms": 500}
    )
    controller = parameters.build()
    seen = [controller.target_kbps(ms * MS) for ms in (0, 499, 500, 999, 1000, 1500, 10**9)]
    assert seen == [100, 100, 50, 50, 25, 20, 20]
    packets = tuple(PacketReport(n, 100, 1400 * MS + 20 * n * MS, 1430 * MS + 20 * n * MS) for n in range(4))
    report = Feedback(1_499 * MS, packets, 60 * MS, None, 400, 100, 5000)
    assert controller.on_feedback(report) < 35, "it resumes from where silence has led"


def test_no_control_is_constant():
    controller = SPEC.validate_python({"controller": "none", "start_kbps": 77}).build()
    lost = Feedback(10 * MS, (PacketReport(0, 100, 0, None),), None, 1.0)
    assert [controller.target_kbps(0), controller.on_feedback(lost), controller.target_kbps(10**12)] == [
        77
    ] * 3


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_parameters_survive_a_round_trip_and_refuse_what_they_do_not_know(entry):
    parameters = SPEC.validate_python(entry)
    assert SPEC.validate_python(parameters.model_dump()) == parameters
    assert SPEC.validate_json(parameters.model_dump_json()) == parameters
    with pytest.raises(ValidationError, match="nonsense"):
        SPEC.validate_python({**entry, "nonsense": 1})
    with pytest.raises(ValidationError, match="rates must be in order"):
        SPEC.validate_python({**entry, "min_kbps": 60, "start_kbps": 50})


def test_an_unknown_controller_is_refused():
    with pytest.raises(ValidationError, match="controller 'bbr'; known: none, gcc, nada, scream"):
        SPEC.validate_python({"controller": "bbr"})
