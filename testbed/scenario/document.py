"""YAML as plain data with line numbers, read safely, and dotted keys into that data."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, events, nodes
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from testbed.errors import ScenarioError
from testbed.escaping import is_printable, printable
from testbed.words import suggestion

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_EVENTS = 20_000
ZIP, EXCLUDE = "zip", "exclude"
"""Keys of a sweep that are not dotted keys of the scenario."""

_OF_NAMED_THINGS: tuple[KeyPath, ...] = (("flows",), ("sweep", "zip"), ("sweep", "exclude"))
"""Lists whose items have keys of their own, not one mechanism."""
_NUMBERS = frozenset({"null", "bool", "int", "float"})
_MOST_BITS = 128


@dataclass
class Document:
    """A YAML document as plain data.

    Attributes
    ----------
    label
        Name of the document in messages: the file as the user named it.
    text
        The YAML itself.
    data
        Dicts, lists, strings, numbers, booleans and None.
    folder
        Folder that file names in it are relative to.
    places
        Origin of each value (``"quickstart.yaml:7"``, ``"--set seed"``), by its path into `data`.
    overrides
        Overrides set in `data`, ``"key=value"`` each.
    text_as_run
        `text` with the overrides written into it.
    file
        File of the text; None for text that was not read from a file.
    """

    label: str
    text: str
    data: Any
    folder: Path = field(default_factory=Path)
    places: dict[KeyPath, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    text_as_run: str = ""
    file: Path | None = None

    def place(self, path: KeyPath) -> str:
        """Return the place of the deepest part of `path` that the document has."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.label)

    def written(self, location: Sequence[str | int]) -> KeyPath:
        """Return the path in the document of a location in the validated model.

        A location may have a step that is not in the YAML (the member of a union that was tried), or lack
        one that is (``{loss: {rate: 2}}`` has a rate).
        """
        path: KeyPath = ()
        here = self.data
        for number, step in enumerate(location):
            last = number == len(location) - 1
            inner = _only_mechanism(here) if step not in _keys(here) else None
            if inner is not None and step in _keys(here[inner]):
                path, here = (*path, inner), here[inner]
            if step in _keys(here):
                path, here = (*path, step), here[step]
            elif last and isinstance(here, dict) and step not in here.values():
                path = (*path, step)
        return path


