"""Diagnoses of made-up tables: redundancy not sent, a link overrun, packets that come too late."""

from typing import Any

import pandas as pd
import pytest

from testbed.caveats import caveats
from testbed.channels.stage import least_delay_ms
from testbed.diagnosis import diagnoses
from testbed.not_sent import will_not_be_sent
from testbed.plan import Plan, plan, stages
from testbed.scenario.loading import Scenario, parse_scenario
from testbed.tally import Tally
from testbed.unfinished import said_of

HEALTHY: dict[str, Any] = {
    "payload_kbps": 40.0,
    "wire_kbps": 56.0,
    "red_kbps": 24.0,
    "lbrr_sent": 0.8,
    "dred_sent_ms": 500.0,
    "packet_loss": 0.2,
    "queue_loss": 0.0,
    "delay_ms_min": 40.0,
    "delay_variation_ms_p95": 10.0,
    "frames": 500,
    "frames_dtx": 0,
    "frames_late": 0,
    "frames_narrow": 0,
}
LOSS = "loss: {model: bernoulli, rate: 0.2}"
LBRR, DRED, RED = "lbrr: {bitrate_kbps: 16}", "dred: {depth_ms: 500, bitrate_kbps: 40}", "red: {copies: 1}"


def made(channel: str = LOSS, schemes: str = f"[{LBRR}, {DRED}, {RED}]", **more: str) -> Plan:
    lines = {
        "name": "made",
        "speech": "{corpus: packaged, clips: 1}",
        "codec": "{bitrate_kbps: 24}",
        "schemes": schemes,
        "channel": f"[{channel}]",
        "playout": "{policy: fixed, delay_ms: 60}",
        "metrics": "[]",
        **more,
    }
    scenario = parse_scenario("\n".join(f"{key}: {value}" for key, value in lines.items()))
    assert isinstance(scenario, Scenario)
    return plan(scenario, 1)


def table(whole: Plan, **seen: Any) -> pd.DataFrame:
    """Return a healthy row for each scheme at each point, but for what was seen."""
    rows = [
        {"point": point, "scheme": scheme.name, "clip": "a", "error": "", **HEALTHY, **seen}
        for point, schemes in enumerate(whole.schemes)
        for scheme in schemes
    ]
    return pd.DataFrame(rows)


def told(whole: Plan, **seen: Any) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in diagnoses(whole, Tally(whole, [table(whole, **seen)]))]


NOTHING_SENT = {"lbrr_sent": 0.0, "dred_sent_ms": 0.0}
NO_STAGE = "libopus expects no loss, since no stage of the channel states one."
IN_QUEUE = "link: {rate_kbps: 100}"
TO_SEND_IT = "To send it anyway, set codec.expected_loss, e.g."


def test_healthy_schemes_have_no_diagnosis() -> None:
    assert told(made()) == []
    assert told(made(playout="{policy: offline}"), frames_late=0) == []


