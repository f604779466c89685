"""The scenario of the finalists, for `testbed run`: their schemes at each of their codecs and receivers."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from testbed.arguments import plain
from testbed.recommend.candidates import Candidate
from testbed.recommend.recommendation import Recommendation
from testbed.scenario.edit import as_yaml

FIRST_LINE = "# Written by `testbed recommend`: its finalists, which `testbed run` compares."
_CALLS = 24
_BASELINES: tuple[dict[str, Any], ...] = ({"plc": {}}, {"neural_plc": {}})


def finalists_yaml(base: Mapping[str, Any], found: Recommendation) -> str:
    """Return the scenario as YAML; the recommended codec and receiver are its own, and the middle point."""
    chosen = found.candidate
    candidates = [found.grid.candidates[place] for place in found.searched.finalists]
    alike = [each for each in candidates if each.codec.keys() == chosen.codec.keys()]
    points = _points(chosen, alike)
    schemes: list[dict[str, Any]] = [*_BASELINES]
    schemes += [dict(each.scheme) for each in [chosen, *alike]]
    data = {
        **base,
        "name": "finalists",
        "about": f"Finalists of a recommendation; recommended: {chosen.name}.",
        "codec": dict(chosen.codec),
        "schemes": [each for place, each in enumerate(schemes) if each not in schemes[:place]],
        "playout": dict(chosen.playout),
        "realizations": min(base["realizations"], ceil(_CALLS / found.clips)),
    }
    swept = _swept(points)
    if swept:
        data["sweep"] = {"zip": [swept]}
    return f"{FIRST_LINE}\n{as_yaml(plain(data))}"


def _points(chosen: Candidate, candidates: list[Candidate]) -> list[Candidate]:
    """Return one candidate for each codec and receiver, the chosen one in the middle."""
    others: list[Candidate] = []
    for each in candidates:
        if all((each.codec, each.playout) != (one.codec, one.playout) for one in [chosen, *others]):
            others.append(each)
    middle = (len(others) + 1) // 2
    return [*others[:middle], chosen, *others[middle:]]


def _swept(points: list[Candidate]) -> dict[str, list[Any]]:
    """Return the values that differ between points, by dotted key."""
    values = {
        **{f"codec.{key}": [each.codec[key] for each in points] for key in points[0].codec},
        "playout": [dict(each.playout) for each in points],
    }
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}
