"""The distortion that a training minimizes is the one that a curve reports."""

from typing import Any

import numpy as np
import pytest

from testbed.codecs.dred import distortion as reported

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: make setup-train")

from testbed.training.distortion import distortion  # noqa: E402 - needs PyTorch


def test_both_are_the_same_number():
    random = np.random.default_rng(1)
    true = random.normal(0, 0.4, (3, 40, 20)).astype(np.float32)
    decoded = (true + random.normal(0, 0.3, true.shape)).astype(np.float32)
    trained = distortion(torch.from_numpy(true), torch.from_numpy(decoded)).numpy()
    np.testing.assert_allclose(trained, reported.distortion(true, decoded), rtol=1e-4)