@pytest.mark.parametrize(
    ("channel", "codec", "seen", "reason"),
    [
        # nothing lost, nothing late
        ("delay: {constant_ms: 30}", "", {"packet_loss": 0.0}, f"{NO_STAGE} {TO_SEND_IT} 0.1"),
        # late, not lost
        (
            "jitter: {model: gamma, mean_ms: 40, std_ms: 30}",
            "",
            {"packet_loss": 0.0, "frames_late": 90, "delay_variation_ms_p95": 80.0},
            f"{NO_STAGE} Of its packets 18 % came late: set codec.expected_loss: 0.18",
        ),
        # lost in a queue alone, of which nothing is known beforehand
        (
            IN_QUEUE,
            "",
            {"packet_loss": 0.07, "queue_loss": 0.07},
            f"{NO_STAGE} Of its packets 7 % were lost: set codec.expected_loss: 0.07",
        ),
        (
            IN_QUEUE,
            "",
            {"packet_loss": 0.07, "queue_loss": 0.07, "frames_late": 15},
            f"{NO_STAGE} Of its packets 7 % were lost and 3 % came late: set codec.expected_loss: 0.1",
        ),
        # less than libopus can be told
        (
            "loss: {model: bernoulli, rate: 0.004}",
            "",
            {"packet_loss": 0.002},
            "the channel's loss of 0.4 % rounds to 0 %, and libopus expects none. "
            "Of its packets 0.2 % were lost: set codec.expected_loss: 0.01",
        ),
        (
            "loss: {model: bernoulli, rate: 0.004}",
            "",
            {"packet_loss": 0.0},
            f"the channel's loss of 0.4 % rounds to 0 %, and libopus expects none. {TO_SEND_IT} 0.01",
        ),
        # told so by the scenario
        (
            LOSS,
            ", expected_loss: 0",
            {},
            "codec.expected_loss is 0. Of its packets 20 % were lost: set codec.expected_loss: 0.2",
        ),
        (
            LOSS,
            ", expected_loss: 0.004",
            {},
            "codec.expected_loss is 0.004, which rounds to 0 %. "
            "Of its packets 20 % were lost: set codec.expected_loss: 0.2",
        ),
        # a loss is expected
        (LOSS, "", {}, "libopus sends none at {} kb/s in all and an expected loss of 20 %"),
    ],
)
def test_redundancy_that_is_not_sent_is_told_with_the_loss_to_expect(
    channel: str, codec: str, seen: dict[str, Any], reason: str
) -> None:
    whole = made(channel, codec=f"{{bitrate_kbps: 24{codec}}}")
    tally = Tally(whole, [table(whole, **NOTHING_SENT, **seen)])
    found = [each for each in diagnoses(whole, tally) if each.kind == "not_sent"]
    assert [each.text for each in found] == [
        f"LBRR sent no LBRR: {reason.format(40)}",
        f"DRED 500 ms sent no DRED: {reason.format(64)}",
    ]


def test_redundancy_that_will_not_be_sent_is_known_before_any_call() -> None:
    why = NO_STAGE.removesuffix(".")
    both = f"{{name: both, {LBRR}, {DRED}}}"
    ours = "dred: {writer: testbed, depth_ms: 100}"
    schemes = f"[plc, {LBRR}, {RED}, {both}, {ours}]"
    assert will_not_be_sent(made(IN_QUEUE, schemes)) == [
        f"LBRR will send no LBRR: {why}",
        f"both will send no LBRR and no DRED: {why}",
    ]
    assert will_not_be_sent(made(LOSS, schemes)) == []
    assert will_not_be_sent(made(IN_QUEUE, f"[{LBRR}]", feedback="{format: ccfb}")) == [], "that is reported"


DELAY, TRAVEL = "{delay: {constant_ms: 30}}", "{link: {rate_kbps: 64, delay_ms: 20}}"
JITTER = "{jitter: {model: gamma, mean_ms: 40, std_ms: 30}}"


@pytest.mark.parametrize(
    ("channel", "playout", "said"),
    [
        (DELAY, "delay_ms: 60", "30 ms or more, which leaves 30 ms for jitter and repairs"),
        (f"{DELAY}, {TRAVEL}", "delay_ms: 40", "before any packet can come: the network takes 50 ms or more"),
        (JITTER, "delay_ms: 40", "plays 40 ms after sending"),
        (DELAY, "buffer_ms: 60", "has a jitter buffer of 60 ms, counted from the fastest packet"),
    ],
)
def test_a_receiver_is_described_with_what_the_network_leaves(channel: str, playout: str, said: str) -> None:
    scenario = made(channel, playout=f"{{policy: fixed, {playout}}}").scenario
    assert scenario.playout.describe(least_delay_ms(stages(scenario.channel))).endswith(said)


def test_each_point_of_a_sweep_expects_its_own_loss() -> None:
    whole = made(schemes=f"[{LBRR}]", sweep="{codec.expected_loss: [0, 0.004, 0.1]}")
    zero, rounded, some = [text for _, text in told(whole, **NOTHING_SENT)]
    assert "codec.expected_loss is 0." in zero
    assert "codec.expected_loss is 0.004, which rounds to 0 %" in rounded
    assert "an expected loss of 10 %" in some


def test_a_loss_that_a_trace_states_is_expected(tmp_path: Any) -> None:
    (tmp_path / "losses.txt").write_text("0 0 0 1 " * 50)
    for stage in ("trace", "recorded"):
        whole = made(f"{stage}: {{file: {tmp_path}/losses.txt}}")
        settings = {group.settings.expected_loss_percent for group in whole.groups()}
        assert settings == {0, 25}, "none for the ceiling"


