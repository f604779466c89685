"""Scenarios load and sweep; messages about invalid ones name all mistakes, their places and valid values."""

# ruff: noqa: E501 - a case a line reads better than a case on five

import json
import pickle
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from testbed.codecs.opus.settings import WrittenDred
from testbed.errors import ScenarioError
from testbed.metrics import METRICS
from testbed.scenario import checks
from testbed.scenario.checks import check_languages, check_packages
from testbed.scenario.document import read_document
from testbed.scenario.loading import (
    Scenario,
    load_scenario,
    parse_scenario,
    points,
    schema,
)
from testbed.scenario.packaged import packaged_scenarios
from testbed.speech import load_clips

TEXT = """\
name: small
speech: {corpus: packaged}
codec: {bitrate_kbps: 24}
schemes:
  - plc
  - red: {copies: 2}
  - dred: {depth_ms: 100, bitrate_kbps: 20}
channel:
  - loss: {model: bernoulli, rate: 0.2}
  - delay: {constant_ms: 40}
playout: {policy: fixed, delay_ms: 60}
realizations: 2
seed: 1
sweep: {codec.bitrate_kbps: [16, 24]}
metrics: [plcmos]
"""


DRED = "{depth_ms: 100, bitrate_kbps: 20}"


def mistakes(old: str = "", new: str = "") -> list[str]:
    assert old in TEXT
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(old, new), label="s.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("name", packaged_scenarios())
def test_packaged_scenarios_load(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "network.csv").write_text("send_ms,arrival_ms\n0,30\n20,\n40,75\n")  # `recorded` wants one
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario(name)
    assert scenario.name == name.rpartition("/")[2]
    assert scenario.about
    assert scenario.text == packaged_scenarios()[name].read_text("utf-8")
    assert points(scenario)


def test_the_quickstart_has_its_documented_content() -> None:
    scenario = load_scenario("quickstart")
    assert scenario.speech.clips is not None
    assert scenario.speech.clips >= 8
    assert len(scenario.schemes) >= 8
    assert len({scheme.dred.depth_ms for scheme in scenario.schemes if scheme.dred}) >= 4
    assert scenario.realizations == 2
    assert [point.scenario.playout.policy for point in points(scenario)] == ["offline", "adaptive"]


def test_names_are_derived_and_defaults_filled_in() -> None:
    scenario = parse_scenario(TEXT)
    assert [scheme.name for scheme in scenario.schemes] == ["classic PLC", "RED x2", "DRED 100 ms"]
    assert scenario.codec.frame_ms == 20
    assert [stage.name for stage in scenario.channel] == ["loss", "delay"]


def test_a_list_of_depths_stands_for_as_many_schemes() -> None:
    text = TEXT.replace(DRED, "{writer: testbed, depth_ms: [100, 2000], q0: 4}")
    *_, entry = parse_scenario(text).schemes
    assert entry.name == "testbed DRED"
    assert [(each.name, each.dred.depth_ms) for each in entry.each() if each.dred] == [
        ("testbed DRED 100 ms", (100,)),
        ("testbed DRED 2000 ms", (2000,)),
    ]
    assert [each.dred_to_write() for each in entry.each()] == [
        WrittenDred(100, 4, 5, 15),
        WrittenDred(2000, 4, 5, 15),
    ]
    *_, one = parse_scenario(text.replace("[100, 2000]", "[100]")).schemes
    assert [each.name for each in one.each()] == ["testbed DRED 100 ms"]
    *_, of_libopus = parse_scenario(TEXT.replace("depth_ms: 100", "depth_ms: [100, 200]")).schemes
    assert [each.name for each in of_libopus.each()] == ["DRED 100 ms", "DRED 200 ms"]
    assert not any(each.dred_to_write() for each in of_libopus.each())


def test_dred_of_our_own_keeps_to_no_total_and_to_no_target() -> None:
    ours = TEXT.replace(DRED, "{writer: testbed, depth_ms: 100}")
    for old, new, message in (
        ("codec: {bitrate_kbps: 24}", "codec: {total_kbps: 24}", "give codec.bitrate_kbps instead of"),
        ("seed: 1", "seed: 1\nfeedback: {format: ccfb}", "in a closed loop use writer: libopus"),
    ):
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(ours.replace(old, new).replace("sweep: {codec.bitrate_kbps: [16, 24]}\n", ""))
        [line] = str(caught.value).splitlines()
        assert line.startswith("scenario:7: schemes.2.dred.writer: testbed ")
        assert message in line


