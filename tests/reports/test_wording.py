import numpy as np
import pandas as pd
import pytest

from testbed.reports import wording


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (wording.number(-0.014, 2), "−0.01"),
        (wording.number(0.014, 2, sign=True), "+0.01"),
        (wording.number(-0.5, 0, 100, sign=True), "−50"),
        (wording.number(np.float32(12.5), 1), "12.5"),
        (wording.number(float("nan"), 1), "–"),
        (wording.number(float("inf"), 1), "–"),
        (wording.number(None), "–"),
        (wording.number(pd.NA), "–"),
    ],
)
def test_numbers_have_a_true_minus_and_what_is_not_known_a_dash(shown, wanted):
    assert shown == wanted
