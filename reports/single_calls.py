"""Scores of single calls for the page, which shows their spread: whole numbers, and bounded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from testbed.reports.summary import Summary

DECIMALS = 3
MOST_VALUES = 100_000
"""Most scores of a page, about 6 bytes each."""


@dataclass
class SingleCalls:
    """The scores of single calls, at as many points as the page has room for.

    Attributes
    ----------
    clips, speakers
        Names.
    speaker_of
        Place of each clip's speaker.
    values
        By metric and point: ``clips`` and ``realizations`` of the calls, and by scheme their scores times
        10^`decimals`, None where there is none.
    decimals
        Number of decimals of the scores.
    left_out
        Number of points without single calls.
    """

    clips: list[str]
    speakers: list[str]
    speaker_of: list[int]
    values: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    decimals: int = DECIMALS
    left_out: int = 0


def single_calls(
    summary: Summary, points: Iterable[int], speakers: dict[str, str], most: int = MOST_VALUES
) -> SingleCalls:
    """Return the scores of single calls, of the points in order of their importance.

    Parameters
    ----------
    points
        The points; the first has its scores even if there are too many for all of them, but then only of
        evenly spaced calls.
    speakers
        Speaker of each clip that is known.
    """
    names = list(dict.fromkeys(speakers.get(clip, clip) for clip in summary.clips))
    found = SingleCalls(
        summary.clips, names, [names.index(speakers.get(clip, clip)) for clip in summary.clips]
    )
    room = most
    for place, point in enumerate(points):
        grids = {metric: summary.grid(point, metric) for metric in summary.metrics}
        size = sum(grid.size for grid in grids.values())
        if place and size > room:
            found.left_out += 1
            continue
        every = -(-size // most)
        for metric, grid in grids.items():
            if len(grid):
                found.values.setdefault(metric, {})[point] = _of_grid(grid.iloc[::every], summary.clips)
        room -= size
    return found


def _of_grid(grid: Any, clips: list[str]) -> dict[str, Any]:
    places = {clip: place for place, clip in enumerate(clips)}
    values = np.round(grid.to_numpy(float) * 10**DECIMALS)
    return {
        "clips": [places[str(clip)] for clip in grid.index.get_level_values("clip")],
        "realizations": [int(number) for number in grid.index.get_level_values("realization")],
        "schemes": {
            str(scheme): [None if np.isnan(value) else int(value) for value in column]
            for scheme, column in zip(grid.columns, values.T, strict=True)
        },
    }
