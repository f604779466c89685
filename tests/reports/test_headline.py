"""The headline does not say more than the calls do."""

from pathlib import Path

import numpy as np
import pandas as pd

from testbed.reports import headline
from testbed.reports.summary import summarize
from testbed.results import Results


def said(scores: dict[str, list[float]], costs: dict[str, float]) -> str:
    """Return the headline of a run: by scheme the PLCMOS of each clip, NaN for a call that failed."""
    rows = [
        {
            "point": 0,
            "scheme": scheme,
            "clip": f"clip {number}",
            "realization": 0,
            "plcmos": score,
            "wire_kbps": costs[scheme],
            "error": "" if np.isfinite(score) else "failed",
        }
        for scheme, values in scores.items()
        for number, score in enumerate(values)
    ]
    manifest = {"scheme_names": list(scores), "metrics": ["plcmos"], "points": [{}]}
    summary = summarize(Results(Path(), pd.DataFrame(rows), manifest))
    return " ".join(headline.sentences(summary, 0))


COSTS = {"classic PLC": 40.0, "A": 60.0, "B": 60.0}
PLAIN = [2.0, 2.2, 2.1, 2.3, 3.0, 3.1, 3.2, 3.3]


def test_a_scheme_that_fails_where_calls_are_hard_does_not_win_by_it() -> None:
    better = [score + 0.8 for score in PLAIN]
    failing = [float("nan")] * 4 + [score + 0.6 for score in PLAIN[4:]]
    text = said({"classic PLC": PLAIN, "A": failing, "B": better}, COSTS)
    assert text.startswith("B sounds best")


def test_what_the_calls_cannot_tell_apart_is_not_called_best() -> None:
    wave = np.array([0.2, -0.2] * 4)
    one, other = np.array(PLAIN) + 0.81 + wave, np.array(PLAIN) + 0.8 - wave
    text = said({"classic PLC": PLAIN, "A": one.tolist(), "B": other.tolist()}, COSTS)
    assert "sounds best" not in text
    assert "scores highest" in text
    assert "cannot tell it from" in text


def test_a_single_call_proves_nothing() -> None:
    text = said({"classic PLC": [2.0], "A": [4.2]}, COSTS)
    assert "sounds best" not in text
