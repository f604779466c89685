"""Grids of a sweep: spaced values, lists that go together, combinations left out, and mistakes in them."""

# ruff: noqa: E501 - a case a line reads better than a case on five

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from testbed.errors import ScenarioError
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import Scenario, load_scenario, parse_scenario, points, schema, stored_scenario

TEXT = """\
name: grid
speech: {corpus: packaged}
codec: {bitrate_kbps: 24}
schemes: [plc, {red: {copies: 1}}, {dred: {depth_ms: 100, bitrate_kbps: 20}}]
channel: [{loss: {model: bernoulli, rate: 0.2}}, {delay: {constant_ms: 40}}]
playout: {policy: offline}
metrics: []
sweep:
"""
FLOWS = """\
name: grid
flows: [{name: one, media: {kind: video}}]
duration_s: 1
congestion: {controller: gcc}
forward: [{link: {rate_kbps: 300}}]
backward: []
sweep: {forward.link.rate_kbps: {linspace: [100, 300, 3]}, seed: [1, 2], exclude: [{seed: 2}]}
"""
KBPS, RATE, DRED = "codec.bitrate_kbps", "channel.0.loss.rate", "schemes.dred.bitrate_kbps"


def swept(sweep: str) -> list[dict[str, Any]]:
    return [point.parameters for point in points(parse_scenario(f"{TEXT}  {sweep}"))]


def values(sweep: str) -> list[Any]:
    return [value for point in swept(sweep) for value in point.values()]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"{KBPS}: {{linspace: [16, 32, 5]}}", [16, 20, 24, 28, 32]),
        (f"{KBPS}: {{linspace: [32, 16, 3]}}", [32, 24, 16]),
        (f"{RATE}: {{linspace: [0.1, 0.3, 3]}}", [0.1, 0.2, 0.3]),
        (f"{RATE}: {{linspace: [0, 1, 4]}}", [0.0, 0.333333, 0.666667, 1.0]),
        (f"{RATE}: {{logspace: [0.01, 0.3, 6]}}", [0.01, 0.0197435, 0.0389806, 0.0769614, 0.151949, 0.3]),
        ("channel.1.delay.constant_ms: {logspace: [1, 1000, 4]}", [1, 10, 100, 1000]),
        ("seed: {linspace: [1000001, 1000009, 3]}", [1000001, 1000005, 1000009]),
        ("channel.1.delay.constant_ms: {linspace: [100, 100.0004, 3]}", [100.0, 100.0002, 100.0004]),
    ],
)
def test_spaced_values_have_both_ends_and_few_digits(written: str, expected: list[Any]) -> None:
    found = values(written)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_whole_spaced_values_are_the_same_sweep_as_their_list() -> None:
    assert swept(f"{KBPS}: {{linspace: [16, 32, 3]}}") == swept(f"{KBPS}: [16, 24, 32]")
    [one, two, three] = points(parse_scenario(f"{TEXT}  schemes.red.copies: {{linspace: [1, 3, 3]}}"))
    assert [each.scenario.schemes[1].red.copies for each in (one, two, three)] == [1, 2, 3]


def test_lists_of_a_group_go_together_and_the_last_axis_is_the_fastest() -> None:
    found = swept(f"{{seed: [1, 2], zip: [{{{KBPS}: [16, 24], {DRED}: [12, 20]}}], {RATE}: [0, 0.1]}}")
    assert [tuple(point) for point in found] == [("seed", KBPS, DRED, RATE)] * 8
    assert [tuple(point.values()) for point in found][:4] == [
        (1, 16, 12, 0),
        (1, 16, 12, 0.1),
        (1, 24, 20, 0),
        (1, 24, 20, 0.1),
    ]


def test_excluded_combinations_are_left_out_and_the_others_numbered_on() -> None:
    text = f"{{{KBPS}: [16, 24, 32], {RATE}: {{logspace: [0.1, 0.4, 3]}}, exclude: [{{{KBPS}: 16, {RATE}: 0.2}}, "
    found = points(parse_scenario(f"{TEXT}  {text}{{{KBPS}: 32}}]}}"))
    assert [tuple(point.parameters.values()) for point in found] == [
        (16, 0.1),
        (16, 0.4),
        (24, 0.1),
        (24, 0.2),
        (24, 0.4),
    ]
    assert [point.index for point in found] == [0, 1, 2, 3, 4]
    assert [point.scenario.codec.bitrate_kbps for point in found] == [16, 16, 24, 24, 24]


