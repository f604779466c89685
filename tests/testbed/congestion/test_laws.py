"""Each controller's own laws, against the formulas of its draft or RFC."""

import math
from itertools import pairwise

import pytest

from testbed.congestion.delay import QueueDelay
from testbed.congestion.feedback import Feedback, PacketReport
from testbed.congestion.gcc import DelayRate, Gcc, GccController, _next_state
from testbed.congestion.gcc_delay import DelayDetector, InterArrival
from testbed.congestion.nada import CongestionSignal, Nada, NadaController
from testbed.congestion.rate import RateMeter
from testbed.congestion.scream import Scream, ScreamController, ScreamWindow

MS = 1_000_000


def packets(count, delay_ms, first=0, size=160, gap_ms=20, lost=()):
    """Packets every 20 ms whose one-way delay is a function of their number."""
    return tuple(
        PacketReport(
            n,
            size,
            n * gap_ms * MS,
            None if n in lost else round((n * gap_ms + delay_ms(n)) * MS),
        )
        for n in range(first, first + count)
    )


def reports(controller, count, delay_ms=lambda n: 30, *, first=0, size=160, lost=(), rtt_ms=60, every=5):
    """Feed reports on `every` packets each; return the targets."""
    targets = []
    for start in range(first, first + count, every):
        news = packets(every, delay_ms, start, size, lost=lost)
        now_ns = ((start + every) * 20 + 60) * MS
        flying = size * max(1, round(rtt_ms / 20))
        sent = size * (start + every) + flying
        targets.append(
            controller.on_feedback(Feedback(now_ns, news, rtt_ms * MS, None, every * size, flying, sent))
        )
    return targets


# --- measurements


def test_rate_meter():
    meter = RateMeter(500)
    assert meter.kbps() is None
    for n in range(100):
        meter.add(n * 20 * MS, 160)
        if n == 20:
            assert meter.kbps() is None
    assert meter.kbps() == 64.0
    meter.add(10_000 * MS, 160)
    assert meter.kbps() == 160 * 8 / 500


def test_queue_delay_is_above_the_least_whatever_the_clocks():
    queue = QueueDelay()
    seen = [queue.add(packet) for packet in packets(4, lambda n: (-5_000, -4_990, -5_003, -4_993)[n])]
    assert seen == [0, 10, 0, 10]


# --- GCC: the delay half


def test_packets_of_a_burst_are_one_group():
    groups = InterArrival()
    times = [(0, 30), (3, 31), (20, 50), (22, 52), (40, 75), (60, 95)]
    changes = [groups.add(sent * MS, arrived * MS) for sent, arrived in times]
    # the second group against the first, and the third against the second: 19, 21 ms and 18, 23 ms
    assert changes == [None, None, None, None, (19, 21, 52), (18, 23, 75)]
    assert groups.add(10 * MS, 96 * MS) is None, "out of order"


def test_packets_that_waited_together_are_one_group():
    """Section 5.2: less than 5 ms between arrivals, and that less than between departures."""
    groups = InterArrival()
    groups.add(0, 30 * MS)
    groups.add(20 * MS, 130 * MS)
    assert groups.add(40 * MS, 131 * MS) is None
    assert groups.add(60 * MS, 132 * MS) is None
    assert groups.add(80 * MS, 180 * MS) == (60, 102, 132)


@pytest.mark.parametrize(("per_packet_ms", "usage"), [(0, "normal"), (4, "overuse"), (-4, "underuse")])
def test_the_detector_sees_which_way_the_queue_goes(per_packet_ms, usage):
    detector = DelayDetector()
    for packet in packets(60, lambda n: 500 + per_packet_ms * n):
        detector.add(packet)
    assert detector.usage == usage
    # the delay grows by this much in each 20 + this much ms of arrivals
    assert detector.trend == pytest.approx(per_packet_ms / (20 + per_packet_ms), abs=0.1)