def test_in_a_closed_loop_the_reports_set_what_is_expected() -> None:
    reported = made("delay: {constant_ms: 30}", feedback="{format: transport_wide}")
    why = "libopus expects the loss that is reported, and none was."
    assert [text for _, text in told(reported, **NOTHING_SENT, packet_loss=0.0)] == [
        f"LBRR sent no LBRR: {why} {TO_SEND_IT} 0.1",
        f"DRED 500 ms sent no DRED: {why} {TO_SEND_IT} 0.1",
    ]
    assert told(reported, dred_sent_ms=10.0, lbrr_sent=0.01) == [], "how much is the allocation's affair"
    controlled = made(congestion="{controller: gcc, start_kbps: 48}")
    room = "the allocation gave it nothing, as the target rate or the loss that was reported is too low"
    assert [text for _, text in told(controlled, **NOTHING_SENT, red_kbps=0.0)] == [
        f"LBRR sent no LBRR: {room}",
        f"DRED 500 ms sent no DRED: {room}",
        f"RED x1 sent no RED: {room}",
    ]
    told_none = made(codec="{bitrate_kbps: 24, expected_loss: 0}", congestion="{controller: gcc}")
    texts = [text for _, text in told(told_none, **NOTHING_SENT)]
    assert len(texts) == 2
    assert all("codec.expected_loss is 0. Of its packets 20 % were lost" in text for text in texts)
    texts = [text for _, text in told(controlled, **NOTHING_SENT, red_kbps=0.0, packet_loss=0.0)]
    because = "no loss was reported. To send it anyway, set allocation.policy: fixed"
    assert texts == [
        f"LBRR sent no LBRR: {because} and codec.expected_loss: 0.1",
        f"DRED 500 ms sent no DRED: {because} and codec.expected_loss: 0.1",
        f"RED x1 sent no RED: {because}",
    ]


def test_redundancy_that_is_sent_in_part_is_told() -> None:
    assert told(made(), lbrr_sent=0.1, dred_sent_ms=310.0) == [
        ("not_sent", "LBRR sent LBRR in 10 % of its packets at 40 kb/s in all"),
        ("not_sent", "DRED 500 ms sent 310 ms of DRED on average (500 ms asked for) at 64 kb/s in all"),
    ]
    both = made(schemes=f"[{{name: both, {LBRR}, {DRED}}}]")
    assert told(both, lbrr_sent=0.0, dred_sent_ms=310.0) == [
        (
            "not_sent",
            "both sent no LBRR: libopus sends none at 80 kb/s in all and an expected loss of 20 %; "
            "sent 310 ms of DRED on average (500 ms asked for) at 80 kb/s in all",
        )
    ]


@pytest.mark.parametrize(
    ("link", "more", "wire_kbps", "sends"),
    [
        ("rate_kbps: 64", {}, 81.0, "81 kb/s into a 64 kb/s link"),
        ("rate_kbps: 81", {}, 81.0, "81 kb/s into a 81 kb/s link"),
        ("rate_kbps: 81", {}, 70.0, None),
        # 2 s at 100 kb/s, 8 s at 50 kb/s
        (
            "steps: [{from_ms: 0, rate_kbps: 100}, {from_ms: 2000, rate_kbps: 50}]",
            {},
            70.0,
            "70 kb/s into a 60",
        ),
        ("steps: [{from_ms: 0, rate_kbps: 100}, {from_ms: 90000, rate_kbps: 5}]", {}, 89.0, None),
        (
            "steps: [{from_ms: 0, rate_kbps: 0}, {from_ms: 90000, rate_kbps: 5}]",
            {},
            9.0,
            "9 kb/s into a 0 kb/s",
        ),
        ("rate_kbps: 200", {"other_calls": "3"}, 60.0, "60 kb/s in each of 4 calls into a 200 kb/s link"),
        ("rate_kbps: 200", {"other_calls": "2"}, 59.0, None),
    ],
)
def test_more_than_the_slowest_link_carries(
    link: str, more: dict[str, str], wire_kbps: float, sends: str | None
) -> None:
    channel = f"link: {{rate_kbps: 5000}}, link: {{{link}}}".replace(", link", "}, {link")
    whole = made(f"{{{channel}}}", schemes=f"[{RED}]", **more)
    found = told(whole, wire_kbps=wire_kbps, frames_late=390, queue_loss=0.07)
    if sends is None:
        assert "over_link" not in dict(found)
        return
    ((kind, text),) = found
    assert kind == "over_link"
    assert text.startswith(f"RED x1 sends {sends}")
    assert text.endswith(": 78 % came late, its queue dropped 7 %. Lower its bitrate or add `congestion:`")


