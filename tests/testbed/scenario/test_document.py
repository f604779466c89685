"""YAML is read safely, its lines are remembered, and dotted keys find their way."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import ScenarioError
from testbed.scenario.document import (
    MAX_BYTES,
    MAX_DEPTH,
    Document,
    parse_document,
    parse_value,
    read_document,
    set_value,
)

TEXT = """\
# a comment
codec: {bitrate_kbps: 24}
schemes:
  - plc
  - dred:
      depth_ms: 100
  - {name: Both 2.5, lbrr: {bitrate_kbps: 16}, dred: {depth_ms: 500}}
  - {name: deep, dred: {depth_ms: 500}}
channel:
  - loss: {rate: 0.2}
"""


@pytest.fixture
def document() -> Document:
    return parse_document(TEXT, "x.yaml")


def test_values_and_their_lines(document: Document) -> None:
    assert document.data["schemes"][2] == {
        "name": "Both 2.5",
        "lbrr": {"bitrate_kbps": 16},
        "dred": {"depth_ms": 500},
    }
    assert document.place(("schemes", 1, "dred", "depth_ms")) == "x.yaml:6"
    assert document.place(("schemes", 1, "dred", "nothing", "here")) == "x.yaml:5"
    assert document.place(()) == "x.yaml:2"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24", 24), ("1e3", 1000.0), ("0x10", 16), ("~", None), ("true", True), ("yes", "yes"),
        ("2024-01-01", "2024-01-01"), ("1_0: x", {"1_0": "x"}),
        ('"24"', "24"), ("[1, a]", [1, "a"]), ("{a: {b: 1}}", {"a": {"b": 1}}), ("", None),
    ],
)  # fmt: skip
def test_plain_values(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1", "x.yaml:2: not valid YAML"),
        ("a: b: c", "x.yaml:1: not valid YAML: mapping values"),
        ("a:\n\t- b", "x.yaml:2: not valid YAML: found character '\\t'"),
        ("a: 1\na: 2", "x.yaml:2: a: duplicate key"),
        ("a: {b: 1,\n b: 2}", "x.yaml:2: a.b: duplicate key"),
        ("a: 1\nb: &x 1\nc: *x", "x.yaml:2: anchors and aliases"),
        ("a: !!python/object/apply:os.system [true]", "x.yaml:1: YAML tags"),
        ("a: !!binary aGk=", "x.yaml:1: YAML tags"),
        ("? [1]\n: 2", "x.yaml:1: a key must be a word"),
        ("a: 1\n---\nb: 1", "not valid YAML"),
        ("%YAML 3.0\n---\na: 1", "x.yaml:1: not valid YAML"),
        ("\x00", "x.yaml: not valid YAML"),
        ("[" * 10_000, "x.yaml:1: nested too deeply"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "x.yaml:1: nested too deeply"),
    ],
)
def test_yaml_beyond_plain_data_is_refused(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_document(text, "x.yaml")
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(ScenarioError, match=r"x\.yaml:1: anchors and aliases"):
        parse_document("\n".join(rows), "x.yaml")


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for content, message in (
        (b"a: 1\nb: \xff\xfe", "x.yaml:2: not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "x.yaml: larger than 1 MiB"),
    ):
        path.write_bytes(content)
        with pytest.raises(ScenarioError, match=message):
            read_document(path, "x.yaml", tmp_path)
    with pytest.raises(ScenarioError, match=r"x\.yaml: cannot be read: Is a directory"):
        read_document(tmp_path, "x.yaml", tmp_path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_plain_data_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        data = read_document(path, "any.yaml", path.parent).data
    except ScenarioError as error:
        assert str(error).startswith("any.yaml")
        assert len(str(error).splitlines()) == 1
    else:
        assert data is None or isinstance(data, bool | int | float | str | list | dict)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("codec.bitrate_kbps", ("codec", "bitrate_kbps")),
        ("codec.complexity", ("codec", "complexity")),
        ("playout.policy", ("playout", "policy")),
        ("schemes.0", ("schemes", 0)),
        ("schemes.plc.new", ("schemes", 0, "plc", "new")),
        ("schemes.1.depth_ms", ("schemes", 1, "dred", "depth_ms")),
        ("schemes.1.dred.depth_ms", ("schemes", 1, "dred", "depth_ms")),
        ("schemes.1.name", ("schemes", 1, "name")),
        ("schemes.Both 2.5.dred.depth_ms", ("schemes", 2, "dred", "depth_ms")),
        ("schemes.Both 2.5", ("schemes", 2)),
        ("schemes.deep.depth_ms", ("schemes", 3, "dred", "depth_ms")),
        ("channel.loss.rate", ("channel", 0, "loss", "rate")),
        ("channel.loss", ("channel", 0, "loss")),
        ("sweep.codec.bitrate_kbps", ("sweep", "codec.bitrate_kbps")),
    ],
)
def test_dotted_keys(document: Document, key: str, path: tuple[str | int, ...]) -> None:
    before = parse_document(TEXT, "x.yaml").data
    shared = document.data
    assert set_value(document, key, "new", "--set") == path
    here = document.data
    for step in path:
        here = here[step]
    assert here == "new"
    assert document.place(path) == "--set"
    assert shared == before, "the data that was there before is not changed in place"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("schemes.dred.depth_ms", "2 items are called 'dred': use the index, 1 or 3"),
        ("schemes.derd.depth_ms", "no list item is called 'derd'; did you mean dred?"),
        ("schemes.9.x", "no list item is called '9'"),
        ("codec.bitrate_kbps.x", "codec.bitrate_kbps is 24, so it has no 'x'"),
        ("codec..x", "empty part"),
        ("", "empty part"),
    ],
)
def test_dotted_keys_that_lead_nowhere(document: Document, key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        set_value(document, key, 1, "--set")
    assert str(caught.value).startswith(f"--set: {key}: ")
    assert message in str(caught.value)