def test_an_exclusion_can_name_several_keys_of_a_group() -> None:
    group = f"zip: [{{{KBPS}: [16, 24, 32], {DRED}: [12, 12, 20]}}]"
    assert values(f"{{{group}, exclude: [{{{KBPS}: 24, {DRED}: 12}}]}}") == [16, 12, 32, 20]


def test_a_limit_of_calls_counts_only_what_is_left() -> None:
    text = f"{{{KBPS}: [16, 24], exclude: [{{{KBPS}: 16}}]}}\nlimits: {{calls: 4}}\n"
    assert len(points(parse_scenario(f"{TEXT}  {text}"))) == 1


def test_flow_studies_have_grids_too() -> None:
    scenario = parse_scenario(FLOWS)
    assert isinstance(scenario, FlowScenario)
    assert [tuple(point.parameters.values()) for point in points(scenario)] == [(100, 1), (200, 1), (300, 1)]


def test_the_first_combination_that_is_not_left_out_must_be_valid_and_no_other_need_be_written() -> None:
    text = TEXT.replace("codec: {bitrate_kbps: 24}\n", "")
    text += f"  {{{KBPS}: [600, 24], {RATE}: [0, 0.1], exclude: [{{{KBPS}: 600}}]}}"
    assert len(points(parse_scenario(text))) == 2


def test_a_stored_scenario_has_the_same_points() -> None:
    text = f"{TEXT}  {{{RATE}: {{logspace: [0.1, 0.4, 3]}}, zip: [{{{KBPS}: [16, 24], seed: [1, 2]}}], exclude: [{{seed: 2}}]}}"
    scenario = parse_scenario(text)
    dumped = json.loads(json.dumps(scenario.model_dump(mode="json", exclude_none=True)))
    stored = stored_scenario({"scenario": dumped, "scenario_folder": "."})
    assert [each.parameters for each in points(stored)] == [each.parameters for each in points(scenario)]
    assert len(points(Scenario.model_validate(dumped))) == 3


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (f"{KBPS}: {{linspce: [16, 32, 5]}}", f"{KBPS}: unknown key linspce; did you mean linspace?"),
        (f"{KBPS}: {{linspace: [16, 32]}}", f"{KBPS}: linspace must be [start, stop, number], as in "),
        (f"{KBPS}: {{linspace: [16, .nan, 5]}}", f"{KBPS}: linspace must be [start, stop, number], as in "),
        (f"{KBPS}: {{linspace: [16, true, 5]}}", f"{KBPS}: linspace must be [start, stop, number], as in "),
        (f"{KBPS}: {{linspace: [16, 32, 1]}}", f"{KBPS}: linspace gives a whole number of values from 2 to 10000, not 1"),
        (f"{KBPS}: {{linspace: [16, 32, 1.5]}}", f"{KBPS}: linspace gives a whole number of values from 2 to 10000, not 1.5"),
        (f"{KBPS}: {{linspace: [16, 16, 3]}}", f"{KBPS}: there are no 3 values from 16 to 16"),
        (f"{KBPS}: {{linspace: [-1.0e+308, 1.0e+308, 3]}}", f"{KBPS}: there are no 3 values from -1e+308 to 1e+308"),
        (f"{KBPS}: {{logspace: [0, 32, 3]}}", f"{KBPS}: start and stop of logspace are values, not exponents: more than 0, not 0"),
        (f"{KBPS}: {{linspace: [16, 32, 5], logspace: [1, 2, 3]}}", f"{KBPS}: linspace takes no other key, such as logspace"),
        ("name: {linspace: [16, 32, 5]}", "name: cannot be swept"),
        ("zip: [{seed: [1, 2], name: [a, b]}]", "zip.0.name: cannot be swept"),
        (f"zip: {{{KBPS}: [16, 24]}}", "zip: must be a list of mappings of keys to lists, as in zip: [{"),
        (f"zip: [{{{KBPS}: [16, 24], {DRED}: [12]}}]", f"zip.0: lists that go together must have equally many values; {KBPS} has 2, {DRED} has 1"),
        (f"zip: [{{{KBPS}: [16, 16], {DRED}: [12, 12]}}]", "zip.0: duplicate combination"),
        (f"{{seed: [1], zip: [{{{KBPS}: [16, 24], seed: [1, 2]}}]}}", "zip.0.seed: is swept twice"),
        (f"{{{RATE}: [0], channel.loss.rate: [0.1]}}", f"channel.loss.rate: is swept twice, also as {RATE}"),
        (f"{{{KBPS}: [16], exclude: {{{KBPS}: 16}}}}", "exclude: must be a list of mappings of keys to one value, as in "),
        (f"{{{KBPS}: [16, 24], exclude: [{{codec.bitrate: 16}}]}}", f"exclude.0.codec.bitrate: is not swept; did you mean {KBPS}?"),
        (f"{{{KBPS}: [16, 24], exclude: [{{{KBPS}: 17}}]}}", f"exclude.0.{KBPS}: 17 is not one of its values, 16, 24"),
        (f"{{zip: [{{{KBPS}: [16, 24], seed: [1, 2]}}], exclude: [{{{KBPS}: 16, seed: 2}}]}}", "exclude.0: no combination has these values"),
        (f"{{{KBPS}: [16, 24], exclude: [{{{KBPS}: 16}}, {{{KBPS}: 24}}]}}", "exclude: leaves none of 2 combinations"),
        (f"{{{KBPS}: [16], exclud: [{{{KBPS}: 16}}]}}", "exclud: unknown key; did you mean exclude?"),
        (f"{{seed: {{linspace: [1, 200, 200]}}, {KBPS}: {{linspace: [16, 32, 100]}}}}", "20000 combinations; at most 10000"),
        (f"{{{', '.join(f'codec.k{n}: [1]' for n in range(70))}}}", "70 lists to combine; at most 32"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_line_with_its_place(sweep: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"{TEXT}  {sweep}", label="s.yaml")
    [line] = str(caught.value).splitlines()
    assert line.startswith((f"s.yaml:9: sweep: {message}", f"s.yaml:8: sweep: {message}"))


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("schemes.red.copies: {linspace: [1, 3, 5]}", "schemes.1.red.copies: must be a whole number, not 1.5, 2.5"),
        (f"{KBPS}: {{linspace: [3, 24, 8]}}", f"{KBPS}: must be at least 6, not 3"),
        (f"{RATE}: {{linspace: [0, 2, 5]}}", f"{RATE}: must be at most 1, not 1.5; a share of 1"),
    ],
)  # fmt: skip
def test_values_that_a_key_does_not_take_are_named(sweep: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"{TEXT}  {sweep}", label="s.yaml")
    assert str(caught.value).splitlines()[0].startswith(f"s.yaml:9: {message}")


