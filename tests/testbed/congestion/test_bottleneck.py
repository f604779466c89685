"""Controllers at a bottleneck: use of its capacity, length of the queue, and reaction to changes.

The bounds are behaviour, not luck of a trial: runs are deterministic, and each is about half way between what
the controller does (in the comment) and what would be a failure to do its work.
"""

import pytest

from testbed.congestion import CONTROLLERS
from testbed.congestion.reporting import Reporting

ADAPTIVE = ["gcc", "nada", "scream"]


def build(name, **parameters):
    return CONTROLLERS[name](**parameters).build()


def jain(values):
    return sum(values) ** 2 / (len(values) * sum(value**2 for value in values))


@pytest.mark.parametrize("report", ["transport_wide", "ccfb"])
@pytest.mark.parametrize("capacity", [40, 64, 100])
@pytest.mark.parametrize(
    ("name", "parameters", "used", "queue_ms"),
    # used 0.94, 1.00, 0.97; median of the queue at most 0, 44, 91 ms; SCReAM aims at 100 ms
    [
        ("gcc", {}, 0.85, 20),
        ("nada", {}, 0.95, 50),
        ("scream", {"compensates_competing_flows": False}, 0.9, 130),
    ],
)
def test_a_steady_link_is_filled_without_much_of_a_queue(
    bottleneck, name, parameters, used, queue_ms, capacity, report, record_property
):
    (flow,) = bottleneck([build(name, **parameters)], capacity, 60, reporting=Reporting(format=report))
    share = flow.received_kbps(30, 60) / capacity
    record_property("utilisation", share)
    record_property("p95_queue_ms", flow.queue_ms(30, 60))
    assert share >= used
    assert flow.queue_ms(30, 60, 50) <= queue_ms
    assert flow.queue_ms(30, 60) <= 280
    assert flow.loss(30, 60) <= 0.01


@pytest.mark.parametrize("name", ADAPTIVE)
def test_an_ample_link_is_used_to_the_maximum(bottleneck, name):
    (flow,) = bottleneck([build(name)], 1000, 40)
    assert flow.target_kbps(30, 40) == 160
    assert flow.queue_ms(0, 40) == 0


def test_no_control_drowns_a_narrow_link(bottleneck):
    (flow,) = bottleneck([build("none", start_kbps=80)], 64, 30)
    assert flow.target_kbps(0, 30) == 80
    assert abs(flow.loss(10, 30) - (1 - 64 / 80)) < 0.01
    assert flow.queue_ms(10, 30) > 280


@pytest.mark.parametrize(
    ("name", "seconds"),
    # gcc 0.6, nada 0.8, scream 1.2
    [("gcc", 2), ("nada", 2), ("scream", 3)],
)
def test_a_halved_capacity_is_met_soon_and_the_queue_drains(bottleneck, name, seconds):
    parameters = {"compensates_competing_flows": False} if name == "scream" else {}
    (flow,) = bottleneck([build(name, **parameters)], lambda second: 100 if second < 30 else 50, 60)
    assert flow.target_kbps(25, 30) > 80
    assert flow.first_s(lambda kbps: kbps <= 52, 30) <= seconds
    assert flow.queue_ms(45, 60, 50) < 100
    assert flow.loss(40, 60) <= 0.01
    assert flow.received_kbps(45, 60) > 0.85 * 50


@pytest.mark.parametrize(
    ("name", "seconds"),
    # 90 % of the new capacity after: gcc 8.5, nada 2.1, scream 2.8
    [("gcc", 15), ("nada", 5), ("scream", 8)],
)
def test_a_doubled_capacity_is_found(bottleneck, name, seconds):
    (flow,) = bottleneck([build(name)], lambda second: 50 if second < 30 else 100, 90)
    assert flow.target_kbps(20, 30) < 60
    assert flow.first_s(lambda kbps: kbps >= 90, 30) <= seconds
    assert flow.received_kbps(70, 90) > 80


def test_an_outage_ends_and_the_call_recovers(bottleneck):
    for name in ADAPTIVE:
        (flow,) = bottleneck([build(name)], lambda second: 1 if 20 <= second < 24 else 80, 90)
        assert flow.target_kbps(23, 24) < 60
        assert flow.received_kbps(60, 90) > 0.8 * 80, name


def test_scream_takes_its_own_losses_for_those_of_others(bottleneck):
    """The false positive that RFC 8298, section 4.1.2.3, warns of: queue and target settle far too high."""
    (flow,) = bottleneck([build("scream")], 40, 60)
    assert flow.queue_ms(30, 60, 50) > 150
    (flow,) = bottleneck([build("scream", compensates_competing_flows=False)], 40, 60)
    assert flow.queue_ms(30, 60, 50) < 130


