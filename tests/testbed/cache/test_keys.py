"""Keys: equal for equal results, and for nothing else."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testbed.cache import digests
from testbed.cache.digests import key_of, package_files
from testbed.cache.keys import CallKeys
from testbed.plan import CallId, plan
from testbed.run_context import RunContext
from testbed.scenario.loading import load_scenario
from testbed.scenario.models import Scenario
from testbed.speech import Clip, list_clips

SCENARIO: dict[str, Any] = {
    "name": "keys",
    "speech": {"corpus": "packaged", "clips": 2},
    "codec": {"bitrate_kbps": 24},
    "schemes": [{"red": {"copies": 1}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "fixed", "delay_ms": 100},
    "metrics": ["estoi"],
    "realizations": 2,
}


def key(scheme: int = 1, clips: list[Clip] | None = None, **other: Any) -> bytes:
    """Return the key of a call of the scenario with other keys."""
    scenario = load_scenario(SCENARIO | other)
    assert isinstance(scenario, Scenario)
    clips = clips or list_clips()["packaged"][:2]
    planned = plan(scenario, len(clips))
    context = RunContext(planned.points, planned.schemes, clips, frozenset(), frozenset())
    call = CallId(0, scheme, 0, 0)
    group = next(group for group in planned.groups() if call in group.calls)
    return CallKeys(context).call(call, group)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"codec": {"bitrate_kbps": 25}},
        {"codec": {"bitrate_kbps": 24, "decoder_complexity": 5}},
        {"codec": {"bitrate_kbps": 24, "dtx": True}},
        {"schemes": [{"red": {"copies": 2}}]},
        {"schemes": [{"plc": {"concealer": "neteq"}, "red": {"copies": 1}}]},
        {"channel": [{"loss": {"model": "bernoulli", "rate": 0.11}}]},
        {"channel": [*SCENARIO["channel"], {"delay": {"constant_ms": 1}}]},
        {"reverse": [{"delay": {"constant_ms": 1}}]},
        {"playout": {"policy": "fixed", "delay_ms": 101}},
        {"playout": {"policy": "offline"}},
        {"feedback": {"format": "ccfb"}},
        {"congestion": {"controller": "gcc"}},
        {"allocation": {"policy": "media_first"}},
        {"other_calls": 1},
        {"engine": "numba"},
        {"limits": {"events": 1_000_000}},
    ],
    ids=str,
)
def test_what_shapes_a_call_shapes_its_key(other):
    assert key(**other) != key()


def test_what_does_not_shape_a_call_is_not_in_its_key():
    wider = {
        "name": "another",
        "about": "more",
        "metrics": ["plcmos"],
        "realizations": 9,
        "sweep": {"channel.loss.rate": [0.1, 0.2]},
        "limits": {"batch_mb": 64},
        "schemes": [{"name": "my RED", "red": {"copies": 1}}, "plc"],
    }
    assert key(clips=list_clips()["packaged"], **wider) == key()


def test_the_samples_and_the_name_of_a_clip_are_in_its_key():
    first, second = list_clips()["packaged"][:2]
    assert key(clips=[replace(first, pcm=first.pcm * 0.999), second]) != key()
    assert key(clips=[replace(first, name="other"), second]) != key()
    assert key(clips=[first, replace(second, pcm=second.pcm * 0.999)]) == key()


def test_lists_and_texts_that_look_alike_differ():
    values: list[Any] = ["1", 1, 1.0, True, None, b"1", [1], [[1]], [1, 1], {"a": 1}, {"a": "1"}, ["a", 1]]
    assert len({key_of(value) for value in values}) == len(values)


def test_a_file_of_another_package_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "foreign"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("foreign")
    monkeypatch.setattr(digests, "_BEGAN_S", time.time() + 60)
    digest = package_files.__wrapped__
    before = digest("foreign.helper")
    assert digest("foreign.helper") == before
    (package / "helper.py").write_text("FACTOR = 22\n")
    assert digest("foreign.helper") != before


def test_code_that_may_have_changed_since_its_import_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "edited_meanwhile.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("edited_meanwhile")
    digest = package_files.__wrapped__
    assert digest("edited_meanwhile") != digest("edited_meanwhile")
