"""Changes of what frames are played from, in calls made again: how often, and how smooth."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from testbed import stats
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.loaded_run import Run
from testbed.repeated_call import Repetition
from testbed.stats import Estimate

REGULAR, LBRR, DRED, PLC = "primary", "lbrr", "dred", "plc"
NAMES = {REGULAR: "regular", LBRR: "LBRR", DRED: "DRED", PLC: "PLC"}
FOLLOWS = tuple(
    (NAMES[before], NAMES[after])
    for before, after in (
        (REGULAR, LBRR),
        (REGULAR, DRED),
        (REGULAR, PLC),
        (LBRR, REGULAR),
        (DRED, REGULAR),
        (DRED, LBRR),
        (PLC, REGULAR),
        (PLC, DRED),
    )
)
"""The changes that packets with LBRR and DRED can cause: where there is LBRR, there is DRED."""
MOST_CALLS = 24
_NEAR_SAMPLES = SAMPLE_RATE_HZ * 7 // 1000
"""Half of the window around a frame's beginning; the codec's delay is less."""


@dataclass(frozen=True)
class Switches:
    """Changes found in each call.

    Attributes
    ----------
    clips
        The clips of the calls.
    minutes
        The calls' durations.
    counts
        By change, its number in each call.
    at_switches, lossless
        For each call, the mean over changes of the largest step between samples, relative to the steps
        nearby: in the call, and at the same places without loss.
    """

    clips: list[str]
    minutes: list[float]
    counts: dict[tuple[str, str], list[float]]
    at_switches: list[float]
    lossless: list[float]

    def per_minute(self) -> dict[tuple[str, str], Estimate]:
        """Return each change's rate."""
        return {pair: stats.ratio(counts, self.minutes, self.clips) for pair, counts in self.counts.items()}

    def steps(self) -> Estimate:
        """Return the steps at changes, relative to those without loss."""
        return stats.ratio(self.at_switches, self.lossless, self.clips)


def switches(run: Run, scheme: str, ceiling: str) -> Switches:
    """Make some calls of a scheme again, of as many clips as there are, and look for changes.

    Parameters
    ----------
    run, scheme
        The calls.
    ceiling
        The scheme that loses nothing, for the sound at the same places.
    """
    table = run.table.assign(row=range(len(run.table)))
    calls = table[table["scheme"] == scheme].sort_values(["realization", "clip"], kind="stable")[:MOST_CALLS]
    whole = table[table["scheme"] == ceiling].set_index(["clip", "realization"])["row"]
    again = Repetition(run)
    found = Switches([], [], {pair: [] for pair in FOLLOWS}, [], [])
    for clip, realization, row in calls[["clip", "realization", "row"]].itertuples(index=False):
        call, lossless = again.call(int(row)), again.call(int(whole[clip, realization]))
        sources = call.timeline["recovered_by"].to_numpy()
        frame = round(SAMPLE_RATE_HZ * call.simulation.frame_ms / 1000)
        found.clips.append(str(clip))
        found.minutes.append(len(sources) * frame / SAMPLE_RATE_HZ / 60)
        changes = [(NAMES.get(before), NAMES.get(after)) for before, after in pairwise(sources)]
        for pair in FOLLOWS:
            found.counts[pair].append(float(changes.count(pair)))
        places = frame * (1 + np.flatnonzero(sources[1:] != sources[:-1]))
        found.at_switches.append(mean_step(call.pcm, places, frame))
        found.lossless.append(mean_step(lossless.pcm, places, frame))
    return found


def mean_step(pcm: NDArray[np.int16], places: NDArray[np.int64], frame: int) -> float:
    """Return the mean over places of the largest step there, relative to the root mean square nearby."""
    steps = np.abs(np.diff(pcm.astype(np.float64)))
    found = []
    for at in places:
        near, around = steps[at - _NEAR_SAMPLES : at + _NEAR_SAMPLES], steps[at - frame : at + frame]
        if len(near) and (level := float(np.sqrt(np.mean(around**2)))) > 1:
            found.append(near.max() / level)
    return float(np.mean(found)) if found else float("nan")
