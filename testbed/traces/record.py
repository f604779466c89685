"""What became of a call's packets in a finished run, as a recording that any format can hold."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from testbed.channels.trace_file import LOST
from testbed.errors import ResultsError
from testbed.results import load
from testbed.timeline import NEVER
from testbed.traces.recording import Recording, from_times

_STEM = re.compile(r"(\d{3,})-(\d{2,})-.*-(\d{3,})-(\d{3,})")
_FIELDS = ("point", "scheme", "clip", "realization")
_LISTED = 8


@dataclass(frozen=True)
class Wanted:
    """Which call of a run; None for any.

    Attributes
    ----------
    point
        Number of the combination of swept parameters.
    scheme, clip
        Their names.
    realization
        Number of the draw of the channel.
    """

    point: int | None = None
    scheme: str | None = None
    clip: str | None = None
    realization: int | None = None


@dataclass(frozen=True)
class _Call:
    path: Path
    point: int
    scheme: str
    clip: str
    realization: int

    def __str__(self) -> str:
        return f"point {self.point}, scheme {self.scheme}, clip {self.clip}, realization {self.realization}"


def recording_of_call(run_dir: Path, wanted: Wanted) -> tuple[str, Recording]:
    """Return what became of each packet of one call that was kept with its timeline.

    Parameters
    ----------
    run_dir
        What `testbed run --save timelines` left. Without `timelines`, a run has those of the few calls that
        its report draws.
    wanted
        Which call.

    Returns
    -------
    tuple
        How the call is called, and its recording; a run has one clock, so there is no skew.

    Raises
    ------
    ResultsError
        There is no such call, or several; the message lists them.
    """
    calls = _calls(run_dir)
    if not calls:
        raise ResultsError(
            f"{run_dir}: has no timelines: make the run again with `testbed run ... --save timelines`"
        )
    fitting = calls
    for name in _FIELDS:
        value = getattr(wanted, name)
        there = list(dict.fromkeys(getattr(call, name) for call in fitting))
        if value is not None and value not in there:
            raise ResultsError(
                f"{run_dir}: no call that was kept has --{name} {value}; there is {_listed(there)}"
            )
        fitting = [call for call in fitting if value in (None, getattr(call, name))]
    if len(fitting) > 1:
        choices = {name: list(dict.fromkeys(getattr(call, name) for call in fitting)) for name in _FIELDS}
        options = "; ".join(
            f"--{name} ({_listed(there)})" for name, there in choices.items() if len(there) > 1
        )
        raise ResultsError(f"{run_dir}: {len(fitting)} calls were kept: choose one by {options}")
    return str(fitting[0]), _read(fitting[0].path)


def _listed(values: list[object]) -> str:
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(map(str, values[:_LISTED])) + more


def _calls(run_dir: Path) -> list[_Call]:
    manifest = load(run_dir).manifest
    schemes, clips = manifest.get("scheme_names", []), manifest.get("clips", [])
    for folder in ("timelines", "examples"):
        calls = []
        for path in sorted((run_dir / folder).glob("*.parquet")):
            if not (match := _STEM.fullmatch(path.stem)):
                continue
            point, scheme, clip, realization = map(int, match.groups())
            if scheme < len(schemes) and clip < len(clips):
                calls.append(_Call(path, point, schemes[scheme], clips[clip]["name"], realization))
        if calls:
            return calls
    return []


def _read(path: Path) -> Recording:
    import pandas as pd

    try:
        table = pd.read_parquet(path, columns=["sent_ns", "arrived_ns"])
    except (ValueError, OSError, KeyError) as error:
        raise ResultsError(f"{path}: the timeline cannot be read: {error}") from error
    sent = table["sent_ns"].to_numpy(np.int64)
    arrived = table["arrived_ns"].to_numpy(np.int64)
    if not len(sent):
        raise ResultsError(f"{path}: holds no packets")
    return from_times(sent, np.where(arrived == NEVER, np.int64(LOST), arrived - sent))