def test_a_path_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    scenario = load_scenario(path)
    assert (scenario.folder, scenario.text, scenario.source) == (tmp_path, TEXT, str(path))
    assert scenario.at("schemes", 2, "dred") == f"{path}:7: schemes.2.dred"
    assert "text" not in scenario.model_dump()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "quikstart",
            "quikstart: no such file, and no packaged scenario of that name; did you mean quickstart?",
        ),
        ("no/such.yaml", "no/such.yaml: no such file"),
        ("..", "..: is a folder"),
        ("../scenarios/quickstart", "no such file"),
    ],
)
def test_no_such_scenario(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(name)
    assert message in str(caught.value)


def test_a_dumped_scenario_is_the_same_scenario() -> None:
    scenario = parse_scenario(TEXT)
    again = parse_scenario(json.dumps(scenario.model_dump(mode="json", exclude_none=True)))
    assert again.model_dump() == scenario.model_dump()
    assert [p.parameters for p in points(again)] == [p.parameters for p in points(scenario)]
    sent = pickle.loads(pickle.dumps(scenario))
    assert (sent.text, sent.model_dump()) == (scenario.text, scenario.model_dump())


@pytest.mark.parametrize("name", packaged_scenarios())
def test_the_json_schema_takes_what_the_loader_takes(name: str) -> None:
    check = Draft202012Validator(json.loads(json.dumps(schema())))
    data = read_document(packaged_scenarios()[name], name, Path()).data
    assert [error.message for error in check.iter_errors(data)] == []
    assert not check.is_valid({**data, "sede": 1})
    assert not check.is_valid({**data, "codec": {"bitrate_kbps": "24"}})
    assert not check.is_valid({**data, "schemes": ["pcl"]})


def test_points_are_products_in_written_order() -> None:
    text = TEXT.replace(
        "{codec.bitrate_kbps: [16, 24]}",
        "{codec.bitrate_kbps: [16, 24], channel.loss.rate: [0, 0.1], schemes.red.at_distances: [[1, 2], [1, 3]]}",
    )
    found = points(parse_scenario(text))
    wanted = list(product([16, 24], [0, 0.1], ["[1, 2]", "[1, 3]"]))
    assert [tuple(point.parameters.values()) for point in found] == wanted
    assert [point.index for point in found] == list(range(8))
    assert found[3].scenario.channel[0].parameters.rate == 0.1
    red = found[3].scenario.schemes[1].red
    assert red is not None
    assert red.at_distances == (1, 3)
    assert all(point.scenario.sweep == {} for point in found)
    assert found[5].scenario.codec.bitrate_kbps == 24
    assert all(point.scenario.text == text for point in found)


def test_no_sweep_is_one_point() -> None:
    [point] = points(parse_scenario(TEXT.replace("sweep: {codec.bitrate_kbps: [16, 24]}\n", "")))
    assert point.parameters == {}
    assert point.scenario.codec.bitrate_kbps == 24


def test_a_swept_key_need_not_be_written_as_well() -> None:
    scenario = parse_scenario(TEXT.replace("codec: {bitrate_kbps: 24}\n", ""))
    assert [point.scenario.codec.bitrate_kbps for point in points(scenario)] == [16, 24]


def test_a_scenario_made_in_python_sweeps_too() -> None:
    made = Scenario.model_validate(parse_scenario(TEXT).model_dump(mode="json", exclude_none=True))
    assert [point.scenario.codec.bitrate_kbps for point in points(made)] == [16, 24]


@pytest.mark.parametrize(
    ("override", "look", "value"),
    [
        ("seed=7", "seed", 7),
        ("codec.complexity=5", "codec.complexity", 5),
        ("codec={total_kbps: 40}", "codec.total_kbps", 40),
        ("playout={policy: offline}", "playout.policy", "offline"),
        ("channel.delay.constant_ms=10", "channel.1.parameters.constant_ms", 10),
        ("schemes.dred.depth_ms=200", "schemes.2.name", "DRED 200 ms"),
        ("schemes.0=neural_plc", "schemes.0.name", "neural PLC"),
        ("metrics=[estoi, pesq_wb]", "metrics.1.name", "pesq_wb"),
        ("about=a = b", "about", "a = b"),
    ],
)
def test_overrides(tmp_path: Path, override: str, look: str, value: object) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    overrides = [override] if not override.startswith("codec={") else [override, "sweep={}"]
    here = load_scenario(path, overrides)
    for step in look.split("."):
        here = here[int(step)] if step.isdigit() else getattr(here, step)
    assert here == value


def test_a_buffer_takes_the_place_of_a_delay_and_of_its_sweep(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace("codec.bitrate_kbps: [16, 24]", "playout.delay_ms: [40, 80]"))
    here = load_scenario(path, ["playout.buffer_ms=30"])
    assert isinstance(here, Scenario)
    playout: Any = here.playout
    assert (playout.model_dump(exclude_none=True), here.sweep) == (
        {"policy": "fixed", "buffer_ms": 30},
        {},
    )
    swept = ["playout={policy: fixed}", "sweep={playout.buffer_ms: [20, 60]}"]
    assert [point.scenario.playout.buffer_ms for point in points(load_scenario(path, swept))] == [20, 60]
    with pytest.raises(ScenarioError, match="give exactly one of delay_ms"):
        load_scenario(path, ["playout.buffer_ms=30", "playout.delay_ms=30"])


def test_a_metric_scores_the_first_realizations_or_all(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    for override in ("metrics=[estoi, {plcmos: {realizations: 2}}]", "metrics.plcmos.realizations=2"):
        scenario = load_scenario(path, [override])
        assert isinstance(scenario, Scenario)
        assert "plcmos" in scenario.metrics_of(1)
        assert "plcmos" not in scenario.metrics_of(2)
        assert scenario.metric_names[-1] == "plcmos"
    three = parse_scenario(TEXT.replace("[plcmos]", "[estoi, {plcmos: {realizations: 2}}, {pesq_wb: }]"))
    assert isinstance(three, Scenario)
    assert three.metrics_of(9) == ["estoi", "pesq_wb"]
    written = three.model_dump(mode="json")["metrics"]
    assert written == ["estoi", {"plcmos": {"realizations": 2}}, "pesq_wb"]
    assert Scenario.model_validate(three.model_dump(mode="json", exclude_none=True)).metrics == three.metrics


def test_a_metric_scores_the_languages_that_it_judges() -> None:
    both = parse_scenario(TEXT.replace("[plcmos]", "[estoi, {wer: {realizations: 2}}]"))
    assert isinstance(both, Scenario)
    assert both.metrics_of(0) == both.metrics_of(0, "en") == ["estoi", "wer"]
    assert both.metrics_of(0, "fr") == both.metrics_of(2, "en") == ["estoi"]


def test_overriding_a_swept_key_ends_its_sweep(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    for override in ("codec.bitrate_kbps=32", "codec={bitrate_kbps: 32}"):
        [point] = points(load_scenario(path, [override]))
        assert point.scenario.codec.bitrate_kbps == 32
    assert len(points(load_scenario(path, ["sweep.codec.bitrate_kbps=[8, 9, 10]"]))) == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "--set seed: must be key=value, e.g. --set codec.bitrate_kbps=24"),
        ("seed=[", "--set: seed: not valid YAML"),
        ("codec.bitrate_kpbs=9", "--set: codec.bitrate_kpbs: unknown key; did you mean bitrate_kbps?"),
        ("chanel.loss.rate=0.1", "--set: chanel: unknown key; did you mean channel?"),
        ("realizations=many", "--set: realizations: must be a number, not 'many'"),
        ("schemes.lbrr.x=1", "--set: schemes.lbrr.x: no list item is called 'lbrr'"),
        ("name.x=1", "--set: name.x: name is 'small', so it has no 'x'"),
    ],
)
def test_bad_overrides(tmp_path: Path, override: str, message: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, [override])
    assert str(caught.value).startswith(message)