def read_document(path: Path, label: str, folder: Path) -> Document:
    """Read a YAML file of at most `MAX_BYTES`; file names in it are relative to `folder`.

    Raises
    ------
    ScenarioError
        The file cannot be read, is too large, or is not plain YAML; says where.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{label}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError(f"{label}:{line}: not UTF-8 text: is this a YAML file?") from None
    if len(raw) > MAX_BYTES:
        raise ScenarioError(f"{label}: larger than {MAX_BYTES >> 20} MiB: is this a scenario?")
    return replace(parse_document(text, label, folder), file=path)


def parse_document(text: str, label: str, folder: Path | None = None) -> Document:
    """Turn YAML text into a `Document`; see `read_document`."""
    document = Document(label, text, None, (folder or Path()).absolute(), text_as_run=text)
    try:
        _refuse_the_dangerous(text, label)
        root = YAML(typ="safe", pure=True).compose(StringIO(text))
        document.data = _plain(root, (), document, YAML(typ="safe", pure=True).constructor)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{label}:{mark.line + 1}" if mark else label
        hint = "; indent with spaces, not tabs" if "'\\t'" in str(error.problem) else ""
        raise ScenarioError(f"{where}: not valid YAML: {error.problem or error.context}{hint}") from None
    except (YAMLError, ValueError) as error:
        raise ScenarioError(f"{label}: not valid YAML: {str(error).splitlines()[0]}") from None
    return document


def parse_value(text: str) -> Any:
    """Return the value of one YAML expression, such as ``24``, ``[16, 24]`` or ``{copies: 1}``.

    Raises
    ------
    ScenarioError
        Not valid YAML.
    """
    return parse_document(text, "value").data


def set_value(document: Document, key: str, value: Any, place: str) -> KeyPath:
    """Set the value of a dotted key, and note `place` as its origin.

    Steps are keys of mappings, and for list items an index from 0, the item's `name`, or the one mechanism
    that it configures: ``codec.bitrate_kbps``, ``channel.loss.rate``, ``schemes.LBRR + DRED.dred.depth_ms``.

    Raises
    ------
    ScenarioError
        No list item, or more than one, has that name; or the key leads into a plain value.
    """
    before = document.data
    document.data, path = _with_value(before, key.split("."), value, (), f"{place}: {key}")
    for known in [known for known in document.places if known[: len(path)] == path]:
        del document.places[known]
    document.places[_first_new(before, path)] = document.places[path] = place
    return path


def value_at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path into a document's data; None where there is none."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _first_new(data: Any, path: KeyPath) -> KeyPath:
    """Return the beginning of `path` up to the first key that `data` lacks; all of it if it lacks none."""
    for depth, key in enumerate(path, 1):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return path[:depth]
    return path


def _with_value(
    here: Any, steps: Sequence[str], value: Any, done: KeyPath, blame: str
) -> tuple[Any, KeyPath]:
    """Return a copy of `here` with the value set, and the path to it."""
    if not steps:
        return value, done
    if not all(steps):
        raise ScenarioError(f"{blame}: a dotted key has an empty part")
    if isinstance(here, list):
        index, used = _item(here, steps, blame)
        rest = list(steps[used:])
        item = {here[index]: {}} if isinstance(here[index], str) and rest else here[index]
        inner = None if done in _OF_NAMED_THINGS else _only_mechanism(item)
        by_mechanism = steps[0] == inner and used == 1
        if inner is not None and ((rest and rest[0] not in (inner, "name")) or (not rest and by_mechanism)):
            rest = [inner, *rest]
        items = list(here)
        items[index], path = _with_value(item, rest, value, (*done, index), blame)
        return items, path
    if here is None or isinstance(here, dict):
        mapping = dict(here or {})
        if _holds_dotted_keys(done) and steps[0] not in (ZIP, EXCLUDE):
            steps = [".".join(steps)]
        key = steps[0]
        mapping[key], path = _with_value(mapping.get(key), steps[1:], value, (*done, key), blame)
        return mapping, path
    raise ScenarioError(f"{blame}: {dotted(done)} is {here!r}, so it has no {steps[0]!r}")


def _holds_dotted_keys(path: KeyPath) -> bool:
    """Return whether the mapping at a path has dotted keys: the sweep, a group or an exclusion."""
    return path == ("sweep",) or (len(path) == 3 and path[0] == "sweep" and path[1] in (ZIP, EXCLUDE))


def _item(items: list[Any], steps: Sequence[str], blame: str) -> tuple[int, int]:
    """Return the index of the list item that the first step, or steps (a name may hold dots), name."""
    names = [_names(item) for item in items]
    for used in range(len(steps), 0, -1):
        wanted = ".".join(steps[:used])
        found = [index for index, known in enumerate(names) if wanted in known]
        if len(found) > 1:
            choices = " or ".join(str(index) for index in found)
            raise ScenarioError(
                f"{blame}: {len(found)} items are called {wanted!r}: use the index, {choices}"
            )
        if found:
            return found[0], used
    if steps[0].isdigit() and int(steps[0]) < len(items):
        return int(steps[0]), 1
    known_names = list(dict.fromkeys(name for known in names for name in known))
    hint = suggestion(steps[0], known_names) or f"; there are {len(items)}"
    raise ScenarioError(f"{blame}: no list item is called {steps[0]!r}{hint}")


def _names(item: Any) -> set[str]:
    if isinstance(item, str):
        return {item}
    inner = _only_mechanism(item)
    named = {str(item["name"])} if isinstance(item, dict) and "name" in item else set()
    return named | ({inner} if inner is not None else set())


def _only_mechanism(item: Any) -> str | None:
    """Return the only key of a mapping besides `name`; None if there are several or none."""
    keys = [key for key in item if key != "name"] if isinstance(item, dict) else []
    return keys[0] if len(keys) == 1 else None


def _keys(here: Any) -> Iterable[str | int]:
    if isinstance(here, dict):
        return here.keys()
    return range(len(here)) if isinstance(here, list) else ()


def dotted(path: Iterable[str | int]) -> str:
    """Return ``codec.bitrate_kbps`` for a path."""
    return ".".join(str(step) for step in path)


def _refuse_the_dangerous(text: str, label: str) -> None:
    """Refuse anchors, aliases, tags and deep nesting before data is built; no scenario needs them."""
    depth = 0
    for count, event in enumerate(YAML(typ="safe", pure=True).parse(StringIO(text))):
        where = f"{label}:{event.start_mark.line + 1}"
        if isinstance(event, events.AliasEvent) or getattr(event, "anchor", None):
            raise ScenarioError(
                f"{where}: anchors and aliases (& and *) are not supported: write the value out"
            )
        if getattr(event, "tag", None) is not None:
            raise ScenarioError(f"{where}: YAML tags (!...) are not supported: write a plain value")
        if isinstance(event, events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, events.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or count > MAX_EVENTS:
            raise ScenarioError(f"{where}: nested too deeply or too long for a scenario")


def _plain(node: Any, path: KeyPath, document: Document, constructor: Any) -> Any:
    """Build plain data from a node and note the line of each value (a mapping's: the line of its key)."""
    if node is None:
        return None
    document.places.setdefault(path, f"{document.label}:{node.start_mark.line + 1}")
    if isinstance(node, nodes.SequenceNode):
        return [_plain(item, (*path, index), document, constructor) for index, item in enumerate(node.value)]
    if isinstance(node, nodes.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = f"{document.label}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, nodes.ScalarNode):
                raise ScenarioError(f"{where}: a key must be a word, not a list or a mapping")
            key = _text(key_node, path, where)
            if key in mapping:
                raise ScenarioError(f"{where}: {dotted((*path, key))}: duplicate key")
            document.places[(*path, key)] = where
            mapping[key] = _plain(value_node, (*path, key), document, constructor)
        return mapping
    kind = str(node.tag).rpartition(":")[2]
    where = f"{document.label}:{node.start_mark.line + 1}"
    if kind not in _NUMBERS:
        return _text(node, path, where)
    value = constructor.construct_object(node)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        at = f"{where}: {dotted(path)}" if path else where
        raise ScenarioError(f"{at}: a number of more than {_MOST_BITS} bits")
    return value


def _text(node: Any, path: KeyPath, where: str) -> str:
    r"""Return a scalar's text; JSON writes a character beyond U+FFFF as two escapes, ``\ud83d\ude00``."""
    text = str(node.value)
    with suppress(UnicodeDecodeError):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    if not is_printable(text):
        at = f"{where}: {dotted(path)}" if path else where
        raise ScenarioError(f"{at}: holds unprintable characters: {printable(text[:60])}")
    return text
