"""Processor time, without pauses."""

import time

import pytest

from testbed.stopwatch import Stopwatch


def test_the_time_of_pauses_does_not_count_even_of_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr(time, "process_time", lambda: now)
    watch = Stopwatch()
    now = 7.0
    with watch.paused():
        now = 10.0
    with pytest.raises(KeyError), watch.paused():
        now = 11.0
        raise KeyError
    now = 11.5
    assert watch.seconds == 2.5
