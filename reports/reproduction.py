"""Reproduction of a run: its command, its scenario as run, and the rows of each scheme."""

import shlex
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd
from ruamel.yaml import YAML


@dataclass(frozen=True)
class Line:
    """One line of the scenario.

    Attributes
    ----------
    changed
        Whether an override changed it.
    """

    text: str
    changed: bool


@dataclass(frozen=True)
class Reproduction:
    """The content of the page's last section.

    Attributes
    ----------
    command
        Shell command; ``""`` if the run was not made on the command line.
    overrides
        ``"key=value"`` each.
    lines
        The scenario as YAML with every override in it.
    resolved
        The same with every default, as YAML.
    """

    command: str
    overrides: list[str]
    lines: list[Line]
    resolved: str


def reproduction(manifest: dict[str, Any]) -> Reproduction:
    """Return the reproduction of a manifest's run; older manifests hold less."""
    command = manifest.get("command") or []
    given = str(manifest.get("scenario_text") or "")
    as_run = str(manifest.get("scenario_as_run") or given)
    known = {_bare(line) for line in given.splitlines()}
    return Reproduction(
        command=shlex.join(command),
        overrides=[str(override) for override in manifest.get("overrides") or []],
        lines=[Line(line, _bare(line) not in known) for line in as_run.splitlines()],
        resolved=_as_yaml(manifest.get("scenario") or {}),
    )


def rows(table: pd.DataFrame) -> dict[tuple[int, str], str]:
    """Return the row numbers of each (point, scheme): ``8–15``, or ``8, …`` if they are not contiguous."""
    keys = table[["point", "scheme"]]
    numbers = pd.Series(range(len(table)), table.index).groupby(
        [keys["point"], keys["scheme"]], observed=True
    )
    found = {}
    for (point, scheme), first, last, count in numbers.agg(["min", "max", "size"]).itertuples():
        together = f"{first}–{last}" if last > first else f"{first}"
        found[int(point), str(scheme)] = together if last - first + 1 == count else f"{first}, …"
    return found


def _bare(line: str) -> str:
    """Return a line without white space."""
    return "".join(line.split())


def _as_yaml(data: Any) -> str:
    writer = YAML(pure=True)
    writer.default_flow_style = False
    writer.width = 110
    text = StringIO()
    writer.dump(data, text)
    return text.getvalue()
