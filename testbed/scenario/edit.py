"""Edits of a scenario's YAML text that keep all other text, comments included."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML, nodes

from testbed.errors import ScenarioError
from testbed.scenario.document import parse_document


@dataclass(frozen=True, order=True)
class _Edit:
    """Replacement of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def edited(text: str, wanted: Any) -> str:
    """Return the YAML text of the data `wanted`, as close to `text` as possible.

    Parameters
    ----------
    text
        Plain YAML, as for `testbed.scenario.document.parse_document`.
    wanted
        Dicts, lists, strings, numbers, booleans and None. Values equal to those in `text`
        keep its characters.
    """
    given = parse_document(text, "scenario").data
    root = YAML(typ="safe", pure=True).compose(StringIO(text))
    made = text
    if root is not None:
        for edit in sorted(_edits(text, root, given, wanted), reverse=True):
            made = made[: edit.start] + edit.text + made[edit.end :]
    return made if _says(made, wanted) else as_yaml(wanted)


def as_yaml(data: Any) -> str:
    """Return dicts, lists, texts, numbers, booleans and None as YAML in block style."""
    return _dumped(data, flow=False)


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(parse_document(text, "scenario").data == wanted)
    except ScenarioError:
        return False


def _edits(text: str, node: Any, given: Any, wanted: Any) -> Iterator[_Edit]:
    if given == wanted and type(given) is type(wanted):
        return
    if isinstance(node, nodes.MappingNode) and isinstance(wanted, dict) and wanted:
        yield from _of_mapping(text, node, given, wanted)
    elif isinstance(node, nodes.SequenceNode) and isinstance(wanted, list) and len(wanted) == len(given):
        for item, before, after in zip(node.value, given, wanted, strict=True):
            yield from _edits(text, item, before, after)
    else:
        start = node.start_mark.index
        space = " " if start and text[start - 1] in ":-\n" else ""  # in column 0 a list would end its mapping
        yield _Edit(start, _end(text, node), space + _dumped(wanted))


def _of_mapping(text: str, node: Any, given: dict[str, Any], wanted: dict[str, Any]) -> Iterator[_Edit]:
    added = [f"{_dumped(key)}: {_dumped(value)}" for key, value in wanted.items() if key not in given]
    removed = [key for key in given if key not in wanted]
    if not node.value or (node.flow_style and removed):
        yield _Edit(node.start_mark.index, _end(text, node), _dumped(wanted))
        return
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key in wanted and value_node.start_mark.index == value_node.end_mark.index:
            if wanted[key] is not None:  # an empty value, whose mark may be lines below
                after = text.index(":", key_node.end_mark.index) + 1
                yield _Edit(after, after, f" {_dumped(wanted[key])}")
        elif key in wanted:
            yield from _edits(text, value_node, given[key], wanted[key])
        else:
            start = text.rfind("\n", 0, key_node.start_mark.index) + 1
            yield _Edit(start, _line_end(text, _end(text, value_node)), "")
    last = _end(text, node.value[-1][1])
    if added and node.flow_style:
        yield _Edit(last, last, "".join(f", {entry}" for entry in added))
    elif added:
        indent = " " * node.start_mark.column
        after = _line_end(text, last)
        newline = "" if text[after - 1] == "\n" else "\n"
        yield _Edit(after, after, newline + "".join(f"{indent}{entry}\n" for entry in added))


def _end(text: str, node: Any) -> int:
    """Return the end of a node's text; the end mark of a block lies after the white space that follows."""
    if isinstance(node, nodes.ScalarNode) or node.flow_style or not node.value:
        start = int(node.start_mark.index)
        return start + len(text[start : node.end_mark.index].rstrip())
    last = node.value[-1]
    return _end(text, last[1] if isinstance(last, tuple) else last)


def _line_end(text: str, index: int) -> int:
    """Return the beginning of the line after the one that holds `index`."""
    return text.find("\n", index) + 1 or len(text)


def _dumped(value: Any, flow: bool = True) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its type is None there
    yaml.width = 1 << 20 if flow else 100
    out = StringIO()
    yaml.dump(value, out)
    return out.getvalue().removesuffix("...\n").strip() if flow else out.getvalue()
