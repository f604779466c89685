"""The plan of a scenario: its calls, in groups that share an encoding.

Points, schemes and clips are held. Calls are generated group by group, so a plan has any number of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice

from testbed.channels import StageSpec
from testbed.channels.stage import StageParameters, mean_loss
from testbed.codecs.engines import ENGINES, EngineName
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import NO_LOSS, SchemeSpec
from testbed.mixture import Mixture
from testbed.playout.adaptive import AdaptivePlayout
from testbed.precision import Extent
from testbed.row_set import RowSet
from testbed.scenario.loading import Codec, Point, Scenario, points
from testbed.scenario.own_point import own_point

MAX_CALLS_IN_TASK = 48
"""Limit for groups that are one task, so that a long sweep over one encoding uses all processes."""


@dataclass(frozen=True, order=True)
class CallId:
    """Names one call by its places in the scenario's lists; sorts in the order of the table."""

    point: int
    scheme: int
    clip: int
    realization: int


@dataclass(frozen=True)
class PlannedEncoding:
    """Settings of the encoder and the engine, and the points and schemes that use them.

    Attributes
    ----------
    settings
        The encoder's.
    engine, batch_mb
        The engine, and its memory in MB for calls that it decodes together.
    uses
        Places of each point and scheme.
    """

    settings: EncoderSettings
    engine: EngineName
    batch_mb: int
    uses: list[tuple[int, int]]


@dataclass(frozen=True)
class Group:
    """Calls that share one encoding of one clip, and an engine with a limit of memory for a batch."""

    clip: int
    settings: EncoderSettings
    engine: EngineName
    batch_mb: int
    calls: list[CallId]


@dataclass(frozen=True)
class Plan:
    """Everything that a run will do.

    Attributes
    ----------
    scenario
        The scenario as given, with its sweep.
    points
        One scenario without a sweep for each combination of the swept parameters.
    schemes
        For each point, its schemes; the ceiling first.
    clips
        Number of clips.
    encodings
        What is encoded of each clip, in the order of the work.
    """

    scenario: Scenario
    points: list[Point[Scenario]]
    schemes: list[list[SchemeSpec]]
    clips: int
    encodings: list[PlannedEncoding]

    @property
    def calls(self) -> int:
        """Number of calls."""
        return self.calls_per_clip * self.clips

    @property
    def calls_per_clip(self) -> int:
        """Number of calls with each clip."""
        return self._schemes_before[-1] * self.scenario.realizations

    @property
    def trials(self) -> int:
        """Number of combinations of point, clip and realization."""
        return len(self.points) * self.clips * self.scenario.realizations

    @cached_property
    def own_point(self) -> int:
        """Number of the point with the scenario's own values, with which the report begins."""
        return own_point(self.scenario)

    @cached_property
    def encoding_of(self) -> dict[tuple[int, int], PlannedEncoding]:
        """The encoding of each point and scheme."""
        return {use: encoding for encoding in self.encodings for use in encoding.uses}

    def row(self, call: CallId) -> int:
        """Return the number of a call's row in the table."""
        scheme = self._schemes_before[call.point] + call.scheme
        return (scheme * self.clips + call.clip) * self.scenario.realizations + call.realization

    @property
    def extent(self) -> Extent:
        """Its clips and realizations."""
        return Extent(self.clips, self.scenario.realizations)

    def groups(self, done: RowSet | None = None, extent: Extent | None = None) -> Iterator[Group]:
        """Yield all calls of an extent, default all, but those whose row is `done`; encoding by encoding."""
        done = RowSet(self.calls) if done is None else done
        extent = extent or self.extent
        for encoding in self.encodings:
            for clip in range(extent.clips):
                calls = self._calls(encoding, clip, done, extent.realizations)
                while some := list(islice(calls, ENGINES[encoding.engine].max_calls)):
                    yield Group(clip, encoding.settings, encoding.engine, encoding.batch_mb, some)

    def tasks(self, done: RowSet | None = None, extent: Extent | None = None) -> Iterator[list[Group]]:
        """Yield the groups in tasks; small ones share one if their engine decodes them together."""
        task: list[Group] = []
        for group in self.groups(done, extent):
            if task and not _is_joined(task, group):
                yield task
                task = []
            task.append(group)
        if task:
            yield task

    def _calls(
        self, encoding: PlannedEncoding, clip: int, done: RowSet, realizations: int
    ) -> Iterator[CallId]:
        for point, scheme in encoding.uses:
            first = self.row(CallId(point, scheme, clip, 0))
            for row in done.missing(first, first + realizations):
                yield CallId(point, scheme, clip, int(row) - first)

    @cached_property
    def _schemes_before(self) -> list[int]:
        """Number of schemes of all points before each point; last, that of all."""
        return list(accumulate(map(len, self.schemes), initial=0))


