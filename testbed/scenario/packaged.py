"""The scenarios that come with the package."""

from pathlib import Path

import testbed.scenarios


def packaged_scenarios() -> dict[str, Path]:
    """Return their files by name: ``quickstart``, ``rfc8867/5.1-variable-capacity``.

    Examples
    --------
    >>> from testbed.scenario.packaged import packaged_scenarios
    >>> packaged_scenarios()["quickstart"].name
    'quickstart.yaml'
    """
    roots = [Path(root) for root in testbed.scenarios.__path__]
    found = {f.relative_to(r).with_suffix("").as_posix(): f for r in roots for f in r.rglob("*.yaml")}
    return dict(sorted(found.items()))


def has_data(file: Path) -> bool:
    """Return whether a packaged scenario names a file that comes with it."""
    text = file.read_text("utf-8")
    return any(beside.name in text for beside in file.parent.iterdir() if beside.suffix == ".txt")