def test_the_threshold_grows_toward_a_trend_that_stays_and_shrinks_slowly_back():
    """Section 5.4: so that a flow that fills the queue does not starve this one."""
    detector = DelayDetector()
    seen = []
    for packet in packets(2_000, lambda n: 100 + 1.8 * min(n, 1_000)):
        detector.add(packet)
        seen.append(detector._threshold_ms)
    # 60 deltas x slope x gain
    assert seen[990] == pytest.approx(60 * 1.8 / 21.8 * 4, rel=0.02)
    assert seen[-1] == 6
    assert all(6 <= threshold <= 600 for threshold in seen)


def test_a_threshold_with_the_draft_s_gains_stays_high_much_longer():
    thresholds = []
    for detector in (DelayDetector(), DelayDetector(0.01, 0.00018)):
        for packet in packets(200, lambda n: 30 + 2.5 * n):
            detector.add(packet)
        raised = detector._threshold_ms
        for packet in packets(100, lambda n: 530, 200):
            detector.add(packet)
        thresholds.append((raised, detector._threshold_ms))
    (raised, fallen), (raised_draft, fallen_draft) = thresholds
    assert min(raised, raised_draft) > 20
    assert fallen == 6
    # Of its height above the trend, exp(-0.00018 * 2000 ms) is left after 2 s.
    assert fallen_draft > 0.65 * raised_draft


def test_states_of_the_rate_control():
    """Section 5.5, table 1."""
    table = {
        "overuse": {"hold": "decrease", "increase": "decrease", "decrease": "decrease"},
        "normal": {"hold": "increase", "increase": "increase", "decrease": "hold"},
        "underuse": {"hold": "hold", "increase": "hold", "decrease": "hold"},
    }
    for usage, row in table.items():
        for state, following in row.items():
            assert _next_state(state, usage) == following


def test_the_rate_rises_by_8_percent_a_second_and_falls_to_a_share_of_what_is_received():
    rate = DelayRate(Gcc(start_kbps=50, max_kbps=1000))
    for n in range(51):
        rate.update("normal", 60.0, 1280, 60 * MS, n * 100 * MS)
    assert rate.kbps == pytest.approx(50 * 1.08**5)
    rate.update("overuse", 60.0, 1280, 60 * MS, 5_100 * MS)
    assert rate.kbps == pytest.approx(0.85 * 60)
    rate.update("overuse", 60.0, 1280, 60 * MS, 5_120 * MS)
    assert rate.kbps == pytest.approx(0.85 * 60)


def test_near_convergence_the_rate_rises_by_half_a_packet_a_response_time():
    rate = DelayRate(Gcc(start_kbps=60, least_increase_kbps_per_s=0))
    rate.update("overuse", 60.0, 1280, 100 * MS, 0)
    rate.update("normal", 60.0, 1280, 100 * MS, 0)
    for n in range(11):
        rate.update("normal", 60.0, 1280, 100 * MS, n * 100 * MS)
    # 0.5 x 1280 bits in 100 + 100 ms
    assert rate.kbps == pytest.approx(0.85 * 60 + 3.2)
    before = rate.kbps
    rate.update("normal", 90.0, 1280, 100 * MS, 2_000 * MS)
    assert rate.kbps == pytest.approx(before * 1.08), "far above the average: multiplicative again"


def test_the_rate_does_not_outrun_what_is_received():
    rate = DelayRate(Gcc(start_kbps=50, max_kbps=1000))
    for n in range(1000):
        rate.update("normal", 40.0, 1280, 60 * MS, n * 100 * MS)
    assert rate.kbps == pytest.approx(60)


# --- GCC: the loss half


