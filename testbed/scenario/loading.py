"""Loading of scenarios: YAML and overrides become valid objects, one per point of the sweep."""

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from testbed.errors import ScenarioError
from testbed.scenario.document import (
    Document,
    dotted,
    parse_document,
    read_document,
    set_value,
)
from testbed.scenario.edit import as_yaml, edited
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.grid import SweepGrid, read_grid
from testbed.scenario.messages import explain, joined
from testbed.scenario.models import Codec, Kind, Point, Scenario
from testbed.scenario.override import override
from testbed.scenario.packaged import has_data, packaged_scenarios
from testbed.scenario.speech import Speech
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
    for each in overrides:
        override(document, each)
    if speech:
        names = [_from_here(Path(name).expanduser()) for name in speech]
        override(document, f"speech.files={json.dumps(names, ensure_ascii=False)}", "--speech")
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

    The folder is the file's own; for a packaged scenario, whose files are the user's, the current one, unless
    data comes with it.

    Raises
    ------
    ScenarioError
        There is neither such a file nor such a packaged scenario.
    """
    path, packaged = Path(path_or_name), packaged_scenarios()
    if path.is_file():
        return path, str(path_or_name), path.parent
    if str(path_or_name) in packaged:
        file = packaged[str(path_or_name)]
        return file, f"{path_or_name}.yaml", file.parent if has_data(file) else Path()
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
    """Return every combination of the swept values, in written order, each validated once.

    Raises
    ------
    ScenarioError
        A swept key or value is not valid.
    """
    if scenario._points is None:
        scenario._points = _made(scenario)
    return scenario._points


def _made(scenario: Kind) -> list[Point[Kind]]:
    document, grid = scenario.document, scenario.grid
    made: list[Point[Kind]] = []
    mistakes: list[str] = []
    columns = {key: _column(values) for key, values in grid.values.items()}
    unswept = _without_sweep(document)
    for index, chosen in enumerate(grid.choices()):
        parameters = {key: columns[key][number] for key, number in chosen.items()}
        at_point, swept = _with_swept(unswept, document, grid, chosen)
        at_values, found = _built(at_point)
        if at_values is None:
            setting = ", ".join(f"{key} = {value}" for key, value in parameters.items())
            mistakes += [
                line if any(s in line for s in swept) else f"{line} (at {setting})" for line in found
            ]
        else:
            assert isinstance(at_values, type(scenario))
            if made:
                _share(at_values, made[0].scenario)
            made.append(Point(index, parameters, at_values))
    if mistakes:
        raise ScenarioError("\n".join(joined(mistakes)))
    return made


def _share(scenario: Kind, first: Kind) -> None:
    """Let a scenario hold the values of the first point where they are equal, to save memory."""
    for name in type(scenario).model_fields:
        value = getattr(first, name)
        if getattr(scenario, name) == value:
            scenario.__dict__[name] = value


def _from_here(name: Path) -> str:
    """Return an absolute name for a name or pattern relative to the current folder."""
    if name.is_absolute() or name.exists():
        return str(name.absolute())
    return str(Path(glob.escape(str(Path.cwd())), name))


def _validated(document: Document) -> AnyScenario:
    grid, mistakes = read_grid(document)
    first, lost = document, []
    for key, number in grid.choices()[0].items() if not mistakes else ():
        try:
            first = _with_unwritten(first, grid, key, number)
        except ScenarioError as error:
            lost.append(str(error))
    if mistakes:
        first = _without_sweep(document)
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


def _with_unwritten(document: Document, grid: SweepGrid, key: str, number: int) -> Document:
    """Return a document in which a swept key that is not written elsewhere has one of its values."""
    filled = replace(document, places=dict(document.places))
    path = set_value(filled, key, grid.values[key][number], document.place((*grid.paths[key], number)))
    return document if path in document.places else filled


def _without_sweep(document: Document) -> Document:
    """Return a document without its sweep, and without the axes of its report, which name swept keys."""
    left_out = ("sweep", "report")
    places = {path: place for path, place in document.places.items() if not {*path[:1]} & {*left_out}}
    data = document.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in left_out}
    return replace(document, data=data, places=places)


def _with_swept(
    unswept: Document, document: Document, grid: SweepGrid, chosen: dict[str, int]
) -> tuple[Document, list[str]]:
    """Return a document with one value of each chosen key set, and the paths set, dotted.

    Parameters
    ----------
    unswept, document
        The document without and with its sweep.
    """
    at_point = replace(unswept, places=dict(unswept.places))
    keys: dict[str, str] = {}
    for key, number in chosen.items():
        place = document.place((*grid.paths[key], number))
        path = dotted(set_value(at_point, key, grid.values[key][number], place))
        if path in keys:
            raise ScenarioError(f"{place}: sweep: {key}: is swept twice, also as {keys[path]}")
        keys[path] = key
    return at_point, [*keys]


def _column(values: list[Any]) -> list[Any]:
    """Return swept values as one type that a column can hold."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return values
    if all(isinstance(value, bool) for value in values):
        return values
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
