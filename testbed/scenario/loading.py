"""Loading of scenarios: YAML and overrides become valid objects, one per point of the sweep."""

import glob
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from testbed.errors import ScenarioError
from testbed.scenario.document import (
    Document,
    KeyPath,
    dotted,
    parse_document,
    parse_value,
    read_document,
    set_value,
)
from testbed.scenario.edit import as_yaml, edited
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.messages import explain, shown
from testbed.scenario.models import Codec, Kind, Point, Scenario, Speech
from testbed.scenario.packaged import packaged_scenarios
from testbed.words import nearest_name

__all__ = [
    "Codec",
    "FlowScenario",
    "Point",
    "Scenario",
    "Speech",
    "find_scenario",
    "load_scenario",
    "parse_scenario",
    "points",
    "schema",
    "stored_scenario",
]

MAX_POINTS = 10_000
_REPLACED: dict[KeyPath, tuple[str, ...]] = {
    ("speech", "files"): ("corpus", "clips"),
    ("speech", "corpus"): ("files",),
    ("playout", "buffer_ms"): ("delay_ms",),
    ("playout", "delay_ms"): ("buffer_ms",),
}
"""Keys that an override of another key removes, unless they are overridden, too."""
AnyScenario = Scenario | FlowScenario
"""A scenario with the key `flows` is a flow study; every other one compares schemes."""


def load_scenario(
    scenario: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    speech: Sequence[str | Path] = (),
) -> AnyScenario:
    """Read a scenario, override some of its values, and validate it and every point of its sweep.

    Parameters
    ----------
    scenario
        A YAML file, the name of a packaged scenario such as ``quickstart``, or the content of a scenario as
        dicts, lists, texts and numbers; file names in the latter are relative to the current folder.
    overrides
        ``"key=value"`` each: a dotted key (see `testbed.scenario.document.set_value`) and a value in YAML.
        Overriding a swept key removes it from the sweep. Overriding `speech.files` removes the corpus and its
        number of clips, and `playout.buffer_ms` removes `delay_ms`.
    speech
        Files, folders and patterns that override `speech.files`, relative to the current folder.

    Raises
    ------
    ScenarioError
        All mistakes, one per line: file, line, key, what is wrong, what would be right.

    Examples
    --------
    >>> from testbed.scenario.loading import load_scenario
    >>> load_scenario("quickstart", ["codec.bitrate_kbps=16"]).codec.bitrate_kbps
    16.0
    """
    if isinstance(scenario, Mapping):
        document = parse_document(as_yaml(dict(scenario)), "scenario")
    else:
        document = read_document(*find_scenario(scenario))
    for override in overrides:
        _override(document, override)
    if speech:
        names = [_from_here(Path(name).expanduser()) for name in speech]
        _override(document, f"speech.files={json.dumps(names, ensure_ascii=False)}", "--speech")
    if document.overrides:
        document.text_as_run = edited(document.text, document.data)
    return _validated(document)


def parse_scenario(text: str, folder: Path | None = None, label: str = "scenario") -> AnyScenario:
    """Validate a scenario that is given as YAML text; see `load_scenario`.

    Examples
    --------
    >>> from testbed.scenario.loading import parse_scenario
    >>> parse_scenario("name: a")
    Traceback (most recent call last):
    testbed.errors.ScenarioError: scenario:1: speech: missing...
    """
    return _validated(parse_document(text, label, folder))


def stored_scenario(manifest: Mapping[str, Any]) -> AnyScenario:
    """Return the scenario of a run's manifest.

    The manifest has it with all defaults, and as given. The first is invalid where a sweep chooses another
    class, as in ``congestion.controller: [none, gcc]``: what one class has by default is an unknown key to
    the other. Then the second is read.

    Raises
    ------
    ScenarioError
        Neither is valid; the message is about the one with all defaults.
    KeyError
        The manifest has no scenario.
    """
    folder = Path(manifest["scenario_folder"])
    try:
        return parse_scenario(json.dumps(manifest["scenario"]), folder)
    except ScenarioError as error:
        try:
            return parse_scenario(str(manifest.get("scenario_as_run", "")), folder)
        except ScenarioError:
            raise error from None


