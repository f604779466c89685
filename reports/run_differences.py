"""Differences in the making of two runs: keys of their scenarios, versions, speech and other files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.results import Results

ABSENT = "–"
_NOT_COMPARED = ("name", "about", "limits", "report")
"""Keys of a scenario that shape no number."""
_KINDS = ("model", "policy", "controller", "discipline", "format")
"""Keys whose value says which other keys there are."""
_DEEPEST = 20
_MOST_ENTRIES = 20
"""Entries of a list that are compared one by one."""


@dataclass(frozen=True)
class RunDifference:
    """A key, or a thing, and its value in each of two runs; `ABSENT` where a run lacks it."""

    key: str
    a: str
    b: str


def run_differences(a: Results, b: Results) -> list[RunDifference]:
    """Return what differs in the scenarios as run, in versions, in the speech and in other files."""
    ours, theirs = (_facts(run.manifest) for run in (a, b))
    return [
        RunDifference(key, *(ABSENT if each is None else _words(each) for each in values))
        for key, *values in _differing(ours, theirs, "")
    ]


def _facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    scenario = manifest.get("scenario") or {}
    testbed = manifest.get("testbed") or {}
    version = f"{testbed.get('version', ABSENT)} ({str(testbed.get('commit') or ABSENT)[:9]})"
    return {
        **{key: value for key, value in scenario.items() if key not in _NOT_COMPARED},
        "testbed": version,
        **(manifest.get("versions") or {}),
        **{f"plugin {name}": digest[:9] for name, digest in (manifest.get("plugins") or {}).items()},
        "--until-ci": (manifest.get("until_ci") or {}).get("half_width"),
        "processor": ", ".join(map(str, manifest.get("processors") or ())) or None,
        **{
            f"{each['role']} {each['path'].rpartition('/')[2]}": each["sha256"][:9]
            for each in manifest.get("files") or ()
            if each["role"] != "scenario"
        },
    }


def _differing(a: Any, b: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each part that differs, with its dotted key; of models of different kinds their kinds alone."""
    ours, theirs = _parts(a), _parts(b)
    if a == b:
        return
    if ours is None or theirs is None or key.count(".") >= _DEEPEST:
        yield key, a, b
        return
    kinds = [name for name in _KINDS if name in ours and name in theirs and ours[name] != theirs[name]]
    names = kinds or [*dict.fromkeys([*ours, *theirs])]
    for name in names:
        yield from _differing(ours.get(name), theirs.get(name), f"{key}.{name}".lstrip("."))


def _parts(value: Any) -> Mapping[str, Any] | None:
    """Return a mapping, or a list of mappings by the names of its entries; None for any other value."""
    if isinstance(value, Mapping):
        return value
    is_list = isinstance(value, list) and 0 < len(value) <= _MOST_ENTRIES
    if not is_list or not all(isinstance(each, Mapping) for each in value):
        return None
    names = [str(each.get("name") or (next(iter(each)) if len(each) == 1 else "entry")) for each in value]
    numbered = (
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    )
    return {name: _alone(each) for name, each in zip(numbered, value, strict=True)}


def _alone(entry: Mapping[str, Any]) -> Any:
    """Return an entry without its name, and of one with a single key its value."""
    inner = {key: value for key, value in entry.items() if key != "name"}
    return next(iter(inner.values())) if len(entry) == 1 else inner


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