RATE = "bitrate_kbps: 24"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # unknown keys and names
        (RATE, "bitrate_kpbs: 24", "3: codec.bitrate_kpbs: unknown key; did you mean bitrate_kbps?"),
        ("seed:", "sede:", "13: sede: unknown key; did you mean seed?"),
        ("- plc", "- plcc", "5: schemes.0: unknown name 'plcc'; did you mean plc?"),
        ("rate: 0.2", "rat: 0.2", "9: channel.0.loss.rat: unknown key; did you mean rate?"),
        ("- loss:", "- los:", "9: channel.0.los: unknown stage 'los'; did you mean loss?"),
        ("bernoulli", "bernouli", "9: channel.0.loss.model: unknown loss model 'bernouli'; did you mean bernoulli?"),
        ("fixed", "fixd", "11: playout.policy: unknown playout policy 'fixd'; did you mean fixed?"),
        ("packaged", "packagd", "2: speech.corpus: must be one of asterisk, more, packaged, not 'packagd'; did you mean packaged?"),
        ("[plcmos]", "[plcmos, pesq]", "15: metrics.1: unknown metric 'pesq'; did you mean pesq_wb?"),
        # wrong units
        (RATE, "bitrate: 24000", "3: codec.bitrate: unknown key; did you mean bitrate_kbps? 24000 bit/s is bitrate_kbps: 24"),
        (RATE, "bitrate_kbps: 24000", "3: codec.bitrate_kbps: must be at most 510, not 24000; 24000 bit/s is bitrate_kbps: 24"),
        ("constant_ms: 40", "constant: 40", "10: channel.1.delay.constant: unknown key; did you mean constant_ms?"),
        ("delay_ms: 60", "delay_s: 0.06", "11: playout.delay_s: unknown key; did you mean delay_ms? 0.06 s is delay_ms: 60"),
        ("rate: 0.2", "rate: 20", "9: channel.0.loss.rate: must be at most 1, not 20; a share of 1, not per cent: 20 % is 0.2"),
        # wrong types
        (RATE, 'bitrate_kbps: "24"', "3: codec.bitrate_kbps: must be a number, not '24'; write 24 without quotes"),
        (RATE, "bitrate_kbps: 24 kb/s", "3: codec.bitrate_kbps: must be a number, not '24 kb/s'; write the number alone: 24"),
        (RATE, "bitrate_kbps: true", "3: codec.bitrate_kbps: must be a number, not true"),
        (RATE, "bitrate_kbps: [24]", "3: codec.bitrate_kbps: must be a number, not [24]"),
        ("codec: {bitrate_kbps: 24}", "codec: 24", "3: codec: must be a mapping, {key: value}, not 24"),
        ("realizations: 2", "realizations: 2.5", "12: realizations: must be a whole number, not 2.5"),
        ("constant_ms: 40", "constant_ms: .inf", "10: channel.1.delay.constant_ms: must be a finite number, not inf"),
        ("metrics: [plcmos]", "metrics: plcmos", "15: metrics: must be a list, [...], not 'plcmos'"),
        ("name: small", "name: ../small", "1: name: must be letters, digits"),
        ("name: small", "name: 3", "1: name: must be text, not 3"),
        # impossible values
        ("rate: 0.2", "rate: -0.1", "9: channel.0.loss.rate: must be at least 0, not -0.1"),
        ("depth_ms: 100", "depth_ms: 105", "7: schemes.2.dred.depth_ms: must be a multiple of 10, not 105"),
        ("{copies: 2}", "{copies: 1, at_distances: [70]}", "6: schemes.1.red.at_distances: a copy 70 frames of 20 ms back"),
        (", bitrate_kbps: 20", "", "7: schemes.2.dred.bitrate_kbps: missing"),
        ("depth_ms: 100", "depth_ms: [100, 105]", "7: schemes.2.dred.depth_ms.1: must be a multiple of 10, not 105"),
        ("depth_ms: 100", "depth_ms: [100, 100]", "7: schemes.2.dred.depth_ms: duplicate depth"),
        ("depth_ms: 100", "depth_ms: []", "7: schemes.2.dred.depth_ms: needs at least 1"),
        ("depth_ms: 100", 'depth_ms: "100"', "7: schemes.2.dred.depth_ms: must be a whole number, not '100'"),
        ("depth_ms: 100", "depth_ms: 2000", "7: schemes.2.dred.depth_ms: must be at most 1000, not 2000; writer: testbed writes deeper ones"),
        ("depth_ms: 100", "depth_ms: 100, q0: 3", "7: schemes.2.dred.q0: libopus chooses its quantizer itself; this is for writer: testbed"),
        ("{depth_ms: 100", "{writer: testbed, depth_ms: 100", "7: schemes.2.dred.bitrate_kbps: is for writer: libopus; with testbed depth_ms"),
        (DRED, "{writer: testbed, depth_ms: 9990}", "7: schemes.2.dred.depth_ms: must be at most 9980, not 9990"),
        (DRED, "{writer: testbed, depth_ms: 100, q0: 16}", "7: schemes.2.dred.q0: must be at most 15, not 16"),
        (DRED, "{writer: testbed, depth_ms: 100, q0: 9, qmax: 9}", "7: schemes.2.dred.qmax: must be 10 to 15 with q0 9 and dq 5, not 9"),
        (DRED, "{writer: testbed, depth_ms: 100, dq: 0, qmax: 9}", "7: schemes.2.dred.qmax: must be 15 with q0 6 and dq 0, not 9"),
        (DRED, "{writer: opus, depth_ms: 100}", "7: schemes.2.dred.writer: must be one of libopus, testbed, not 'opus'"),
        (", delay_ms: 60", "", "11: playout: give exactly one of delay_ms"),
        ("delay_ms: 60", "delay_ms: 60, buffer_ms: 60", "11: playout: give exactly one of delay_ms"),
        ("delay_ms: 60", "buffer: 60", "11: playout.buffer: unknown key; did you mean buffer_ms?"),
        (RATE, "bitrate_kbps: 24, total_kbps: 40", "3: codec: give exactly one of bitrate_kbps"),
        ("- plc", "- dred: {depth_ms: 100, bitrate_kbps: 9}", "7: schemes.2: 'DRED 100 ms' is the name of schemes.0"),
        ("- plc", "- {name: no loss, plc: }", "5: schemes.0: 'no loss' is the name of the ceiling"),
        ("[plcmos]", "[plcmos, plcmos]", "15: metrics.1: duplicate metric plcmos"),
        # a metric on a part of the calls
        ("[plcmos]", "[{plcmso: {realizations: 2}}]", "15: metrics.0.plcmso: unknown metric 'plcmso'; did you mean plcmos?"),
        ("[plcmos]", "[{plcmos: {realisations: 2}}]", "15: metrics.0.plcmos.realisations: unknown key; did you mean realizations?"),
        ("[plcmos]", "[{plcmos: {realizations: 0}}]", "15: metrics.0.plcmos.realizations: must be at least 1, not 0"),
        ("[plcmos]", "[{plcmos: {realizations: all}}]", "15: metrics.0.plcmos.realizations: must be a number, not 'all'"),
        ("[plcmos]", "[{plcmos: 2}]", "15: metrics.0.plcmos: must be a mapping, {key: value}, not 2"),
        ("[plcmos]", "[{plcmos: {}, estoi: {}}]", "15: metrics.0: must be one metric: plcmos, or {pesq_wb: {realizations: 2}}"),
        ("[plcmos]", "[3]", "15: metrics.0: must be one metric: plcmos, or {pesq_wb: {realizations: 2}}"),
        ("[plcmos]", "[plcmos, {plcmos: {realizations: 1}}]", "15: metrics.1: duplicate metric plcmos"),
        # sweeps
        ("[16, 24]", "16", "14: sweep: codec.bitrate_kbps: must be a list of values, not 16"),
        ("[16, 24]", "[]", "14: sweep: codec.bitrate_kbps: must be a list of values, not []"),
        ("[16, 24]", "[16, 16]", "14: sweep: codec.bitrate_kbps: duplicate value"),
        ("[16, 24]", "[16, 5]", "14: codec.bitrate_kbps: must be at least 6, not 5"),
        ("codec.bitrate_kbps: [16", "codec.bitrate_kpbs: [16", "14: codec.bitrate_kpbs: unknown key; did you mean bitrate_kbps?"),
        ("{codec.bitrate_kbps: [16, 24]}", "{codec: {bitrate_kbps: [16]}}", "14: sweep: codec: write the dotted key, e.g. codec.bitrate_kbps: [...]"),
        ("{codec.bitrate_kbps: [16, 24]}", "[16, 24]", "14: sweep: must map dotted keys to lists"),
        ("codec.bitrate_kbps: [16, 24]", "name: [a, b]", "14: sweep: name: cannot be swept"),
        ("codec.bitrate_kbps: [16, 24]", "schemes.lbrr.x: [1]", "14: schemes.lbrr.x: no list item is called 'lbrr'"),
        ("codec.bitrate_kbps: [16, 24]", "codec.total_kbps: [30]", "3: codec: give exactly one"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_line(old: str, new: str, message: str) -> None:
    [line] = mistakes(old, new)
    assert line.startswith(f"s.yaml:{message}")


def test_a_missing_key_says_which() -> None:
    assert mistakes("speech: {corpus: packaged}\n", "") == [
        "s.yaml:1: speech: missing, as in speech: {corpus: asterisk, clips: 8}"
    ]


def test_several_mistakes_are_all_told() -> None:
    text = TEXT.replace(RATE, "bitrate_kpbs: 24, complexity: 11").replace("rate: 0.2", "rate: 2")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text.replace("seed: 1", "sede: 1"), label="s.yaml")
    assert sorted(str(caught.value).splitlines()) == [
        "s.yaml:13: sede: unknown key; did you mean seed?",
        "s.yaml:3: codec.bitrate_kpbs: unknown key; did you mean bitrate_kbps?",
        "s.yaml:3: codec.complexity: must be at most 10, not 11",
        "s.yaml:9: channel.0.loss.rate: must be at most 1, not 2; a share of 1, not per cent: 2 % is 0.02",
    ]


