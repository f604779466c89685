"""Progress of a run: the time left is estimated from rows like those to come, and omitted if unknown."""

import pytest

from testbed.progress import Pace, progress
from testbed.runner import Progress


def test_the_time_left_does_not_count_the_wait_for_the_first_rows() -> None:
    pace = Pace()
    steps = [(0, 0.1), (0, 60.0), (4, 61.0), (8, 65.0), (16, 73.0), (100, 157.0)]
    left = [pace.left_s(Progress(done, 100, elapsed_s, "calls")) for done, elapsed_s in steps]
    assert left == [None, None, None, pytest.approx(92), pytest.approx(84), 0.0]


def test_a_moment_is_too_short_to_tell_the_time_left_by() -> None:
    pace = Pace()
    assert pace.left_s(Progress(1, 100, 1.0, "calls")) is None
    assert pace.left_s(Progress(2, 100, 1.1, "calls")) is None


def test_lines_say_what_is_known_and_the_last_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        for done, elapsed_s, message in [
            (0, 0.0, "compiling"),
            (0, 70.0, "calls"),
            (10, 75.0, "calls"),
            (20, 85.0, "calls"),
            (40, 3705.0, "writing"),
        ]:
            show(Progress(done, 40, elapsed_s, message))
        show(Progress(4, 4, 5.0, "flows", "runs"))
    assert capsys.readouterr().err.splitlines() == [
        "compiling: 0 of 40 rows, 0:00:00 elapsed",
        "calls: 0 of 40 rows, 0:01:10 elapsed",
        "calls: 10 of 40 rows, 0:01:15 elapsed",
        "calls: 20 of 40 rows, 0:01:25 elapsed, about 0:00:20 left",
        "writing: 40 of 40 rows, 1:01:45 elapsed",
        "flows: 4 of 4 runs, 0:00:05 elapsed",
    ]
