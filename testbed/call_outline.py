"""The outline of a study of calls, for ``--dry-run``."""

from collections.abc import Sequence

from testbed.channels.stage import least_delay_ms
from testbed.choice import FEWEST_CLIPS
from testbed.not_sent import will_not_be_sent
from testbed.outline import heading
from testbed.plan import Plan, stages
from testbed.speech import Clip
from testbed.words import counted, duration


def outline(plan: Plan, clips: Sequence[Clip]) -> str:
    """Return the outline of a plan's run: points, schemes, clips, channel, receivers and number of calls."""
    scenario = plan.scenario
    mixtures = [point.scenario.speech.mixture for point in plan.points]
    encodings = len({(each.settings, mixtures[each.uses[0][0]]) for each in plan.encodings}) * len(clips)
    seconds = plan.calls_per_clip * sum(clip.seconds for clip in clips)
    lines = heading(scenario, plan.points)
    names = [scheme.name for scheme in plan.schemes[0]]
    lines += [counted(len(names), "scheme"), *(f"  {name}" for name in names)]
    lines += [counted(len(clips), "clip"), *(f"  {_clip(clip)}" for clip in clips)]
    channel = " + ".join(stage.name for stage in scenario.channel) or "a network that does nothing"
    lines += [f"{counted(scenario.realizations, 'realization')} of {channel}"]
    lines += [
        f"{metric.name} scores the first "
        + counted(metric.part.realizations, "realization").removeprefix("1 ")
        for metric in scenario.metrics
        if metric.part.realizations is not None and metric.part.realizations < scenario.realizations
    ]
    lines += [f"receiver {each}" for each in _receivers(plan)]
    if len(clips) < FEWEST_CLIPS:
        lines += [f"note: a recommendation needs at least {FEWEST_CLIPS} clips"]
    lines += [f"note: {each}" for each in will_not_be_sent(plan)]
    lines += [
        f"= {counted(plan.calls, 'call')}, {duration(seconds)} of speech; {counted(encodings, 'encoding')}"
    ]
    return "\n".join(lines)


def _receivers(plan: Plan) -> list[str]:
    """Return the descriptions of the receivers, each once."""
    scenarios = [point.scenario for point in plan.points]
    said = (each.playout.describe(least_delay_ms(stages(each.channel))) for each in scenarios)
    return list(dict.fromkeys(said))


def _clip(clip: Clip) -> str:
    return ", ".join(filter(None, (f"{clip.name} ({clip.seconds:.1f} s)", clip.converted)))
