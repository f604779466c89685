"""Arguments of `testbed.run` that Python gives in more forms than the command line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.errors import ScenarioError


def overrides_of(given: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Return overrides as ``"dotted.key=value"`` each.

    Raises
    ------
    ScenarioError
        A single text is given, or a value that YAML cannot hold.
    """
    if isinstance(given, str):
        raise ScenarioError(
            f"overrides={given!r}: must be a dict or a list, e.g. {{'codec.bitrate_kbps': 24}} or [{given!r}]"
        )
    if isinstance(given, Mapping):
        return [f"{key}={_as_json(value, f'overrides: {key}')}" for key, value in given.items()]
    return [str(each) for each in given]


def words_of(given: Sequence[str] | str) -> list[str]:
    """Return words given as a list, or as one text with commas."""
    words = given.split(",") if isinstance(given, str) else given
    return [word.strip() for word in words if word.strip()]


def paths_of(given: Sequence[Path | str] | Path | str) -> list[Path | str]:
    """Return paths given as a list, or as a single one."""
    return [given] if isinstance(given, str | Path) else list(given)


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scenario's mapping in dicts, lists, texts and numbers only.

    Raises
    ------
    ScenarioError
        It holds something that YAML cannot.
    """
    made: dict[str, Any] = json.loads(_as_json(dict(given), "scenario"))
    return made


def _as_json(value: Any, where: str) -> str:
    def simpler(held: Any) -> Any:
        if isinstance(held, Path):
            return str(held)
        if isinstance(held, Mapping):
            return dict(held)
        if hasattr(held, "tolist"):  # NumPy's numbers and arrays
            return held.tolist()
        raise ScenarioError(
            f"{where}: holds a {type(held).__name__}; give numbers, texts, lists and dicts only"
        )

    try:
        return json.dumps(value, default=simpler, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{where}: {error}") from None
