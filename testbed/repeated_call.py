"""One call of a run, made again: its timeline, its packets and its sound."""

import json
import operator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.call import Simulation, listen
from testbed.codecs.engines import engine
from testbed.codecs.pcm import int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.errors import ResultsError
from testbed.plan import CallId, plan
from testbed.planned_call import simulate_call
from testbed.provenance import check_unchanged, inputs_of
from testbed.results import MANIFEST_FILE, Results
from testbed.run_context import RunContext
from testbed.scenario.base import MOST_CALLS
from testbed.scenario.checks import check_codec, clips_of
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import parse_scenario
from testbed.speech import Clip


@dataclass(frozen=True)
class Call:
    """The call of one row of the table, repeated: timeline, packets and sound.

    Attributes
    ----------
    simulation
        `simulation.timeline` and `simulation.sent`.
    pcm
        The decoded speech, 16 kHz, aligned with the clip.
    clip
        The speech sent.
    """

    simulation: Simulation
    pcm: NDArray[np.int16]
    clip: Clip


def repeat_call(run: Results, row: int) -> Call:
    """Make the call of one row of a run's table again; see `testbed.loaded_run.Run.call`."""
    try:
        number = operator.index(row)
    except TypeError:
        raise ResultsError(f"{run.folder}: call({row!r}): give the number of a row of the table") from None
    if not 0 <= number < len(run.table):
        raise ResultsError(f"{run.folder}: there is no row {row}, the table has {len(run.table)}")
    if not run.kind.has_schemes:
        raise ResultsError(f"{run.folder}: a flow study, in which there are no calls")
    for key in ("scenario", "scenario_folder", "clips"):
        if key not in run.manifest:
            raise ResultsError(f"{run.folder / MANIFEST_FILE}: has no {key} to make calls of")
    scenario = parse_scenario(json.dumps(run.manifest["scenario"]), Path(run.manifest["scenario_folder"]))
    if isinstance(scenario, FlowScenario):
        raise ResultsError(f"{run.folder / MANIFEST_FILE}: its scenario has flows, its table calls")
    check_codec(scenario)
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips), max(MOST_CALLS, len(run.table)))
    check_unchanged(run.manifest, inputs_of(whole.points, clips), clips, run.folder)
    context = RunContext(whole.points, whole.schemes, clips, run.folder, frozenset(), frozenset())
    groups = {call: group for group in whole.groups for call in group.calls}
    kept = run.table.iloc[number]
    try:
        call = CallId(
            point=int(kept["point"]),
            scheme=[scheme.name for scheme in whole.schemes[int(kept["point"])]].index(kept["scheme"]),
            clip=[clip.name for clip in clips].index(kept["clip"]),
            realization=int(kept["realization"]),
        )
        group = groups[call]
    except (ValueError, LookupError):
        raise ResultsError(f"{run.folder}: row {row} is of no call that its scenario makes") from None
    clip = clips[call.clip]
    decoding = engine(group.engine, group.batch_mb)
    source = EncodedClip(int16_from_float(clip.pcm), group.settings)
    simulation = simulate_call(context, call, source, decoding)
    return Call(simulation, listen(simulation, len(clip.pcm), decoding), clip)