def test_a_mistake_at_one_point_says_which_point() -> None:
    text = TEXT.replace("{copies: 2}", "{copies: 1, at_distances: [9]}")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(
            text.replace("codec.bitrate_kbps: [16, 24]", "codec.frame_ms: [10, 60]"), label="s.yaml"
        )
    [line] = str(caught.value).splitlines()
    assert line.startswith("s.yaml:6: schemes.1.red.at_distances: a copy 9 frames of 60 ms back")
    assert line.endswith("(at codec.frame_ms = 60)")


def test_too_many_points_are_refused_before_they_are_made() -> None:
    values = list(range(1, 200))
    sweep = f"sweep: {{seed: {values}, channel.delay.constant_ms: {values}}}"
    [line] = mistakes("sweep: {codec.bitrate_kbps: [16, 24]}", sweep)
    assert line == "s.yaml:14: sweep: 39601 combinations; at most 10000"


@pytest.mark.parametrize("text", ["", "- a", "24", "just words"])
def test_not_even_a_mapping(text: str) -> None:
    with pytest.raises(ScenarioError, match="must be a mapping of keys: name, about, "):
        parse_scenario(text)


def test_a_trace_with_garbage_names_file_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("0 1 0\nx\n")
    (tmp_path / "s.yaml").write_text(
        TEXT.replace("- loss: {model: bernoulli, rate: 0.2}", "- trace: {file: bad.txt}")
    )
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "s.yaml")
    assert "s.yaml:9: channel.0.trace.file: " in str(caught.value)
    assert "bad.txt" in str(caught.value)