@pytest.mark.parametrize("name", ADAPTIVE)
def test_heavy_random_loss_lowers_the_rate(bottleneck, name):
    (flow,) = bottleneck([build(name)], 1000, 60, loss=0.15)
    assert flow.target_kbps(30, 60) < 40


def test_gcc_holds_between_its_loss_thresholds_and_ignores_little_loss(bottleneck):
    """Section 6 of the draft: below 2 % it rises, from 2 to 10 % it stays."""
    (flow,) = bottleneck([build("gcc")], 1000, 60, loss=0.005)
    assert flow.target_kbps(40, 60) > 150
    controller = build("gcc", start_kbps=100, low_loss=0.0)
    (flow,) = bottleneck([controller], 1000, 30, loss=0.05)
    assert max(kbps for _, kbps in flow.targets) <= 100 * 1.05**3
    assert flow.target_kbps(20, 30) > 60


@pytest.mark.parametrize("name", ADAPTIVE)
def test_jitter_is_not_taken_for_a_queue(bottleneck, name):
    (flow,) = bottleneck([build(name)], 1000, 60, jitter_ms=8)
    assert flow.target_kbps(40, 60) > 120


@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_third_of_the_reports_lost(bottleneck, name):
    """RFC 8888 repeats each report, so there is enough left; without repetition GCC's R_hat is too low."""
    ccfb = Reporting(format="ccfb")
    (flow,) = bottleneck([build(name)], 64, 60, report_loss=0.3, reporting=ccfb)
    assert flow.received_kbps(30, 60) > 0.8 * 64
    (flow,) = bottleneck([build(name)], 64, 60, report_loss=0.3)
    assert flow.received_kbps(30, 60) > 0.5 * 64


@pytest.mark.parametrize("name", ADAPTIVE)
def test_no_report_ever_leads_to_the_minimum(bottleneck, name):
    (flow,) = bottleneck([build(name)], 64, 20, report_loss=1.0)
    assert flow.targets[-1][1] == 24
    assert flow.first_s(lambda kbps: kbps == 24, 0) == 1.0


@pytest.mark.parametrize("name", ADAPTIVE)
def test_late_reports_are_lived_with(bottleneck, name):
    """Reports travel 400 ms, and for some seconds 1.5 s, so that they overtake each other afterwards."""

    def back_ms(second):
        return 1500 if 20 <= second < 25 else 400

    (flow,) = bottleneck([build(name)], 80, 80, report_delay_ms=back_ms)
    assert flow.received_kbps(50, 80) > 0.7 * 80
    assert flow.loss(50, 80) < 0.05


@pytest.mark.parametrize(
    ("name", "fairness"),
    # gcc 0.999, nada 0.995, scream 0.995
    [("gcc", 0.95), ("nada", 0.95), ("scream", 0.9)],
)
def test_two_calls_share_a_link(bottleneck, name, fairness, record_property):
    # Here packets are evenly spaced and the queue drops at its tail: a second SCReAM call that begins at more
    # than the minimum finds the queue of the first full each time, and loses most of its packets for good.
    calls = [build(name), build(name, start_kbps=24)]
    flows = bottleneck(calls, 128, 120, starts_s=[0, 10])
    rates = [flow.received_kbps(60, 120) for flow in flows]
    record_property("jain", jain(rates))
    assert jain(rates) >= fairness
    assert sum(rates) > 0.85 * 128


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_same_run_again_is_the_same(bottleneck, name):
    runs = [
        bottleneck([build(name), build(name)], 90, 20, loss=0.01, report_loss=0.1, jitter_ms=5) for _ in "12"
    ]
    assert [flow.targets for flow in runs[0]] == [flow.targets for flow in runs[1]]
    assert [flow.packets for flow in runs[0]] == [flow.packets for flow in runs[1]]


@pytest.mark.parametrize("name", CONTROLLERS)
def test_controllers_state_that_they_need_arrivals(bottleneck, name):
    """On receiver reports alone such a controller stays where it began, on any link."""
    reports = Reporting(format="receiver_report", min_interval_ms=500, max_interval_ms=500)
    assert not reports.arrivals_known
    (flow,) = bottleneck([build(name)], 30, 20, reporting=reports)
    moved = any(kbps != 48 for _, kbps in flow.targets)
    assert moved == (not CONTROLLERS[name].needs_arrivals and name != "none")


def test_gcc_on_receiver_reports_alone_still_follows_loss(bottleneck):
    reports = Reporting(format="receiver_report", min_interval_ms=500, max_interval_ms=500)
    (flow,) = bottleneck([build("gcc")], 64, 60, reporting=reports, queue_limit_ms=100)
    assert flow.received_kbps(30, 60) > 0.8 * 64
    assert flow.loss(30, 60) < 0.25
    assert flow.target_kbps(30, 60) < 90