@pytest.mark.parametrize(("every", "factor"), [(5, 0.9), (20, 1.0), (0, 1.05)])
def test_loss_lowers_holds_or_raises(every, factor):
    """Section 6: above 10 % by half of it, from 2 to 10 % not, below up by 5 %."""
    controller = GccController(Gcc(start_kbps=100, max_kbps=1000))
    before = controller._loss_kbps
    lost = set(range(0, 20, every)) if every else ()
    reports(controller, 20, lost=lost)
    reports(controller, 5, first=20, lost={20} if every == 5 else ())
    assert controller._loss_kbps == pytest.approx(before * factor, rel=0.02)


# --- NADA


def test_nada_signal_adds_delay_and_the_square_of_loss():
    signal = CongestionSignal(Nada())
    assert signal.update(Feedback(0, packets(5, lambda n: 30))) == 0
    assert signal.ramps_up
    x = signal.update(Feedback(200 * MS, packets(4, lambda n: 55, 5)))
    assert x == 0, "the minimum filter still holds the packet before"
    assert not signal.ramps_up
    assert signal.update(Feedback(400 * MS, packets(10, lambda n: 55, 9))) == 25
    # one of 25 lost in the window, smoothed by 0.1
    x = signal.update(Feedback(420 * MS, packets(6, lambda n: 55, 19, lost={22})))
    assert x == pytest.approx(25 + 10 * (0.1 * (1 / 25) / 0.01) ** 2)


def test_nada_signal_is_bounded_and_its_fall_throws_no_rate_upward():
    signal = CongestionSignal(Nada())
    assert signal.update(Feedback(MS, packets(20, lambda n: 30, lost=range(16)))) == 500
    controller = Nada(min_kbps=150, start_kbps=800, max_kbps=1500).build()
    targets = reports(controller, 300, lambda n: 330 if n < 100 else 60, lost=range(40, 100))
    assert min(targets[10:]) == 150
    assert all(after <= 2.1 * before for before, after in pairwise(targets))


def test_nada_compresses_delay_while_losses_are_recent():
    """Section 4.2, equation 1: above 50 ms, until 7 loss intervals have passed."""
    parameters = Nada()
    signal = CongestionSignal(parameters)
    losses = {10, 20}
    signal.update(Feedback(0, packets(5, lambda n: 0)))
    signal.update(Feedback(100 * MS, packets(20, lambda n: 100, 5, lost=losses)))
    assert signal._warped(100) == pytest.approx(50 * math.exp(-0.5))
    assert signal._warped(40) == 40
    signal.update(Feedback(200 * MS, packets(80, lambda n: 100, 25)))
    assert signal._warped(100) == 100


def test_nada_ramps_up_by_what_keeps_the_queue_short():
    """Equations 3 and 4: gamma = min(0.5, 50 / (rtt + 100 + 120)), on the received rate."""
    controller = NadaController(Nada(start_kbps=48, max_kbps=1000))
    targets = reports(controller, 100, rtt_ms=60)
    assert targets[-1] == pytest.approx((1 + 50 / 280) * 64)
    controller = NadaController(Nada(start_kbps=48, max_kbps=1000, qbound_ms=1000))
    assert reports(controller, 100)[-1] == pytest.approx(1.5 * 64)


def test_nada_moves_by_its_equation():
    """Equations 5 to 7, with a signal that stays at 30 ms."""
    controller = NadaController(Nada(start_kbps=60, max_kbps=160))
    controller._before_ms, controller._rate_kbps = 30.0, 60.0
    controller._adjust(30.0, 100.0)
    offset = 30 - 10 * 160 / 60
    assert controller._rate_kbps == pytest.approx(60 * (1 - 0.5 * (100 / 500) * offset / 500))
    controller._before_ms, controller._rate_kbps = 20.0, 60.0
    controller._adjust(30.0, 100.0)
    assert controller._rate_kbps == pytest.approx(
        60 * (1 - 0.5 * ((100 / 500) * offset / 500 + 2 * 10 / 500))
    )


