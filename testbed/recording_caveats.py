"""Recordings that a run replays and that could mean something else."""

from pathlib import Path
from typing import Any

from testbed.errors import ChannelError
from testbed.sweep import Plan, stages


def recording_caveats(whole: Plan) -> list[str]:
    """Return what is in doubt of the files that a run's channels replay, each doubt once.

    Parameters
    ----------
    whole
        What was to be done.
    """
    doubts = [
        _doubt(stage, point.scenario.folder)
        for point in whole.points
        for stage in stages(point.scenario.channel)
        if hasattr(stage, "doubt")
    ]
    return list(dict.fromkeys(filter(None, doubts)))


def _doubt(stage: Any, folder: Path) -> str:
    try:
        return str(stage.doubt(folder))
    except ChannelError as gone_since:
        return str(gone_since)
