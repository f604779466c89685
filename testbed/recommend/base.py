"""The scenario that a recommendation starts from: the network, speech, codec, and number of realizations."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from testbed.errors import ScenarioError
from testbed.metrics import CONVERSATIONAL
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.network import ReadNetwork
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import Scenario, load_scenario
from testbed.speech_corpus import CORPORA

NAME = "recommendation"
_LEAST_CALLS = 48
_RATES = ("bitrate_kbps", "total_kbps", "expected_loss")
"""Keys of the codec that the search sets."""
_REPLACED = ("schemes", "playout", "sweep", "metrics")
"""Other keys that it sets."""


def base_scenario(
    network: ReadNetwork,
    limits: RecommendLimits,
    overrides: Sequence[str] = (),
    speech: Sequence[str | Path] = (),
) -> dict[str, Any]:
    """Return the content of a valid scenario for `testbed.recommend.recommendation.recommend`.

    Parameters
    ----------
    overrides
        ``"key=value"`` each, as of ``testbed run --set``.
    speech
        Recordings in place of the network's speech.

    Raises
    ------
    ScenarioError
        An override is for a key that the search sets, or the scenario is not valid.
    """
    for text in overrides:
        key = text.partition("=")[0].strip()
        if key.split(".")[0] in _REPLACED or key in {f"codec.{name}" for name in _RATES}:
            raise ScenarioError(f"--set {key}: the search sets it")
    corpus = "asterisk" if CORPORA["asterisk"].is_there else "packaged"
    metrics = ["plcmos", CONVERSATIONAL] if limits.metric == CONVERSATIONAL else [limits.metric]
    given: Mapping[str, Any] = {
        "name": NAME,
        "speech": {"corpus": corpus},
        **network.keys,
        "codec": _codec(network.keys.get("codec", {})),
        "schemes": ["neural_plc"],
        "playout": {"policy": "offline"},
        "metrics": sorted(metrics, key=lambda name: name != limits.metric),
    }
    scenario = load_scenario(given, overrides, speech)
    assert isinstance(scenario, Scenario)
    data = dict(scenario.document.data)
    if "realizations" not in data:
        data["realizations"] = ceil(_LEAST_CALLS / len(clips_of(scenario)))
    return data


def _codec(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the codec without its bitrates and expected loss, but one that makes it valid."""
    return {**{key: value for key, value in given.items() if key not in _RATES}, "total_kbps": 24}