@pytest.mark.parametrize("capacity", [40, 64, 100])
def test_nada_s_queue_is_what_the_equation_says(bottleneck, capacity):
    """In equilibrium x_offset = 0: the queueing delay is XREF x RMAX / r."""
    (flow,) = bottleneck([Nada().build()], capacity, 60)
    # The delay counts from the least ever seen: of the smallest packet on an empty link.
    least_ms = min(8 * size / capacity for _, size, _ in flow.packets[:5])
    last_ms = 8 * flow.packets[-20][1] / capacity
    delay_ms = flow.queue_ms(40, 60, 50) + last_ms - least_ms
    assert delay_ms == pytest.approx(10 * 160 / capacity, abs=1.0)


# --- SCReAM


def window_after(delays, **parameters):
    window = ScreamWindow(Scream(**parameters))
    window.update(Feedback(0, packets(1, lambda n: 30), None, None, 160, 480, 640), 60)
    for step, delay_ms in enumerate(delays):
        now_ns = (step + 1) * 100 * MS
        news = packets(5, lambda n, d=delay_ms: 30 + d, 1 + 5 * step)
        window.update(Feedback(now_ns, news, None, None, 800, 480, 800 * step), 60)
    return window


def test_scream_grows_by_what_is_acknowledged_until_the_delay_has_a_trend():
    before = window_after([0]).window_bytes
    assert window_after([0, 0]).window_bytes in (before, before + 800)
    assert window_after([0] * 20).fast_increase
    assert not window_after([10 * n for n in range(20)]).fast_increase


def test_scream_s_window_follows_the_off_target():
    """Section 4.1.2.2: gain x off_target x acked x segment / window, as in LEDBAT."""
    window = window_after([0])
    window.fast_increase, window.window_bytes = False, 1200.0
    window.queue_ms = 50.0
    window._grow(Feedback(0, (), None, None, 800, 480, 0))
    assert window.window_bytes == pytest.approx(1200 + 0.5 * 800 * 160 / 1200)
    window.queue_ms, before = 150.0, window.window_bytes
    window._grow(Feedback(0, (), None, None, 800, 480, 0))
    assert window.window_bytes == pytest.approx(before - 0.5 * 800 * 160 / before)
    window.queue_ms, window.window_bytes = 50.0, 1400.0
    window._grow(Feedback(0, (), None, None, 100, 480, 0))
    assert window.window_bytes == 1400, "a window that is not used does not grow"


def test_scream_answers_loss_once_a_round_trip():
    window = window_after([0] * 5)
    before = window.window_bytes
    lost = packets(5, lambda n: 30, 100, lost={102})
    assert window.update(Feedback(700 * MS, lost, None, None, 800, 480, 0), 60)
    assert window.window_bytes == pytest.approx(max(480, 0.8 * before))
    assert not window.fast_increase
    again = packets(5, lambda n: 30, 105, lost={106})
    assert not window.update(Feedback(720 * MS, again, None, None, 0, 480, 0), 60)
    later = packets(5, lambda n: 30, 110, lost={111})
    assert window.update(Feedback(800 * MS, later, None, None, 800, 480, 0), 60)


def test_scream_s_rate_falls_by_beta_r_at_a_loss_event():
    controller = ScreamController(Scream(start_kbps=100))
    before = reports(controller, 50)[-1]
    assert reports(controller, 5, first=50, lost={51})[-1] == pytest.approx(0.9 * before)


def test_scream_s_delay_target_rises_where_others_fill_the_queue_and_only_there():
    steady = window_after([250] * 200)
    assert 240 <= steady._target_ms <= 400
    assert window_after([250] * 200, compensates_competing_flows=False)._target_ms == 100
    assert window_after([20] * 200)._target_ms == 100


def test_scream_resumes_fast_increase_after_five_calm_seconds():
    window = window_after([10 * n for n in range(20)] + [0] * 45)
    assert not window.fast_increase
    assert window_after([10 * n for n in range(20)] + [0] * 90).fast_increase
