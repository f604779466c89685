"""The network of a live call is read from a channel alone, a scenario, or a packaged one."""

from pathlib import Path

import pytest

from testbed.errors import ScenarioError
from testbed.live.network import LiveNetwork, Way, load_network

ALONE = "channel:\n  - loss: {model: bernoulli, rate: 0.2}\n  - delay: {constant_ms: 40}\nseed: 4\n"
SCENARIO = """
name: whole
speech: {corpus: packaged}
codec: {bitrate_kbps: 24}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
reverse: [{delay: {constant_ms: 30}}]
playout: {policy: offline}
metrics: []
sweep: {codec.bitrate_kbps: [16, 24]}
seed: 9
"""
SWEEPS = "file.yaml: its sweep changes the channel.* --set channel.loss.rate=0"


def load(folder: Path, text: str, both_ways: bool = False, *overrides: str) -> LiveNetwork:
    path = folder / "file.yaml"
    path.write_text(text)
    return load_network(path, both_ways, overrides)


def names(network: LiveNetwork) -> tuple[list[str], list[str]]:
    return [spec.name for spec in network.forward], [spec.name for spec in network.reverse]


def test_a_channel_alone(tmp_path: Path) -> None:
    network = load(tmp_path, ALONE)
    assert names(network) == (["loss", "delay"], [])
    assert (network.seed, network.folder) == (4, tmp_path)


def test_both_ways_have_the_channel_with_random_streams_of_their_own(tmp_path: Path) -> None:
    network = load(tmp_path, ALONE, both_ways=True)
    assert names(network) == (["loss", "delay"], ["loss", "delay"])
    forward, again, reverse = (
        network.realization(way).rngs[0].random(4).tolist() for way in (Way.FORWARD, Way.FORWARD, Way.REVERSE)
    )
    assert forward == again != reverse


def test_a_scenario_whose_sweep_leaves_the_channel_alone(tmp_path: Path) -> None:
    network = load(tmp_path, SCENARIO, True, "channel.loss.rate=0.4")
    assert names(network) == (["loss"], ["delay"])
    assert network.forward[0].parameters.rate == 0.4
    assert network.seed == 9


def test_packaged_scenarios() -> None:
    assert names(load_network("quickstart")) == (["loss", "jitter"], [])
    overrides = ["forward.link.delay_ms=50", "backward.delay.constant_ms=50"]
    flows = load_network("rfc8867/5.1-variable-capacity", True, overrides)
    assert names(flows) == (["link", "jitter"], ["delay", "jitter"])


def test_what_a_recording_holds_is_read_back(tmp_path: Path) -> None:
    network = load(tmp_path, SCENARIO, both_ways=True)
    assert LiveNetwork.from_data(network.as_data()) == network


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "channel:\n  - loss: {model: bernoulli, rate: 2}\n",
            "file.yaml:2: channel.0.loss.rate.*at most 1",
        ),
        ("chanel: []\n", "unknown key.*channel"),
        ("channel:\n  - los: {}\n", "file.yaml:2: .*loss"),
        ("channel: [{trace: {file: no.csv}}]\n", "no.csv: is not a file"),
        ("- 1\n", "must be a mapping"),
        ("", "is empty"),
        (SCENARIO.replace("codec.bitrate_kbps", "channel.loss.rate").replace("16, 24", "0, 0.1"), SWEEPS),
    ],
)
def test_mistakes_have_their_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load(tmp_path, text)


def test_an_unknown_file_has_the_nearest_name() -> None:
    with pytest.raises(ScenarioError, match="did you mean quickstart"):
        load_network("quickstrt")
