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

    def is_wanted(self, wanted: Wanted) -> bool:
        names = ("point", "scheme", "clip", "realization")
        return all(getattr(wanted, name) in (None, getattr(self, name)) for name in names)

    def __str__(self) -> str:
        return (
            f"--point {self.point} --scheme '{self.scheme}' --clip {self.clip} "
            f"--realization {self.realization}"
        )


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
    fitting = [call for call in calls if call.is_wanted(wanted)]
    if len(fitting) != 1:
        found = "no kept call is that one; there are" if not fitting else f"{len(fitting)} calls fit:"
        some = fitting or calls
        more = f"; and {len(some) - _LISTED} more" if len(some) > _LISTED else ""
        raise ResultsError(f"{run_dir}: {found} {'; '.join(map(str, some[:_LISTED]))}{more}")
    return str(fitting[0]), _read(fitting[0].path)


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
