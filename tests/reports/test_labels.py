import re

import pytest

from testbed.reports import labels
from testbed.scenario.models import Scenario

ABBREVIATED = re.compile(r"_|\b(channel|schemes|dred|red|lbrr|dtx|std|qdelay)\b")
SYMBOLS = ("gamma_max", "warp_lambda", "beta_loss", "beta_r")


@pytest.mark.parametrize(
    ("key", "value", "label"),
    [
        ("channel.link.rate_kbps", 64, "link rate 64 kb/s"),
        ("channel.0.link.rate_kbps", 64, "link rate 64 kb/s"),
        ("congestion.controller", "gcc", "GCC"),
        ("congestion.controller", "none", "no congestion control"),
        ("schemes.dred.q0", 6, "finest DRED quantizer q0 = 6"),
        ("schemes.dred.bitrate_kbps", 40, "DRED bitrate 40 kb/s"),
        ("playout.buffer_ms", 60, "buffer 60 ms"),
        ("playout.delay_ms", 60, "playout delay 60 ms"),
        ("channel.loss.mean_burst_packets", 6, "mean burst of loss 6 packets"),
        ("channel.loss.p", 0.1, "loss p = 0.1"),
        ("codec.bitrate_kbps", 24, "codec bitrate 24 kb/s"),
        ("plugin.some_key", True, "plugin some key true"),
    ],
)
def test_a_swept_key_has_words_and_its_unit(key, value, label):
    assert labels.value(key, value) == label


def sweepable() -> set[str]:
    """Return every key of the scenario's schema, after the kind of object that has it."""
    schema = Scenario.model_json_schema()
    holders = {"Dred": "schemes.dred", "Red": "schemes.red", "Lbrr": "schemes.lbrr", "Codec": "codec"}
    return {
        f"{holders.get(kind, 'channel.stage')}.{key}"
        for kind, of in schema["$defs"].items()
        for key in of.get("properties", {})
    }


def test_every_key_of_a_scenario_has_words():
    found = {key: labels.words(key) for key in sweepable()}
    assert len(found) > 150
    assert [key for key, words in found.items() if not words] == []
    assert [
        words for words in found.values() if ABBREVIATED.search(words) and words.split()[-1] not in SYMBOLS
    ] == []
