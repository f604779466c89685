"""One call of a run, made again: its timeline, its packets and its sound."""

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.played import Heard, Played
from testbed.call import Simulation, listen
from testbed.codecs.engines import engine
from testbed.codecs.pcm import float_from_int16, int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.plan import CallId, plan
from testbed.planned_call import simulate_call
from testbed.provenance import check_unchanged, inputs_of
from testbed.results import MANIFEST_FILE, Results
from testbed.run_context import RunContext
from testbed.scenario.base import MOST_CALLS
from testbed.scenario.checks import check_codec, clips_of, mixer_for
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import stored_scenario
from testbed.speech import Clip

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Audio
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Call:
    """The call of one row of the table, made again: timeline, packets and sound.

    Attributes
    ----------
    simulation
        `simulation.timeline` and `simulation.sent`, among others; see `testbed.call.Simulation`.
    heard
        The speech as it was heard: the sound, and how an adaptive receiver stretched it.
    clip
        The speech sent.
    row
        The call's row of the table.
    """

    simulation: Simulation
    heard: Heard
    clip: Clip
    row: dict[str, Any]

    @property
    def pcm(self) -> NDArray[np.int16]:
        """The speech as it was heard: int16, 16 kHz, aligned with the clip unless it was stretched."""
        return self.heard.pcm

    @property
    def timeline(self) -> "pd.DataFrame":
        """One row per frame: when its packet was sent, arrived or was dropped, and how it was recovered.

        Examples
        --------
        >>> call.timeline.columns[:4].tolist()
        ['frame', 'sent_ns', 'arrived_ns', 'dropped_by']
        """
        return self.simulation.timeline.table()

    @property
    def delays(self) -> "pd.DataFrame":
        """One row per frame sent: the parts of its delay; see `testbed.frame_delays.FrameDelays`.

        Examples
        --------
        >>> call.delays.columns.tolist()
        ['capture_ms', 'lookahead_ms', 'network_ms', 'buffer_ms', 'mouth_to_ear_ms']
        """
        return self.simulation.delays.table()

    def audio(self) -> "Audio":
        """Return a player of the decoded sound, for a notebook.

        Raises
        ------
        ResultsError
            IPython is not installed.

        Examples
        --------
        >>> call.audio()
        <IPython.lib.display.Audio object>
        """
        try:
            from IPython.display import Audio
        except ImportError:
            raise ResultsError(
                "call.audio() is for notebooks: pip install ipykernel; without, call.pcm has the samples"
            ) from None
        from testbed.reports.sounds import flac

        # Audio scales samples to full level, but leaves a file's alone.
        player = Audio(data=flac(self._samples))
        player.mimetype = "audio/flac"
        return player

    def plot(self) -> "Figure":
        """Return a figure: packets on the network, sources of played frames, and a spectrogram.

        Examples
        --------
        >>> call.plot()
        <InlineFigure size 900x320 with 2 Axes>
        """
        from testbed.reports.call_figure import call_figure

        return call_figure(self.timeline, self._samples, self._frame_ms, self._name, self._is_adaptive)

    def __repr__(self) -> str:
        """Return a line."""
        return printable(f"Call({self._name})")

    def _repr_html_(self) -> str:
        """Return a player and a figure; notebooks call this."""
        from testbed.reports.notebook import call_html

        return call_html(self._name, self.timeline, self._samples, self._frame_ms, self._is_adaptive)

    @property
    def _name(self) -> str:
        return f"{self.row['scheme']}, {self.row['clip']}, realization {self.row['realization']}"

    @property
    def _samples(self) -> NDArray[np.float32]:
        return float_from_int16(self.pcm)

    @property
    def _is_adaptive(self) -> bool:
        return isinstance(self.simulation.sound, Played)

    @property
    def _frame_ms(self) -> float:
        return self.simulation.frame_ms


class Repetition:
    """Makes calls of a run again.

    Raises
    ------
    ResultsError
        The run has no calls, or a file that shaped them has changed.
    ScenarioError
        The libopus of this machine lacks something that the scenario needs.
    """

    def __init__(self, run: Results) -> None:
        if not run.kind.has_schemes:
            raise ResultsError(f"{run.folder}: a flow study, which has no calls")
        for key in ("scenario", "scenario_folder", "clips"):
            if key not in run.manifest:
                raise ResultsError(f"{run.folder / MANIFEST_FILE}: has no {key} to make calls of")
        scenario = stored_scenario(run.manifest)
        if isinstance(scenario, FlowScenario):
            raise ResultsError(f"{run.folder / MANIFEST_FILE}: its scenario has flows, its table calls")
        check_codec(scenario)
        clips = clips_of(scenario)
        self._run = run
        self._plan = plan(scenario, len(clips), max(MOST_CALLS, len(run.table)))
        mixer = mixer_for(scenario, clips)
        check_unchanged(run.manifest, inputs_of(self._plan.points, clips, mixer), clips, run.folder)
        self._context = RunContext(
            self._plan.points, self._plan.schemes, clips, frozenset(), frozenset(), mixer=mixer
        )

    def call(self, row: int) -> Call:
        """Make the call of one row of the table; see `testbed.loaded_run.Run.call`."""
        kept, schemes, clips = self._run.table.iloc[row], self._plan.schemes, self._context.clips
        try:
            call = CallId(
                point=int(kept["point"]),
                scheme=[scheme.name for scheme in schemes[int(kept["point"])]].index(kept["scheme"]),
                clip=[clip.name for clip in clips].index(kept["clip"]),
                realization=range(self._plan.scenario.realizations).index(int(kept["realization"])),
            )
            encoding = self._plan.encoding_of[call.point, call.scheme]
        except (ValueError, LookupError):
            raise ResultsError(f"{self._run.folder}: row {row} belongs to no call of its scenario") from None
        clip = self._context.clip(call)
        decoding = engine(encoding.engine, encoding.batch_mb)
        source = EncodedClip(int16_from_float(clip.pcm), encoding.settings)
        simulation = simulate_call(self._context, call, source, decoding)
        heard = listen(simulation, len(clip.pcm), decoding)
        return Call(simulation, heard, clip, {str(name): value for name, value in kept.items()})


def repeat_call(run: Results, row: int) -> Call:
    """Make the call of one row of a run's table again; see `testbed.loaded_run.Run.call`."""
    try:
        number = operator.index(row)
    except TypeError:
        raise ResultsError(f"{run.folder}: call({row!r}): give the number of a row of the table") from None
    if not 0 <= number < len(run.table):
        raise ResultsError(f"{run.folder}: there is no row {row}, the table has {len(run.table)}")
    return Repetition(run).call(number)
