"""Entries of a scenario's channel: reading, and the places that errors name."""

import copy
import pickle

import pytest
from pydantic import BaseModel, ValidationError

from testbed.channels import STAGES, StageSpec
from testbed.channels.loss import MODELS
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.channels.stage import mean_loss


class Scenario(BaseModel):
    channel: list[StageSpec]


def read(*entries, context=None):
    return Scenario.model_validate({"channel": list(entries)}, context=context)


def error(*entries, context=None):
    with pytest.raises(ValidationError) as caught:
        read(*entries, context=context)
    (only,) = caught.value.errors()
    return only["loc"], only["msg"]


def test_an_entry_has_a_name_and_parameters():
    spec = read({"loss": {"model": "gilbert_elliott", "rate": 0.2, "mean_burst_packets": 6}}).channel[0]
    assert spec.name == "loss"
    assert spec.parameters == GilbertElliott(rate=0.2, mean_burst_packets=6)


def test_specs_can_be_copied_hashed_and_sent_to_another_process():
    spec = read({"loss": {"model": "bernoulli", "rate": 0.1}}).channel[0]
    assert pickle.loads(pickle.dumps(spec)) == copy.deepcopy(spec) == spec
    assert len({spec, copy.deepcopy(spec)}) == 1


GOOD = {"delay": {"constant_ms": 40}}
GE = {"model": "gilbert_elliott"}
MK = {"model": "markov"}


@pytest.mark.parametrize(
    ("entry", "where", "words"),
    [
        ({"los": {}}, ("los",), ["unknown stage 'los'", "did you mean loss?"]),
        ({"loss": {}, "delay": {}}, (), ["one stage", *STAGES]),
        ("loss", (), ["one stage", *STAGES]),
        ({"loss": None}, ("loss",), ["model"]),
        ({"loss": {"rate": 0.1}}, ("loss", "model"), ["missing", *MODELS]),
        (
            {"loss": {"model": "bernouli"}},
            ("loss", "model"),
            ["unknown loss model", "did you mean bernoulli?"],
        ),
        ({"loss": {"model": ["x"]}}, ("loss", "model"), ["unknown loss model", *MODELS]),
        ({"loss": {"model": "bernoulli", "rate": 1.5}}, ("loss", "rate"), ["less than or equal to 1"]),
        ({"loss": {"model": "bernoulli", "rate": -0.1}}, ("loss", "rate"), ["greater than or equal to 0"]),
        ({"loss": {"model": "bernoulli", "rate": "0.1"}}, ("loss", "rate"), ["number"]),
        ({"loss": {"model": "bernoulli", "rate": float("nan")}}, ("loss", "rate"), ["finite"]),
        ({"loss": {"model": "bernoulli"}}, ("loss", "rate"), ["required"]),
        (
            {"loss": {**GE, "rate": 0.8, "mean_burst_packets": 2}},
            ("loss", "rate"),
            ["at least 4", "at most 0.66"],
        ),
        ({"loss": {**GE, "rate": 1, "mean_burst_packets": 2}}, ("loss", "rate"), ["less than 1"]),
        (
            {"loss": {**GE, "rate": 0.1, "mean_burst_packets": 0.5}},
            ("loss", "mean_burst_packets"),
            ["equal to 1"],
        ),
        ({"loss": {**GE, "rate": 0.1}}, ("loss", "rate"), ["mean_burst_packets"]),
        ({"loss": {"model": "lossgen", "rate": 0}}, ("loss", "rate"), ["greater than 0"]),
        ({"loss": {"model": "lossgen", "rate": 1}}, ("loss", "rate"), ["less than 1"]),
        ({"loss": {**GE, "p": 0.1}}, ("loss",), ["p and r", "rate and mean_burst_packets"]),
        ({"loss": {**GE, "p": 0.1, "r": 0.2, "rate": 0.2}}, ("loss", "p"), ["either", "'rate'"]),
        ({"loss": {**GE, "p": 0, "r": 0}}, ("loss", "p"), ["cannot both be 0"]),
        ({"loss": {**GE, "p": 0.1, "r": 0.1, "h": 2}}, ("loss", "h"), ["less than or equal to 1"]),
        (
            {"loss": {**MK, "transitions": [[0.5, 0.4], [0, 1]], "loss": [0, 1]}},
            ("loss", "transitions", 0),
            ["row 1", "sum to 1, not 0.9"],
        ),
        (
            {"loss": {**MK, "transitions": [[0.5, 0.5], [1]], "loss": [0, 1]}},
            ("loss", "transitions", 1),
            ["row 2", "needs 2"],
        ),
        (
            {"loss": {**MK, "transitions": [[1.5, 0.5], [0, 1]], "loss": [0, 1]}},
            ("loss", "transitions", 0, 0),
            ["equal to 1"],
        ),
        (
            {"loss": {**MK, "transitions": [[0.5, 0.5], [0, 1]], "loss": [0]}},
            ("loss", "loss"),
            ["2 probabilities"],
        ),
        (
            {"loss": {**MK, "transitions": [[1, 0], [0, 1]], "loss": [0, 1]}},
            ("loss", "transitions"),
            ["never left"],
        ),
        ({"loss": {**MK, "transitions": [], "loss": [0, 1]}}, ("loss", "transitions"), ["at least one"]),
        ({"delay": {"constant_ms": -1}}, ("delay", "constant_ms"), ["greater than or equal to 0"]),
        ({"delay": {"constant_ms": float("inf")}}, ("delay", "constant_ms"), ["finite"]),
        ({"trace": {"file": "x", "offset_packets": -1}}, ("trace", "offset_packets"), ["equal to 0"]),
        ({"trace": {"file": "x", "after_end": "received"}}, ("trace", "after_end"), ["offset_packets: 0"]),
        (
            {"trace": {"file": "x", "offset_packets": 0, "after_end": "lost"}},
            ("trace", "after_end"),
            ["received"],
        ),
        ({"trace": {}}, ("trace", "file"), ["required"]),
    ],
    ids=str,
)
def test_an_error_points_at_its_key_and_says_what_would_be_right(entry, where, words):
    loc, message = error(GOOD, entry)
    assert loc == ("channel", 1, *where)
    for word in words:
        assert word in message