def test_losses_of_an_overrun_link_do_not_become_the_advised_expected_loss() -> None:
    whole = made("link: {rate_kbps: 30}", schemes=f"[{LBRR}]")
    unsent, over = told(whole, lbrr_sent=0.0, packet_loss=0.3, queue_loss=0.3, frames_late=200)
    assert unsent == ("not_sent", f"LBRR sent no LBRR: {NO_STAGE} {TO_SEND_IT} 0.1")
    assert over[0] == "over_link"


def test_a_delivery_trace_is_a_link_of_its_mean_rate(tmp_path: Any) -> None:
    (tmp_path / "capacity.up").write_text("100\n200\n")  # 1500 bytes each 100 ms: 120 kb/s
    for stage in (f"link: {{trace: {tmp_path}/capacity.up}}", f"recorded: {{file: {tmp_path}/capacity.up}}"):
        whole = made(stage, schemes=f"[{RED}]")
        assert "into a 120 kb/s link" in dict(told(whole, wire_kbps=130.0))["over_link"]
        assert told(whole, wire_kbps=110.0) == []


def test_under_control_nobody_is_told_to_add_it() -> None:
    whole = made("link: {rate_kbps: 30}", congestion="{controller: gcc, start_kbps: 48}")
    text = dict(told(whole))["over_link"]
    assert text.endswith("link: packets waited up to 10 ms. Lower its bitrate")


def test_a_queue_that_drops_though_it_is_not_overrun() -> None:
    whole = made(IN_QUEUE, schemes=f"[{RED}]")
    assert told(whole, queue_loss=0.3) == [("queue_loss", "RED x1 lost 30 % of its packets in a queue")]


def test_lateness_says_when_most_packets_would_be_in_time() -> None:
    seen = {"frames_late": 390, "delay_ms_min": 40.4, "delay_variation_ms_p95": 800.0}
    late = "RED x1 had 78 % of its packets come too late"
    whole = made(schemes=f"[{RED}]")
    assert told(whole, **seen) == [("late", f"{late} at 60 ms; 95 % would be in time at 841 ms")]
    whole = made(schemes=f"[{RED}]", playout="{policy: fixed, buffer_ms: 20}")
    assert told(whole, **seen) == [
        ("late", f"{late} for a jitter buffer of 20 ms; 95 % would be in time with one of 800 ms")
    ]
    assert told(whole, **(seen | {"frames_dtx": 450, "frames_late": 5})) == [], (
        "of the packets, not the frames"
    )


def test_speech_that_nobody_hears_is_told() -> None:
    whole = made(schemes=f"[{RED}]")
    assert told(whole, skipped_ms=400.0) == []
    assert told(whole, skipped_ms=1000.0) == [
        (
            "skipped",
            "RED x1 skipped 10 % of the speech, which came too late or too much at once: "
            "the metrics hear only the rest",
        )
    ]


@pytest.mark.parametrize(
    ("schemes", "said"),
    [
        (f"[{{plc: {{concealer: neteq}}}}, {DRED}]", True),
        (f"[{{plc: {{concealer: neteq}}}}, {DRED}, neural_plc]", False),
        (f"[{{plc: {{concealer: neteq}}}}, {{plc: {{concealer: neteq}}, {RED}}}]", False),
        (f"[plc, {DRED}]", False),
    ],
)
def test_schemes_that_conceal_in_two_ways_are_told_if_nothing_shows_what_it_does(
    schemes: str, said: bool
) -> None:
    whole = made(schemes=schemes)
    text = "NetEq PLC is concealed by NetEq and DRED 500 ms by libopus"
    assert any(line.startswith(text) for line in caveats(whole, [], Tally(whole, [table(whole)]), [])) == said