def test_files_of_a_packaged_scenario_are_the_users_and_relative_to_where_they_are(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("0 1 0 0\n")
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario("recorded", ["channel.recorded.file=mine.txt"])
    assert scenario.channel[0].parameters.mean_loss(scenario.folder) == 0.25


def test_speech_cannot_be_swept_since_all_points_say_the_same() -> None:
    text = TEXT.replace("{codec.bitrate_kbps: [16, 24]}", "{speech.clips: [1, 2]}")
    with pytest.raises(ScenarioError, match=r"speech\.clips: cannot be swept"):
        parse_scenario(text)


def test_a_metric_that_judges_no_clip_is_refused_with_the_languages_of_the_clips(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace("[plcmos]", "[estoi, wer]"))
    scenario = load_scenario(path)
    assert isinstance(scenario, Scenario)
    clips = load_clips(scenario.speech, scenario.folder)
    others = [clip for clip in clips if clip.language != "en"]
    message = f"{path}:15: metrics.1: wer judges speech in en; the clips are in fr, it, ru"
    with pytest.raises(ScenarioError, match=f"^{re.escape(message)}$"):
        check_languages(scenario, others)
    check_languages(scenario, [*others, replace(others[0], language="")])
    check_languages(scenario, clips)


def test_a_metric_whose_package_is_not_installed_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace("[plcmos]", "[plcmos, visqol]"))
    scenario = load_scenario(path)
    assert isinstance(scenario, Scenario)
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name == "visqol" else object())
    message = (
        f"{path}:15: metrics.1: visqol needs visqol, which is not installed; {METRICS['visqol'].install}"
    )
    with pytest.raises(ScenarioError, match=f"^{re.escape(message)}$"):
        check_packages(scenario)
