"""Arguments as Python gives them mean what the same words on the command line mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

import testbed
from testbed.arguments import overrides_of, paths_of, plain, words_of
from testbed.errors import ScenarioError
from testbed.scenario.loading import load_scenario

SMALL: dict[str, Any] = {
    "name": "small",
    "speech": {"corpus": "packaged", "clips": 1},
    "codec": {"bitrate_kbps": 24, "complexity": 0},
    "schemes": ["plc", {"lbrr": {"bitrate_kbps": 16}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.2}}],
    "playout": {"policy": "offline"},
    "metrics": ["estoi"],
}


def test_a_dict_is_the_scenario_that_the_same_yaml_is(tmp_path: Path) -> None:
    YAML(typ="safe").dump(SMALL, tmp_path / "small.yaml")
    from_file = load_scenario(tmp_path / "small.yaml")
    assert load_scenario(SMALL).model_dump() == from_file.model_dump()


def test_a_dict_may_hold_what_python_has_for_numbers_and_names(tmp_path: Path) -> None:
    given = {"rate": np.float64(0.2), "clips": np.int64(2), "list": np.array([1, 2]), "file": tmp_path}
    assert plain(given) == {"rate": 0.2, "clips": 2, "list": [1, 2], "file": str(tmp_path)}


def test_a_mistake_in_a_dict_is_named_by_its_key() -> None:
    with pytest.raises(ScenarioError, match=r"scenario:\d+: codec.bitrate_kpbs: unknown key; did you mean"):
        load_scenario({**SMALL, "codec": {"bitrate_kpbs": 24}})


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"codec.bitrate_kbps": 16}, 16),
        ({"codec.bitrate_kbps": np.int64(16)}, 16),
        (["codec.bitrate_kbps=16"], 16),
        ({"codec.bitrate_kbps": 2e1}, 20),
    ],
)
def test_overrides_are_a_dict_or_a_list(given: Any, value: float) -> None:
    scenario: Any = load_scenario(SMALL, overrides_of(given))
    assert scenario.codec.bitrate_kbps == value


def test_overrides_of_every_kind_keep_their_value() -> None:
    scenario: Any = load_scenario(
        SMALL,
        overrides_of({"about": "a: b, 'c' # d", "metrics": [], "codec.dtx": True, "schemes": ["neural_plc"]}),
    )
    assert (scenario.about, scenario.metrics, scenario.codec.uses_dtx) == ("a: b, 'c' # d", [], True)
    assert [scheme.name for scheme in scenario.schemes] == ["neural PLC"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overrides": "codec.bitrate_kbps=16"}, r"overrides='codec.bitrate_kbps=16': must be a dict"),
        ({"overrides": {"codec.bitrate_kbps": object()}}, "overrides: codec.bitrate_kbps: holds a object"),
        ({"overrides": {"codec.bitrate_kpbs": 1}}, "codec.bitrate_kpbs: unknown key"),
        ({"save": "audoi"}, "--save audoi: .* audio, packets, timelines"),
    ],
)  # fmt: skip
def test_arguments_of_other_types_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        testbed.run(SMALL, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_single_words_and_paths_stand_for_lists_of_one() -> None:
    assert words_of("audio") == words_of(["audio"]) == ["audio"]
    assert words_of("audio, packets") == ["audio", "packets"]
    assert paths_of("talk.wav") == ["talk.wav"]
    assert paths_of(["a", Path("b")]) == ["a", Path("b")]
