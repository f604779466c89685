"""The check of metrics on the calls of a run: their wobble, which is kept in the run's manifest."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from testbed.codecs.pcm import float_from_int16
from testbed.columns import failed_rows
from testbed.errors import ResultsError
from testbed.metrics import METRICS
from testbed.progress import Progress
from testbed.references import References
from testbed.repeated_call import Repetition
from testbed.results import Results, read_manifest, write_manifest
from testbed.wobble import Shifts, Wobble
from testbed.words import counted

if TYPE_CHECKING:
    import pandas as pd

_CALL = ["point", "clip", "realization"]


def check_metrics(
    run: Results,
    metrics: Sequence[str] = (),
    calls: int = 8,
    show: Callable[[Progress], None] = lambda now: None,
) -> list[Wobble]:
    """Measure how far metrics move by what nobody hears, and keep it in the run's manifest.

    Parameters
    ----------
    metrics
        Any in the registry; default: those of the run.
    calls
        Number of calls; each is made again with every scheme. As many clips as possible are used.
    show
        Called with the progress.

    Raises
    ------
    ResultsError
        The run is not complete, its calls cannot be made again, or a metric hears no sound.
    UnknownNameError
        There is no such metric.
    """
    if deaf := [name for name in metrics if not METRICS[name].hears]:
        raise ResultsError(f"{deaf[0]} hears no sound; check the metric that it is computed from")
    asked = [*dict.fromkeys(metrics)] or run.manifest.get("metrics") or list(METRICS)
    metrics = [name for name in asked if METRICS[name].hears]
    if not run.manifest.get("complete", True):
        raise ResultsError(f"{run.folder}: the run is not complete; check its metrics when it is")
    repetition = Repetition(run)
    is_good = (run.table["scheme"] != run.ceiling) & ~failed_rows(run.table)
    if not is_good.any():
        raise ResultsError(f"{run.folder}: no call of a scheme without an error")
    rows = _chosen(run.table[is_good], calls)
    shifts, started = Shifts(metrics), time.monotonic()
    what = f"checking {counted(len(metrics), 'metric')}"
    for done, row in enumerate(rows.index):
        show(Progress(done, len(rows), time.monotonic() - started, what, "sounds"))
        call = repetition.call(row)
        key = tuple(call.row[column] for column in _CALL)
        references = References(call.clip.pcm, call.heard.edits)
        shifts.add(key, str(call.row["scheme"]), references, float_from_int16(call.pcm), call.clip.language)
    show(Progress(len(rows), len(rows), time.monotonic() - started, what, "sounds"))
    found = shifts.wobbles()
    kept = [each for each in run.manifest.get("wobble") or () if each["metric"] not in metrics]
    manifest = {**read_manifest(run.folder), "wobble": [*kept, *map(asdict, found)]}
    write_manifest(run.folder, manifest)
    return found


def _chosen(table: "pd.DataFrame", calls: int) -> "pd.DataFrame":
    """Return the rows of some calls with all their schemes: of each clip one, then of each another."""
    which = table[_CALL].drop_duplicates().sample(frac=1, random_state=0)
    turn = which.groupby("clip").cumcount().sort_values(kind="stable").index
    return table.reset_index().merge(which.loc[turn[:calls]], on=_CALL).set_index("index")