def test_a_bad_trace_is_an_error_of_the_scenario_where_its_folder_is_known(tmp_path):
    (tmp_path / "bad.txt").write_text("0 1\n0 x\n")
    loc, message = error({"trace": {"file": "bad.txt"}}, context={"folder": tmp_path})
    assert loc == ("channel", 0, "trace", "file")
    assert "bad.txt:2: 'x'" in message
    loc, message = error({"trace": {"file": "none.txt"}}, context={"folder": tmp_path})
    assert loc == ("channel", 0, "trace", "file")
    assert "none.txt: is not a file" in message
    (tmp_path / "good.txt").write_text("0 1")
    loc, message = error({"trace": {"file": "good.txt", "offset_packets": 2}}, context={"folder": tmp_path})
    assert loc == ("channel", 0, "trace", "offset_packets")
    assert "0 to 1, not 2" in message


def test_the_highest_rate_that_a_mean_burst_allows_is_accepted():
    p, r, h, k = GilbertElliott(rate=0.75, mean_burst_packets=3).probabilities
    assert (p, r, h, k) == (pytest.approx(1), pytest.approx(1 / 3), 0, 1)


def test_the_loss_of_a_channel_is_that_of_its_stages_together(tmp_path):
    (tmp_path / "half.txt").write_text("0\n1\n")
    stages = read(
        GOOD, {"loss": {"model": "bernoulli", "rate": 0.2}}, {"trace": {"file": "half.txt"}}
    ).channel
    assert mean_loss([spec.parameters for spec in stages], tmp_path) == pytest.approx(1 - 0.8 * 0.5)
    assert mean_loss([], tmp_path) == 0


def test_the_schema_lists_every_stage_and_model():
    schema = Scenario.model_json_schema()
    spec = schema["properties"]["channel"]["items"]
    assert set(spec["properties"]) == set(STAGES)
    assert spec["additionalProperties"] is False
    models = [
        schema["$defs"][choice["$ref"].rsplit("/", 1)[1]] for choice in spec["properties"]["loss"]["anyOf"]
    ]
    assert {model["properties"]["model"]["const"] for model in models} == set(MODELS)
