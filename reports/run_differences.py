"""What differs in the making of two runs: keys of their scenarios, versions, speech and other files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.results import Results

ABSENT = "–"
_NOT_COMPARED = ("name", "about", "limits", "report")
"""Keys of a scenario that shape no number."""


@dataclass(frozen=True)
class RunDifference:
    """A key, or a thing, and its value in each of two runs, as words; `ABSENT` where a run lacks it."""

    key: str
    a: str
    b: str


def run_differences(a: Results, b: Results) -> list[RunDifference]:
    """Return what differs in the scenarios as run, in versions, in the speech and in other files."""
    made = [_facts(run.manifest) for run in (a, b)]
    keys = [*dict.fromkeys([*made[0], *made[1]])]
    values = [(key, made[0].get(key, ABSENT), made[1].get(key, ABSENT)) for key in keys]
    return [RunDifference(*each) for each in values if each[1] != each[2]]


def _facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    scenario = {
        key: value for key, value in (manifest.get("scenario") or {}).items() if key not in _NOT_COMPARED
    }
    testbed = manifest.get("testbed") or {}
    made_with = {
        "testbed": f"{testbed.get('version', ABSENT)} ({str(testbed.get('commit') or ABSENT)[:9]})",
        **{str(name): str(version) for name, version in (manifest.get("versions") or {}).items()},
        **{f"plugin {name}": str(digest)[:9] for name, digest in (manifest.get("plugins") or {}).items()},
        "processor": ", ".join(map(str, manifest.get("processors") or ())) or ABSENT,
    }
    files = {
        f"{each['role']} {each['path'].rpartition('/')[2]}": each["sha256"][:9]
        for each in manifest.get("files") or ()
        if each["role"] != "scenario"
    }
    return {**dict(_leaves(scenario, "")), **made_with, **files}


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield each value inside a value with its dotted key; entries of lists by their name."""
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for name, each in zip(_names(value), value, strict=True):
            alone = next(iter(each.values())) if len(each) == 1 else None
            inner = alone if isinstance(alone, Mapping) else {k: v for k, v in each.items() if k != "name"}
            yield from _leaves(inner or None, f"{key}.{name}")
    elif value is not None:
        yield key, value if isinstance(value, str) else json.dumps(value)


def _names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return names of the entries of a list: their own, or their only key; numbered if repeated."""
    names = [str(each.get("name") or (next(iter(each)) if len(each) == 1 else "entry")) for each in entries]
    return [
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]
