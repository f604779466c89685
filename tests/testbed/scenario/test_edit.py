"""Overrides written into a scenario's YAML: the data that were run, and every other character as it was."""

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.scenario.document import parse_document
from testbed.scenario.edit import edited
from testbed.scenario.loading import find_scenario, load_scenario, parse_scenario
from testbed.scenario.packaged import packaged_scenarios

BLOCKS = """\
# a comment first
name: blocks   # and beside
codec:
  bitrate_kbps: 24  # kept
  # kept, too

schemes:
- plc
- red: {copies: 1}   # two
about: |
  some
  lines
reverse:
sweep:
  codec.bitrate_kbps: [1,
     2]   # goes
  playout.delay_ms: [60]
last: {}
"""


def changed_lines(before: str, after: str) -> list[str]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in found if line[0] in "+-" and line[:3] not in ("+++", "---")]


def at(*path):
    """Return what sets a value in data, `None` for a key that goes."""

    def change(data):
        *steps, last, value = path
        for step in steps:
            data = data[step]
        if value is None:
            del data[last]
        else:
            data[last] = value

    return change


ONE_LINE = "one: line # no comment"
RED = "-- red: {copies: 1}   # two"


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (at("codec", "bitrate_kbps", 16), ["-  bitrate_kbps: 24  # kept", "+  bitrate_kbps: 16  # kept"]),
        (at("codec", "complexity", 0), ["+  complexity: 0"]),
        (at("schemes", 1, "red", "x", [1]), [RED, "+- red: {copies: 1, x: [1]}   # two"]),
        (at("schemes", 0, {"lbrr": {"a": 9}}), ["-- plc", "+- {lbrr: {a: 9}}"]),
        (at("sweep", "codec.bitrate_kbps", None), ["-  codec.bitrate_kbps: [1,", "-     2]   # goes"]),
        (at("reverse", [{"delay": {}}]), ["-reverse:", "+reverse: [delay: {}]"]),
        (at("last", "a", [None]), ["-last: {}", "+last: {a: [null]}"]),
        (at("about", ONE_LINE), ["-about: |", "-  some", "-  lines", f"+about: '{ONE_LINE}'"]),
        (at("schemes", ["plc"]), ["-- plc", RED, "+ [plc]   # two"]),
        (at("new", {"deep": "24"}), ["+new: {deep: '24'}"]),
    ],
)  # fmt: skip
def test_only_the_lines_of_what_changed_change(change, lines):
    wanted = parse_document(BLOCKS, "x").data
    change(wanted)
    made = edited(BLOCKS, wanted)
    assert changed_lines(BLOCKS, made) == lines
    assert parse_document(made, "x").data == wanted


NAMES = st.text("abc.1", min_size=1, max_size=3)
PLAIN = st.floats(allow_nan=False, allow_infinity=False) | st.text("ab1: #'-", max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(before=st.dictionaries(NAMES, VALUES), after=st.dictionaries(NAMES, VALUES))
def test_the_text_has_the_wanted_data(before, after):
    text = edited("", before)
    assert parse_document(text, "x").data == before
    assert parse_document(edited(text, after), "x").data == after


@pytest.mark.parametrize("name", sorted({*packaged_scenarios()} - {"recorded"}))  # that one wants a file
def test_a_packaged_scenario_with_another_seed_differs_in_one_line(name):
    path = find_scenario(name)[0]
    text = path.read_text("utf-8")
    scenario = load_scenario(name, ["seed=77"])
    lines = changed_lines(text, scenario.text_as_run)
    assert [line.split("#")[0].rstrip() for line in lines][-1:] == ["+seed: 77"]
    assert len(lines) <= 2
    assert parse_scenario(scenario.text_as_run, folder=path.parent).seed == 77


def test_an_override_of_a_swept_key_takes_the_sweep_out_of_the_text():
    scenario = load_scenario(
        "playout-delay", ["playout.delay_ms=140", "speech.files=my.wav", "speech.clips=1"]
    )
    assert scenario.overrides == ["playout.delay_ms=140", "speech.files=my.wav", "speech.clips=1"]
    assert "sweep" not in scenario.text_as_run
    assert "speech: {files: my.wav, clips: 1}" in scenario.text_as_run
    assert parse_scenario(scenario.text_as_run).model_dump() == scenario.model_dump()