GRID = f"""\
  {KBPS}: {{linspace: [16, 32, 3]}}
  zip: [{{{DRED}: [12, 20, 20], seed: [1, 1, 2]}}]
  exclude: [{{{KBPS}: 16, {DRED}: 12}}, {{{KBPS}: 32}}]
"""


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("about=any", [(16, 20, 1), (16, 20, 2), (24, 12, 1), (24, 20, 1), (24, 20, 2)]),
        (f"{KBPS}=16", [(20, 1), (20, 2)]),
        (f"{KBPS}=40", [(12, 1), (20, 1), (20, 2)]),
        (f"{KBPS}=32", [(12, 1), (20, 1), (20, 2)]),
        ("codec={bitrate_kbps: 16}", [(20, 1), (20, 2)]),
        ("seed=7", [(16, 20), (24, 12), (24, 20)]),
        (f"{DRED}=12", [(24, 1), (24, 2)]),
        ("sweep.zip.0.seed=[5, 6, 7]", [(16, 20, 6), (16, 20, 7), (24, 12, 5), (24, 20, 6), (24, 20, 7)]),
        ("sweep.exclude.1.seed=1", [(16, 20, 1), (16, 20, 2), (24, 12, 1), (24, 20, 1), (24, 20, 2), (32, 20, 2)]),
    ],
)  # fmt: skip
def test_an_overridden_key_is_no_longer_swept_and_the_rest_of_the_grid_stays(
    tmp_path: Path, override: str, expected: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT + GRID)
    scenario = load_scenario(path, [override])
    assert [tuple(point.parameters.values()) for point in points(scenario)] == expected
    again = parse_scenario(scenario.text_as_run)
    assert [point.parameters for point in points(again)] == [point.parameters for point in points(scenario)]


def test_overriding_every_swept_key_leaves_no_sweep(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT + GRID)
    scenario = load_scenario(path, [f"{KBPS}=16", f"{DRED}=12", "seed=3"])
    assert scenario.sweep == {}
    assert len(points(scenario)) == 1


def test_the_schema_accepts_grids_and_refuses_other_forms() -> None:
    validator = Draft202012Validator(schema())
    data = parse_scenario(TEXT + GRID)._document.data
    assert validator.is_valid(data)
    for wrong in ({KBPS: {"linspce": [1, 2, 3]}}, {KBPS: []}, {"zip": {KBPS: [1]}}, {"exclude": [{}]}):
        assert not validator.is_valid({**data, "sweep": wrong})