def test_each_problem_is_a_warning_once_and_lateness_of_all_is_the_receivers() -> None:
    whole = made(
        "delay: {constant_ms: 70}", schemes=f"[{LBRR}, {RED}]", sweep="{playout.delay_ms: [40, 50, 200]}"
    )
    rows = table(whole, lbrr_sent=0.0, packet_loss=0.0, delay_ms_min=70.0, delay_variation_ms_p95=0.0)
    rows.loc[rows["point"] < 2, "frames_late"] = 500
    found = diagnoses(whole, Tally(whole, [rows]))
    assert [(each.point, each.scheme, each.kind) for each in found] == [
        (0, "LBRR", "not_sent"),
        (0, "LBRR", "late"),
        (0, "RED x1", "late"),
        (1, "LBRR", "not_sent"),
        (1, "LBRR", "late"),
        (1, "RED x1", "late"),
        (2, "LBRR", "not_sent"),
    ]
    first, second, third = caveats(whole, [], Tally(whole, [rows]), found)
    assert first.startswith("playout.delay_ms = 40: LBRR sent no LBRR: ")
    assert first.endswith("set codec.expected_loss: 1 (also at 1 more point)")
    assert second == (
        "playout.delay_ms = 40: Playout: 100 % of packets arrived too late at 40 ms; "
        "95 % would be in time at 70 ms (also at 1 more point)"
    )
    assert third.startswith("playout.delay_ms = 200: LBRR sent no LBRR: ")
    assert third.endswith(f"{TO_SEND_IT} 0.1"), "for another reason"


def test_a_problem_of_several_schemes_is_one_warning() -> None:
    whole = made("link: {rate_kbps: 32}", schemes=f"[{RED}, {LBRR}]", sweep="{playout.delay_ms: [40, 50]}")
    rows = table(whole, queue_loss=0.3, packet_loss=0.3, wire_kbps=60.0)
    over = [each for each in diagnoses(whole, Tally(whole, [rows])) if each.kind == "over_link"]
    assert len(over) == 4
    (told,) = caveats(whole, [], Tally(whole, [rows]), over)
    assert told.startswith("playout.delay_ms = 40: RED x1 sends 60 kb/s into a 32 kb/s link: ")
    assert told.endswith(" (also LBRR; at 1 more point)")


def test_a_run_that_was_not_finished_is_diagnosed_too() -> None:
    whole = made("delay: {constant_ms: 30}", schemes=f"[{LBRR}]")
    rows = table(whole, lbrr_sent=0.0)
    manifest = {
        "scenario": whole.scenario.model_dump(mode="json", exclude_none=True),
        "scenario_folder": ".",
        "clips": [{}],
        "warnings": ["before"],
        "diagnoses": [],
    }
    said = said_of(manifest, rows)
    assert [each["kind"] for each in said["diagnoses"]] == ["not_sent"]
    assert said["warnings"] == ["before", said["diagnoses"][0]["text"]]
    for broken in (
        {"scenario": {}},
        {"scenario": "x"},
        {"scenario_folder": 1},
        {"clips": 1},
        {"warnings": 1},
    ):
        assert said_of(manifest | broken, rows) == {}
    assert said_of(manifest, rows.drop(columns="lbrr_sent")) == {}
    assert said_of(manifest, rows.assign(frames="many")) == {}


def test_calls_that_failed_are_told_and_not_diagnosed() -> None:
    whole = made(schemes=f"[{LBRR}, {RED}]")
    rows = table(whole)
    rows.loc[rows["scheme"] == "LBRR", list(HEALTHY)] = float("nan")
    rows.loc[rows["scheme"] == "LBRR", "error"] = "no encoder"
    assert diagnoses(whole, Tally(whole, [rows])) == []
    assert caveats(whole, [], Tally(whole, [rows]), []) == ["1 of 3 calls failed; the first: no encoder"]
    assert diagnoses(whole, Tally(whole, [rows[rows["scheme"] == "LBRR"]])) == []
    assert diagnoses(whole, Tally(whole, [rows.iloc[:0]])) == []