def find_scenario(path_or_name: str | Path) -> tuple[Path, str, Path]:
    """Return a scenario's file, its name in messages, and the folder that file names in it are relative to.

    The folder is the file's own; for a packaged scenario, whose files are the user's, the current one.

    Raises
    ------
    ScenarioError
        There is neither such a file nor such a packaged scenario.
    """
    path, packaged = Path(path_or_name), packaged_scenarios()
    if path.is_file():
        return path, str(path_or_name), path.parent
    if str(path_or_name) in packaged:
        return packaged[str(path_or_name)], f"{path_or_name}.yaml", Path()
    if path.is_dir():
        raise ScenarioError(f"{path_or_name}: is a folder; name a scenario file in it")
    beside = [str(file) for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    near = nearest_name(path.stem, list(packaged)) or nearest_name(str(path), sorted(beside))
    folders = dict.fromkeys(f"{name.split('/')[0]}/..." if "/" in name else name for name in packaged)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(folders)}"
    raise ScenarioError(f"{path_or_name}: no such file, and no packaged scenario of that name; {hint}")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of all kinds of scenario."""
    return {"title": "Scenario", **TypeAdapter(AnyScenario).json_schema()}


def points(scenario: Kind) -> list[Point[Kind]]:
    """Return every combination of the swept values, in written order, each validated.

    Raises
    ------
    ScenarioError
        A swept key or value is not valid.
    """
    document = scenario._document
    if not document.data:
        document = Document("scenario", "", scenario.model_dump(mode="json", exclude_unset=True))
    made: list[Point[Kind]] = []
    mistakes: list[str] = []
    columns = {key: _column(values) for key, values in scenario.sweep.items()}
    for index, choice in enumerate(itertools.product(*(range(len(v)) for v in scenario.sweep.values()))):
        chosen = dict(zip(scenario.sweep, choice, strict=True))
        parameters = {key: columns[key][number] for key, number in chosen.items()}
        at_point, swept = _with_swept(document, scenario.sweep, chosen)
        at_values, found = _built(at_point)
        if at_values is None:
            setting = ", ".join(f"{key} = {value}" for key, value in parameters.items())
            mistakes += [
                line if any(s in line for s in swept) else f"{line} (at {setting})" for line in found
            ]
        else:
            assert isinstance(at_values, type(scenario))
            made.append(Point(index, parameters, at_values))
    if mistakes:
        raise ScenarioError("\n".join(dict.fromkeys(mistakes)))
    return made


def _from_here(name: Path) -> str:
    """Return an absolute name for a name or pattern relative to the current folder."""
    if name.is_absolute() or name.exists():
        return str(name.absolute())
    return str(Path(glob.escape(str(Path.cwd())), name))


def _override(document: Document, override: str, place: str = "--set") -> None:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"--set {override}: must be key=value, e.g. --set codec.bitrate_kbps=24")
    try:
        value = parse_value(text)
    except ScenarioError as error:
        raise ScenarioError(f"{place}: {key}: {str(error).partition(': ')[2]}") from None
    path = set_value(document, key, value, place)
    document.overrides.append(override)
    replaced = [other for other in _REPLACED.get(path, ()) if document.places.get((path[0], other)) != place]
    for other in replaced:
        document.data[path[0]].pop(other, None)
    sweep = document.data.get("sweep") if isinstance(document.data, dict) else None
    if path[0] != "sweep" and isinstance(sweep, dict):
        ended = [path, *((path[0], other) for other in replaced)]
        over = [swept for swept in sweep if any(_reaches(document, swept, each) for each in ended)]
        for swept in over:
            del sweep[swept]
        if over and not sweep:
            del document.data["sweep"]


def _reaches(document: Document, key: str, path: KeyPath) -> bool:
    """Return whether a dotted key leads to `path` or into it."""
    probe = Document(document.label, "", document.data, document.folder)
    try:
        return set_value(probe, key, None, "")[: len(path)] == path
    except ScenarioError:
        return False


def _validated(document: Document) -> AnyScenario:
    mistakes = list(_sweep_mistakes(document))
    sweep = (document.data.get("sweep") or {}) if isinstance(document.data, dict) and not mistakes else {}
    first, lost = document, []
    for key in sweep:
        try:
            first = _with_first(first, key, sweep[key])
        except ScenarioError as error:
            lost.append(str(error))
    if mistakes:
        first, _ = _with_swept(document, {}, {})
    scenario, found = _built(first)
    mistakes = [*mistakes, *found] or lost
    if scenario is None or mistakes:
        raise ScenarioError("\n".join(dict.fromkeys(mistakes)))
    scenario.check_size(scenario.calls_of_a_point)
    points(scenario)
    return scenario


def _built(document: Document) -> tuple[AnyScenario | None, list[str]]:
    """Return the scenario, or None and its mistakes; combinations are checked once all values are valid."""
    if not isinstance(document.data, dict):
        empty = "is empty; " if document.data is None else ""
        keys = ", ".join(Scenario.model_fields)
        return None, [f"{document.label}: {empty}must be a mapping of keys: {keys}"]
    kind: type[AnyScenario] = FlowScenario if "flows" in document.data else Scenario
    try:
        scenario = kind.model_validate(document.data, context={"folder": document.folder})
    except ValidationError as error:
        return None, explain(error, document)
    scenario._document = document
    mistakes = [f"{scenario.at(*location)}: {reason}" for location, reason in scenario.contradictions()]
    return (None, mistakes) if mistakes else (scenario, [])


def _sweep_mistakes(document: Document) -> Iterator[str]:
    """Yield the mistakes in the form of the sweep."""
    sweep = document.data.get("sweep") if isinstance(document.data, dict) else None
    if sweep is None:
        return
    place = document.place(("sweep",))
    if not isinstance(sweep, dict):
        yield f"{place}: sweep: must map dotted keys to lists, e.g. {{codec.bitrate_kbps: [16, 24]}}"
        return
    count = 1
    for key, values in sweep.items():
        where = f"{document.place(('sweep', key))}: sweep: {key}"
        if isinstance(values, dict):
            yield f"{where}: write the dotted key, e.g. {key}.{next(iter(values), 'key')}: [...]"
        elif not isinstance(values, list) or not values:
            yield f"{where}: must be a list of values, not {shown(values)}"
        elif key.split(".")[0] in ("name", "about", "sweep", "metrics", "realizations", "speech"):
            yield f"{where}: cannot be swept"
        else:
            count *= len(values)
            if any(value in values[:index] for index, value in enumerate(values)):
                yield f"{where}: duplicate value"
    if count > MAX_POINTS:
        yield f"{place}: sweep: {count} combinations; at most {MAX_POINTS}"


def _with_first(document: Document, key: str, values: list[Any]) -> Document:
    """Return a document in which a swept key that is not written elsewhere has its first value."""
    filled = replace(document, places=dict(document.places))
    path = set_value(filled, key, values[0], document.place(("sweep", key, 0)))
    return document if path in document.places else filled


def _with_swept(
    document: Document, sweep: dict[str, list[Any]], chosen: dict[str, int]
) -> tuple[Document, list[str]]:
    """Return a document with one value of each chosen key set and no sweep, and the paths set, dotted."""
    at_point = replace(document, places=dict(document.places))
    if isinstance(document.data, dict):
        at_point.data = {key: value for key, value in document.data.items() if key != "sweep"}
    paths = []
    for key, number in chosen.items():
        place = document.place(("sweep", key, number))
        paths.append(dotted(set_value(at_point, key, sweep[key][number], place)))
    return at_point, paths


def _column(values: list[Any]) -> list[Any]:
    """Return swept values as one type that a column can hold."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return values
    if all(isinstance(value, bool) for value in values):
        return values
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
