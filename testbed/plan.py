"""The plan of a scenario: its calls, in groups that share an encoding."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from testbed.channels import StageSpec
from testbed.channels.stage import StageParameters, mean_loss
from testbed.codecs.engines import ENGINES, EngineName
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import NO_LOSS, SchemeSpec
from testbed.scenario.loading import Codec, Point, Scenario, points

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
class Group:
    """Calls that share one encoding of one clip, and an engine with a limit of memory for a batch."""

    clip: int
    settings: EncoderSettings
    engine: EngineName
    batch_mb: int
    calls: list[CallId] = field(default_factory=list)


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
    groups
        All calls, those of one encoding together.
    """

    scenario: Scenario
    points: list[Point[Scenario]]
    schemes: list[list[SchemeSpec]]
    groups: list[Group]

    @property
    def calls(self) -> int:
        """Number of calls."""
        return sum(len(group.calls) for group in self.groups)

    @property
    def tasks(self) -> list[list[Group]]:
        """The groups in tasks; small ones share one if their engine decodes them together."""
        tasks: list[list[Group]] = []
        for group in self.groups:
            last = tasks[-1] if tasks else []
            calls = sum(len(each.calls) for each in [*last, group])
            is_joined = (
                ENGINES[group.engine].uses_kernels
                and all((each.engine, each.batch_mb) == (group.engine, group.batch_mb) for each in last)
                and calls <= MAX_CALLS_IN_TASK
            )
            if last and is_joined:
                last.append(group)
            else:
                tasks.append([group])
        return tasks


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
    groups: dict[tuple[int, EncoderSettings, int | None, EngineName, int], list[Group]] = {}
    for point, point_schemes in zip(all_points, schemes, strict=True):
        # Only the engine `libopus` fills pauses that were not sent.
        engine = "libopus" if point.scenario.codec.omits_pauses else point.scenario.engine
        batch_mb = point.scenario.limits.batch_mb
        for scheme_index, scheme in enumerate(point_schemes):
            settings = encoder_settings(scheme, point.scenario)
            for clip in range(clips):
                # A call with a closed loop encodes for itself, so it shares no work with others.
                alone = point.index if point.scenario.is_closed_loop and not scheme.is_ceiling else None
                same = groups.setdefault((clip, settings, alone, engine, batch_mb), [])
                for realization in range(point.scenario.realizations):
                    if not same or len(same[-1].calls) >= ENGINES[engine].max_calls:
                        same.append(Group(clip, settings, engine, batch_mb))
                    same[-1].calls.append(CallId(point.index, scheme_index, clip, realization))
    return Plan(scenario, all_points, schemes, [group for same in groups.values() for group in same])


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
