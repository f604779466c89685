"""The difference between an unfinished run and the one asked for; without one it can be resumed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from testbed.escaping import printable
from testbed.provenance import input_name

_ABSENT = "missing"
_LONGEST = 60


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the first difference between two runs that could change rows or kept files; "" for none.

    Parameters
    ----------
    before, now
        Manifests, as in JSON.
    """
    return next(_differences(before, now), "")


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    yield from _values(_of_rows(before), _of_rows(now), "scenario")
    for name in _unlike(_clips(before), _clips(now)):
        yield printable(f"the speech {name} has changed")
    for name in _unlike(_files(before), _files(now)):
        yield printable(f"{name} has changed")
    yield from _values(before.get("versions"), now.get("versions"), "the version of")
    for name in _unlike(before.get("plugins", {}), now.get("plugins", {})):
        yield printable(f"the plugin {name} has changed")
    if _modules(before) != _modules(now):
        yield "the testbed's modules have changed"
    yield from _values(before.get("save"), now.get("save"), "--save")
    yield from _values(until_ci(before), until_ci(now), "--until-ci")


def until_ci(manifest: Mapping[str, Any]) -> Any:
    """Return the half-width of intervals that ends a run; None if it has all its calls."""
    return (manifest.get("until_ci") or {}).get("half_width")


def _of_rows(manifest: Mapping[str, Any]) -> Any:
    """Return the scenario without its report, which shapes no row."""
    scenario = manifest.get("scenario")
    return {**scenario, "report": None} if isinstance(scenario, Mapping) else scenario


def _values(before: Any, now: Any, name: str) -> Iterator[str]:
    """Yield each value that differs, by its dotted key."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in _unlike(before, now):
            yield from _values(before.get(key, _ABSENT), now.get(key, _ABSENT), f"{name} {key}")
    elif before != now:
        yield printable(f"{name} was {_shown(before)}, and is {_shown(now)}")


def _unlike(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    keys = dict.fromkeys([*now, *before])
    return [key for key in keys if before.get(key, _ABSENT) != now.get(key, _ABSENT)]


def _clips(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the hashes of the samples of the speech."""
    return {clip["name"]: clip.get("sha256", "") for clip in manifest.get("clips", ())}


def _files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the hashes of the other files that shape numbers."""
    files = [file for file in manifest.get("files", ()) if file["role"] not in ("scenario", "speech")]
    return {input_name(file["path"], file["role"]): file["sha256"] for file in files}


def _modules(manifest: Mapping[str, Any]) -> Any:
    """Return the hash of the testbed's modules."""
    return (manifest.get("testbed") or {}).get("modules_sha256")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
