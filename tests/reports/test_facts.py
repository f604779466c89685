"""The network and the receiver, in words."""

import json

import pytest

from testbed.reports import labels
from testbed.reports.facts import facts, receiver, speech
from testbed.scenario.loading import load_scenario, points


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "quickstart",
            ["20 % loss in bursts of 6", "10 ms of jitter", "receiver adapts or waits without limit"],
        ),
        (
            "playout-delay",
            ["20 % loss in bursts of 6", "40 ms delay", "receiver plays 40 to 1000 ms after sending"],
        ),
        (
            "bottleneck",
            ["5 % loss in bursts of 3", "24 to 160 kb/s link", "receiver plays 300 ms after sending"],
        ),
    ],
)
def test_packaged_scenarios(name, expected):
    scenario = load_scenario(name)
    found = [point.parameters for point in points(scenario)]
    dumped = scenario.model_dump(mode="json", exclude_none=True)
    assert facts({"scenario": dumped, "points": found}) == expected


STAGES = [
    ({"loss": {"model": "bernoulli", "rate": 0.05}}, "5 % loss"),
    ({"loss": {"model": "markov", "transitions": []}}, "markov loss"),
    ({"jitter": {"model": "gamma", "mean_ms": 40.0, "std_ms": 30.0}}, "30 ms of jitter"),
    ({"link": {"trace": "some/train.up"}}, "link of trace train.up"),
    ({"recorded": {"file": "/home/me/office.csv"}}, "recording office.csv"),
    (
        {"measured": {"intervals": [{"duration_ms": 9e3}, {"duration_ms": "x"}, 7]}},
        "network measured for 9 s",
    ),
    ({"duplicate": {"rate": 0.1}}, "duplicate"),
]


@pytest.mark.parametrize(("stage", "words"), STAGES, ids=[words for _, words in STAGES])
def test_stages(stage, words):
    assert facts({"scenario": {"channel": [stage], "playout": {"policy": "offline"}}})[0] == words


def swept(*playouts):
    points = [{"playout": json.dumps(each)} for each in playouts]
    return {"scenario": {"playout": playouts[0]}, "points": points}, points


def test_a_sweep_over_receivers_names_all_of_them_and_at_a_point_its_own():
    manifest, points = swept(
        {"policy": "fixed", "buffer_ms": 60}, {"policy": "fixed", "buffer_ms": 120}, {"policy": "offline"}
    )
    assert receiver(manifest) == "receiver buffers 60 or 120 ms or waits without limit"
    assert [receiver(manifest, point) for point in points] == [
        "receiver buffers 60 ms",
        "receiver buffers 120 ms",
        "receiver waits without limit",
    ]


def test_swept_numbers_and_names():
    scenario = {
        "channel": [{"loss": {"rate": 0.05}}, {"link": {"rate_kbps": 64}}],
        "playout": {"policy": "fixed", "delay_ms": 60},
    }
    swept = [
        {"channel.loss.rate": rate, "channel.1.link.rate_kbps": kbps}
        for rate, kbps in [(0.05, 32), (0.05, 64), (0.1, 64), (0.1, 128)]
    ]
    assert facts({"scenario": scenario, "points": swept})[:2] == ["5 or 10 % loss", "32, 64 or 128 kb/s link"]
    assert facts({"scenario": scenario, "points": swept}, swept[-1]) == [
        "10 % loss",
        "128 kb/s link",
        "receiver plays 60 ms after sending",
    ]


@pytest.mark.parametrize("manifest", [{}, {"scenario": None}, {"scenario": {"playout": "?", "sweep": None}}])
def test_a_manifest_that_does_not_say_is_not_made_up(manifest):
    assert facts(manifest) == ["receiver not recorded"]


def test_a_mixture_is_told_with_the_clips():
    scenario = {"speech": {"corpus": "packaged", "noise": "babble", "snr_db": 10, "talkers": 2}}
    assert speech({"scenario": scenario}, ["a", "b"]) == "2 clips with babble at 10 dB SNR and 2 talkers"
    swept = {"scenario": scenario, "points": [{"speech.noise": "none"}, {"speech.noise": "white"}]}
    assert speech(swept, ["a"]) == "1 clip with no noise or white noise at 10 dB SNR and 2 talkers"
    assert labels.point({"speech.noise": "white", "speech.snr_db": 5}) == "noise white, SNR 5 dB"
