"""Progress of a run: the time left is estimated from rows like those to come, and omitted if unknown."""

import pytest

from testbed.progress import Pace, Progress, progress


def seen(total: int, *steps: tuple[int, float]) -> list[tuple[float | None, float | None]]:
    """Return the speed and the time left after each step, a number of rows and a time in s."""
    pace, found = Pace(), []
    pace.see(Progress(0, total, 0.0, "calls"))
    for done, elapsed_s in steps:
        pace.see(Progress(done, total, elapsed_s, "calls"))
        found.append((pace.per_s, pace.left_s))
    return found


def test_the_speed_does_not_count_the_wait_for_the_first_rows() -> None:
    assert seen(100, (0, 0.1), (0, 60.0), (4, 61.0), (8, 65.0), (16, 73.0), (100, 157.0)) == [
        (None, None),
        (None, None),
        (None, None),
        (1, 92),
        (1, 84),
        (1, 0),
    ]


def test_a_moment_is_too_short_to_tell_the_time_left_by() -> None:
    assert seen(100, (1, 1.0), (2, 1.1)) == [(None, None)] * 2
    assert seen(100, (50, 1.0), (51, 1.5))[1] == (2, 24.5)


def test_the_speed_is_that_of_the_last_minute() -> None:
    slow = [(row, 10.0 * row) for row in range(1, 31)]
    fast = [(30 + row, 300 + 0.5 * row) for row in range(1, 241)]
    found = seen(1030, *slow, *fast)
    assert found[29] == (0.1, 10_000)
    speeds = [per_s for per_s, _ in found[30:] if per_s is not None]
    assert speeds == sorted(speeds)
    assert found[149] == (2, 440)
    assert found[-1] == (2, 380)


def test_the_speed_of_a_resumed_run_is_that_of_its_own_rows() -> None:
    pace = Pace()
    for done, elapsed_s in [(500, 0.0), (500, 60.0), (501, 61.0), (511, 66.0)]:
        pace.see(Progress(done, 531, elapsed_s, "calls"))
    assert (pace.per_s, pace.left_s) == (2, 10)


def test_rows_that_take_longer_than_a_minute_have_a_speed_too() -> None:
    assert seen(10, (1, 100.0), (2, 200.0), (3, 300.0))[-1] == (0.01, 700)


def test_lines_say_what_is_known_and_the_last_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        for done, elapsed_s, message in [
            (0, 0.0, "compiling"),
            (0, 70.0, "calls"),
            (10, 75.0, "calls"),
            (20, 85.0, "calls"),
            (40, 3705.0, "writing"),
        ]:
            show(Progress(done, 40, elapsed_s, message, cached=done // 4, failed=done // 20))
    with progress() as show:
        show(Progress(4, 4, 5.0, "flows", "runs"))
    assert capsys.readouterr().err.splitlines() == [
        "compiling: 0 of 40 rows, 0:00:00 elapsed",
        "calls: 0 of 40 rows, 0:01:10 elapsed",
        "calls: 10 of 40 rows, 2 from the cache, 0:01:15 elapsed",
        "calls: 20 of 40 rows, 1 rows/s, 5 from the cache, 1 failed, 0:01:25 elapsed, about 0:00:20 left",
        "writing: 40 of 40 rows, 0.0055 rows/s, 10 from the cache, 2 failed, 1:01:45 elapsed",
        "flows: 4 of 4 runs, 0:00:05 elapsed",
    ]
