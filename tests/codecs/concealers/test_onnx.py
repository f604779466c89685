"""The concealer `onnx`: what a network is given step by step, and networks that are refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import external_data_helper, helper, save
from pydantic import ValidationError

from testbed.codecs.concealers.concealer import GapToFill
from testbed.codecs.concealers.onnx_concealer import OnnxConcealer
from testbed.codecs.concealers.onnx_model import MOST_BYTES, read_model
from testbed.errors import CodecError
from tests.codecs.concealers.networks import (
    STEP,
    constant,
    counting,
    floats,
    halving,
    network,
    of_features,
    saved,
)


def gap(frames: int, past_ms: int = 200) -> GapToFill:
    vectors = past_ms // 10 + frames + 2
    features = np.zeros((vectors, 20), np.float32)
    features[:, 0] = np.arange(vectors) / 100
    known = np.ones(frames + 2, bool)
    known[1] = False
    past = np.linspace(-1, 1, 16 * past_ms, dtype=np.float32)
    return GapToFill(past, features[: past_ms // 10], 160 * frames, features[past_ms // 10 :], known, 7)


def sound(model, folder: Path, gap: GapToFill, **parameters):
    saved(model, folder / "m.onnx")
    concealer = OnnxConcealer.model_validate({"model": "m.onnx", **parameters}, context={"folder": folder})
    [made] = concealer.build(folder).fill([gap])
    return made


def test_a_network_hears_the_sound_that_it_made(tmp_path: Path) -> None:
    given = gap(3)
    made = sound(halving(), tmp_path, given)
    expected = np.concatenate([given.past[-STEP:] * level for level in (0.5, 0.25, 0.125)])
    np.testing.assert_array_equal(made, expected)


def test_states_are_carried_through_the_gap_and_begin_anew_in_the_next(tmp_path: Path) -> None:
    saved(counting(), tmp_path / "m.onnx")
    network = OnnxConcealer(model="m.onnx").build(tmp_path)
    for made in network.fill([gap(3), gap(3)]):
        np.testing.assert_allclose(made[::STEP], [0.01, 0.02, 0.03], rtol=1e-6)


def test_states_are_warmed_up_over_the_past(tmp_path: Path) -> None:
    made = sound(counting(), tmp_path, gap(2), warm_up_ms=50)
    np.testing.assert_allclose(made[::STEP], [0.06, 0.07], rtol=1e-6)


def test_the_last_step_may_be_longer_than_the_rest_of_the_gap(tmp_path: Path) -> None:
    made = sound(counting(step=240), tmp_path, gap(2))
    assert made.shape == (320,)
    np.testing.assert_allclose(made[[0, 239, 240, 319]], [0.01, 0.01, 0.02, 0.02], rtol=1e-6)


def test_features_of_a_step_are_those_of_its_time_and_the_past_ones_those_before(tmp_path: Path) -> None:
    made = sound(of_features(), tmp_path, gap(3))
    # the second vector of the gap is not known: 20 vectors of the past count from 0.00 to 0.19
    np.testing.assert_allclose(made[::STEP], [0.19 + 0.20, 0.20 + 0, 0.21 + 0.22], rtol=1e-6)


def outside() -> object:
    model = network(
        [("Mul", ["past", "half"], ["pcm"])],
        [floats("past", 1, STEP)],
        [floats("pcm", 1, STEP)],
        [constant("half", 0.5, 1, STEP)],
    )
    external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
    return model


def inside_a_branch() -> object:
    weights = constant("w", 0, 1, STEP)
    external_data_helper.set_external_data(weights, "secret.bin")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=weights)], "b", [], [floats("b", 1, STEP)]
    )
    return network(
        [("If", ["is"], ["pcm"], ("then_branch", branch), ("else_branch", branch))],
        [floats("is", 1, 1)],
        [floats("pcm", 1, STEP), floats("is_next", 1, 1)],
    )


SOUND = floats("pcm", 1, STEP)
COPY = [("Identity", ["past"], ["pcm"])]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (outside, "has the weights 'half' in another file; save it as one file"),
        (inside_a_branch, "has the weights 'w' in another file"),
        (
            lambda: network(
                [("Mine", ["past"], ["pcm"], ("domain", "my.ops"))],
                [floats("past", 1, STEP)],
                [SOUND],
                domains=(("", 17), ("my.ops", 1)),
            ),
            "has the operator 'Mine' of 'my.ops', which needs a library of custom operators",
        ),
        (lambda: network(COPY, [floats("past", 1, STEP)], [floats("out", 1, STEP)]), "needs an output 'pcm'"),
        (
            lambda: network(COPY, [floats("past", 1, STEP)], [floats("pcm", 1, "n")]),
            "the output 'pcm' must be float32 (1, samples), samples fixed, 1 to 32000; it is float32 (1, 0)",
        ),
        (
            lambda: network(COPY, [floats("past", STEP)], [SOUND]),
            "the input 'past' must be float32 (1, length); it is float32 (160,)",
        ),
        (
            lambda: network(COPY, [floats("features", 1, 2, 18)], [SOUND]),
            "the input 'features' must be float32 (1, vectors, 20)",
        ),
        (
            lambda: network(COPY, [floats("features", 1, 2, 20)], [floats("pcm", 1, 100)]),
            "the output 'pcm' must be a multiple of 160 samples long",
        ),
        (
            lambda: network(COPY, [floats("past", 1, STEP), floats("h", 1, 4)], [SOUND]),
            "the input 'h' is unknown (known: past, past_features, features, known), and no state",
        ),
        (
            lambda: network(COPY, [floats("h", 1, "n")], [SOUND, floats("h_next", 1, "n")]),
            "the state 'h' needs a fixed shape",
        ),
        (
            lambda: network(COPY, [floats("h", 1, 4)], [SOUND, floats("h_next", 1, 5)]),
            "the output 'h_next' is float32 (1, 5), the state is float32 (1, 4)",
        ),
    ],
)
def test_a_network_that_cannot_conceal_is_refused(model, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model().SerializeToString())
    with pytest.raises(CodecError) as error:
        read_model(path)
    assert str(error.value).startswith(f"{path}: {reason}")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"RIFF....WAVE", b"\x08\x08"])
def test_another_file_is_no_network(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(CodecError, match="is not an ONNX model"):
        read_model(tmp_path / "m.onnx")


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "m.onnx").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(CodecError, match="has more than 64 MB"):
        read_model(tmp_path / "m.onnx")
    with pytest.raises(CodecError, match="is not a file"):
        read_model(tmp_path)


def test_a_past_that_is_too_short_for_a_network_is_named_with_the_right_one(tmp_path: Path) -> None:
    save(halving(), tmp_path / "m.onnx")
    given = {"model": "m.onnx", "past_ms": 20, "warm_up_ms": 50}
    with pytest.raises(ValidationError, match="the network needs 60, with warm_up_ms 50, not 20"):
        OnnxConcealer.model_validate(given, context={"folder": tmp_path})


def test_a_pipe_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(CodecError, match="is not a file"):
        read_model(tmp_path / "model.onnx")