def _is_joined(task: Sequence[Group], group: Group) -> bool:
    """Return whether a task takes one more group."""
    same = (task[0].engine, task[0].batch_mb) == (group.engine, group.batch_mb)
    calls = sum(len(each.calls) for each in [*task, group])
    return same and ENGINES[group.engine].uses_kernels and calls <= MAX_CALLS_IN_TASK


def plan(scenario: Scenario, clips: int, most_calls: int | None = None) -> Plan:
    """Return the plan of a scenario's calls over a number of clips.

    Parameters
    ----------
    most_calls
        Largest number of calls; default: `limits.calls`, which a stored scenario could set too high.

    Raises
    ------
    ScenarioError
        There are more.
    """
    all_points = points(scenario)
    schemes = [
        [SchemeSpec(name=NO_LOSS), *(each for given in point.scenario.schemes for each in given.each())]
        for point in all_points
    ]
    calls = scenario.realizations * clips * max(map(len, schemes))
    scenario.check_size(calls, most_calls)
    encodings: dict[tuple[EncoderSettings, Mixture, int | None, EngineName, int], PlannedEncoding] = {}
    for point, point_schemes in zip(all_points, schemes, strict=True):
        engine = "libopus" if _needs_libopus(point.scenario) else point.scenario.engine
        batch_mb = point.scenario.limits.batch_mb
        for scheme_index, scheme in enumerate(point_schemes):
            settings = encoder_settings(scheme, point.scenario)
            # A call with a closed loop encodes for itself, so it shares no work with others.
            alone = point.index if point.scenario.is_closed_loop and not scheme.is_ceiling else None
            encoding = PlannedEncoding(settings, engine, batch_mb, [])
            mixture = point.scenario.speech.mixture
            same = encodings.setdefault((settings, mixture, alone, engine, batch_mb), encoding)
            same.uses.append((point.index, scheme_index))
    return Plan(scenario, all_points, schemes, clips, [*encodings.values()])


def _needs_libopus(scenario: Scenario) -> bool:
    """Return whether libopus decodes, whatever the engine: pauses, and what an adaptive receiver plays."""
    return scenario.codec.omits_pauses or isinstance(scenario.playout, AdaptivePlayout)


def known_loss(scenario: Scenario) -> float:
    """Return the loss known to the sender: the channel's own, or none if feedback must report it."""
    if scenario.is_closed_loop:
        return 0.0
    return mean_loss(stages(scenario.channel), scenario.folder)


def stages(specs: Sequence[StageSpec]) -> list[StageParameters]:
    """Return the parameters of a channel's stages, in order."""
    return [spec.parameters for spec in specs]


def encoder_settings(scheme: SchemeSpec, scenario: Scenario) -> EncoderSettings:
    """Return the encoder's settings for a scheme of a scenario without a sweep."""
    speech = speech_settings(scenario.codec, known_loss(scenario))
    return scheme.encoder_settings(speech, scenario.codec.total_kbps is not None)


def speech_settings(codec: Codec, channel_loss: float) -> EncoderSettings:
    """Return the encoder's settings for the speech alone.

    Parameters
    ----------
    channel_loss
        Loss that libopus expects without `codec.expected_loss`: 0 to 1.
    """
    expected_loss = codec.expected_loss if codec.expected_loss is not None else channel_loss
    return EncoderSettings(
        bitrate_bps=round(1000 * (codec.total_kbps or codec.bitrate_kbps or 0)),
        complexity=codec.complexity,
        frame_ms=codec.frame_ms,
        bandwidth=codec.bandwidth,
        rate_mode=codec.rate_mode,
        application=codec.application,
        signal=codec.signal,
        dtx=codec.uses_dtx,
        expected_loss_percent=min(100, round(100 * expected_loss)),
    )
