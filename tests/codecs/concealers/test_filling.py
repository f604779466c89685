"""Concealers in their process, and what they return."""

from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.concealers.concealer import GapToFill
from testbed.codecs.concealers.filling import filled
from testbed.codecs.concealers.onnx_concealer import OnnxConcealer
from testbed.codecs.guarded.sounds import checked
from testbed.errors import PluginError
from tests.codecs.concealers.networks import floats, halving, network, saved


def gap(level: float, samples: int = 320) -> GapToFill:
    frames = samples // 160
    return GapToFill(
        past=np.full(3200, level, np.float32),
        past_features=np.zeros((20, 20), np.float32),
        samples=samples,
        features=np.zeros((frames + 2, 20), np.float32),
        known=np.zeros(frames + 2, bool),
        seed=2**63,
    )


def test_gaps_are_filled_in_order_whatever_their_number(tmp_path: Path) -> None:
    saved(halving(), tmp_path / "m.onnx")
    concealer = PlacedConcealer(OnnxConcealer(model="m.onnx"), tmp_path)
    gaps = [gap(0.5), gap(0.25, 480), gap(1.5, 160)]
    together = filled(concealer, gaps)
    assert [len(sound) for sound in together] == [320, 480, 160]
    assert [sound[0] for sound in together] == [8192, 4096, 24576]
    for one, sound in zip(gaps, together, strict=True):
        [alone] = filled(concealer, [one])
        np.testing.assert_array_equal(alone, sound)


def test_a_network_that_onnxruntime_refuses_says_why(tmp_path: Path) -> None:
    model = network(
        [("MatMul", ["past", "past"], ["pcm"])], [floats("past", 1, 160)], [floats("pcm", 1, 160)]
    )
    saved(model, tmp_path / "m.onnx")
    with pytest.raises(PluginError, match=r"concealer 'onnx': Fail: .*ShapeInferenceError"):
        filled(PlacedConcealer(OnnxConcealer(model="m.onnx"), tmp_path), [gap(0.5)])


def test_a_network_that_changes_after_the_scenario_was_read_is_refused(tmp_path: Path) -> None:
    saved(halving(), tmp_path / "m.onnx")
    concealer = PlacedConcealer(OnnxConcealer(model="m.onnx"), tmp_path, ("0" * 64,))
    with pytest.raises(PluginError, match=r"m\.onnx: has changed since the scenario was read"):
        filled(concealer, [gap(0.5)])


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ([0.0] * 320, "returned list, not an array"),
        (np.zeros(321), r"returned an array of shape \(321,\), not \(320,\)"),
        (np.zeros((1, 320)), r"returned an array of shape \(1, 320\), not \(320,\)"),
        (np.zeros(320, complex), "returned samples of type complex128, not int16 or floats"),
        (np.zeros(320, np.int32), "returned samples of type int32, not int16 or floats"),
        (np.full(320, np.nan), "returned NaN or an infinity"),
        (np.full(320, -np.inf), "returned NaN or an infinity"),
        (None, "returned NoneType, not an array"),
    ],
)
def test_what_is_no_sound_is_refused(sound: object, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        checked(sound, 320)


def test_sound_is_rounded_and_clipped_to_int16() -> None:
    np.testing.assert_array_equal(checked(np.array([0.5, -2, 2, 1e38]), 4), [16384, -32768, 32767, 32767])
    np.testing.assert_array_equal(checked(np.array([-32768, 7], np.int16), 2), [-32768, 7])
