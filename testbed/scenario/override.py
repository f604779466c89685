"""Overrides of a scenario's values by dotted key; a key that is overridden is no longer swept."""

from collections.abc import Sequence
from typing import Any

from testbed.errors import ScenarioError
from testbed.scenario.document import EXCLUDE, ZIP, Document, KeyPath, parse_value, set_value, value_at

_REPLACED: dict[KeyPath, tuple[str, ...]] = {
    ("speech", "files"): ("corpus", "speakers", "clips"),
    ("speech", "corpus"): ("files",),
    ("playout", "buffer_ms"): ("delay_ms",),
    ("playout", "delay_ms"): ("buffer_ms",),
}
"""Keys that an override of another key removes, unless they are overridden, too."""


def override(document: Document, given: str, place: str = "--set") -> None:
    """Set a value of a document, and leave its key out of the sweep and of the report's axes.

    Parameters
    ----------
    given
        ``"key=value"``: a dotted key (see `testbed.scenario.document.set_value`) and a value in YAML.
    place
        Origin of the value in messages.

    Raises
    ------
    ScenarioError
        It has another form, or its key leads nowhere.
    """
    key, equals, text = given.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"--set {given}: must be key=value, e.g. --set codec.bitrate_kbps=24")
    try:
        value = parse_value(text)
    except ScenarioError as error:
        raise ScenarioError(f"{place}: {key}: {str(error).partition(': ')[2]}") from None
    path = set_value(document, key, value, place)
    document.overrides.append(given)
    replaced = [other for other in _REPLACED.get(path, ()) if document.places.get((path[0], other)) != place]
    for other in replaced:
        document.data[path[0]].pop(other, None)
    sweep = document.data.get("sweep") if isinstance(document.data, dict) else None
    if path[0] != "sweep" and isinstance(sweep, dict):
        fixed = _fixed(document, sweep, [path, *((path[0], other) for other in replaced)])
        if fixed and (left := _without(sweep, fixed)):
            document.data["sweep"] = left
        elif fixed:
            del document.data["sweep"]
        if isinstance(axes := document.data.get("report"), dict):
            document.data["report"] = {axis: name for axis, name in axes.items() if name not in fixed}
    elif path[0] == "sweep" and isinstance(document.data, dict):
        document.data.pop("report", None)


def _fixed(document: Document, sweep: dict[str, Any], ended: Sequence[KeyPath]) -> dict[str, Any]:
    """Return the swept keys that lead to one of some paths or into it, each with the value there now."""
    keys = [key for key in sweep if key not in (ZIP, EXCLUDE)]
    keys += [key for group in _mappings(sweep.get(ZIP)) for key in group]
    fixed = {}
    for key in keys:
        probe = Document(document.label, "", document.data, document.folder)
        try:
            path = set_value(probe, key, None, "")
        except ScenarioError:
            continue
        if any(path[: len(each)] == each for each in ended):
            fixed[key] = value_at(document.data, path)
    return fixed


def _without(sweep: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    """Return a sweep without some keys; an exclusion stays if their values are those that it names."""
    left = {key: given for key, given in sweep.items() if key not in fixed}
    if groups := _mappings(sweep.get(ZIP)):
        left[ZIP] = [_unlike(rest) for group in groups if (rest := _rest(group, fixed))]
    if exclusions := _mappings(sweep.get(EXCLUDE)):
        met = [
            each for each in exclusions if all(fixed.get(key, value) == value for key, value in each.items())
        ]
        left[EXCLUDE] = [rest for exclusion in met if (rest := _rest(exclusion, fixed))]
    return {key: given for key, given in left.items() if given or key not in (ZIP, EXCLUDE)}


def _rest(keys: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in fixed}


def _unlike(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group without repeated combinations: they may have differed in a key that is fixed now."""
    if not all(isinstance(values, list) for values in group.values()):
        return group  # spaced values do not repeat
    if len(set(map(len, group.values()))) > 1:
        return group
    rows = list(zip(*group.values(), strict=True))
    rows = [row for index, row in enumerate(rows) if row not in rows[:index]]
    return {key: [row[column] for row in rows] for column, key in enumerate(group)}


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return a list of mappings; empty for anything else, about which `read_grid` complains."""
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else []
