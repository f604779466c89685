"""Run the examples in the docstrings of what a notebook uses; later ones use what earlier ones made."""

import doctest
import importlib
from pathlib import Path
from typing import Any

import pytest

import testbed

FUNCTIONS = {
    "testbed.runner": ["run"],
    "testbed.loaded_run": [
        "load", "Run.answer", "Run.report", "Run.summary", "Run.rows", "Run.plot", "Run.call"
    ],
    "testbed.reports.comparison": ["compare"],
    "testbed.repeated_call": ["Call.timeline", "Call.delays", "Call.audio", "Call.plot"],
    "testbed.scenario.loading": ["load_scenario", "parse_scenario"],
    "testbed.scenario.packaged": ["packaged_scenarios"],
    "testbed.speech": ["list_clips"],
    "testbed.stats": ["interval"],
    "testbed.traces.formats": ["read", "write"],
}  # fmt: skip
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def example(module: str, name: str) -> doctest.DocTest:
    found = doctest.DocTestFinder(recurse=True).find(importlib.import_module(module), module, globs={})
    return next(test for test in found if test.name == f"{module}.{name}")


def test_the_examples_of_twenty_functions_say_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("testbed.runner.cores", lambda: 1)
    known: dict[str, Any] = {"testbed": testbed}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    tests = [example(module, name) for module, names in FUNCTIONS.items() for name in names]
    assert len(tests) == 20
    for test in tests:
        assert test.examples, f"{test.name} has no example"
        test.globs = known
        result = runner.run(test, clear_globs=False)
        assert result.failed == 0, capsys.readouterr().out
