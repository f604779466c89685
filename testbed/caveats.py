"""Warnings about the validity of a run's numbers, in sentences."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.cases import Case, cases
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.schemes import SchemeSpec
from testbed.diagnosis import Diagnosis, lateness
from testbed.errors import ChannelError
from testbed.metrics import CONVERSATIONAL, METRICS
from testbed.pause_caveats import pause_caveats
from testbed.plan import Plan, stages
from testbed.playout.adaptive import AdaptivePlayout, concealer_of
from testbed.playout.offline import Offline
from testbed.redundancy_advice import advice
from testbed.speech import Clip
from testbed.speech_caveats import mixing_caveats, speech_caveats
from testbed.tally import Tally
from testbed.words import counted

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_OF_RECEIVER = "late with every scheme"


def caveats(plan: Plan, clips: Sequence[Clip], tally: Tally, diagnosed: Sequence[Diagnosis]) -> list[str]:
    """Return the warnings about a run, finished or not.

    Parameters
    ----------
    plan
        The plan of all calls.
    clips
        The speech.
    tally
        Counts and means over the calls made.
    diagnosed
        The problems of each scheme at each point.
    """
    return [
        *_failures(tally),
        *speech_caveats(clips, tally.clean),
        *mixing_caveats(plan),
        *pause_caveats(plan, tally.pauses),
        *_stretching(plan),
        *_without_delay(plan),
        *_concealment(plan),
        *_recordings(plan),
        *_problems(plan, clips, tally, diagnosed),
    ]


def _failures(tally: Tally) -> list[str]:
    if not tally.failed:
        return []
    return [f"{tally.failed} of {tally.rows} calls failed; the first: {tally.first_failure}"]


def _stretching(plan: Plan) -> list[str]:
    """Return which metrics say nothing of the stretching of adaptive receivers."""
    if not any(isinstance(point.scenario.playout, AdaptivePlayout) for point in plan.points):
        return []
    metrics = [METRICS[name] for name in plan.scenario.metric_names if METRICS[name].hears]
    warped = ", ".join(metric.label for metric in metrics if metric.reference == "warped")
    if not warped:
        return []
    return [
        f"scores that do not hear how an adaptive receiver stretches speech: {warped}; their reference "
        "is stretched in the same way"
    ]


def _without_delay(plan: Plan) -> list[str]:
    """Return that conversations are not scored, if no receiver has a delay."""
    is_offline = all(isinstance(point.scenario.playout, Offline) for point in plan.points)
    if not is_offline or CONVERSATIONAL not in plan.scenario.metric_names:
        return []
    label = METRICS[CONVERSATIONAL].label
    return [f"{label} needs a delay, which a receiver that waits without limit does not have"]


def _concealment(plan: Plan) -> list[str]:
    """Return that some schemes are concealed by NetEq, others by libopus, if none shows what that does."""
    for point, schemes in zip(plan.points, plan.schemes, strict=True):
        of: dict[str, list[SchemeSpec]] = {"neteq": [], "codec": []}
        for scheme in schemes:
            concealer = concealer_of(scheme, point.scenario.playout)
            if not scheme.is_ceiling and isinstance(concealer, str):
                of[concealer].append(scheme)
        shown = any(
            [part.key for part in scheme.parts] in (["neural_plc"], ["plc"]) for scheme in of["codec"]
        )
        if of["neteq"] and of["codec"] and not shown:
            return [
                f"{of['neteq'][0].name} is concealed by NetEq and {of['codec'][0].name} by libopus, which is "
                "part of their difference; the scheme neural_plc beside them would show how much"
            ]
    return []


def _recordings(plan: Plan) -> list[str]:
    """Return other readings of the recordings that the channels replay, each once."""
    doubts = [
        _doubt(stage, point.scenario.folder)
        for point in plan.points
        for stage in stages(point.scenario.channel)
        if hasattr(stage, "doubt")
    ]
    return list(dict.fromkeys(filter(None, doubts)))


def _doubt(stage: Any, folder: Path) -> str:
    try:
        return str(stage.doubt(folder))
    except ChannelError as error:  # the file was changed or removed during the run
        return str(error)


def _problems(plan: Plan, clips: Sequence[Clip], tally: Tally, diagnosed: Sequence[Diagnosis]) -> list[str]:
    """Return each problem once, with its first scheme and point, and the further ones.

    Texts that differ in numbers and in the scheme's name only are the same problem, except that each scheme
    has its own advice on sending its redundancy. Packets that come late with every scheme are a problem of
    the receiver.
    """
    met: dict[int, dict[str, Case]] = defaultdict(dict)
    for case in cases(plan, tally):
        met[case.point][case.scheme.name] = case
    late = Counter(each.point for each in diagnosed if each.kind == "late")
    problems: dict[tuple[str, str], list[Diagnosis]] = defaultdict(list)
    for each in diagnosed:
        if each.kind == "late" and 1 < late[each.point] == len(met[each.point]):
            problems["", _OF_RECEIVER].append(each)
        else:
            text = _NUMBER.sub("0", each.text.removeprefix(each.scheme))
            problems[each.scheme if each.kind == "not_sent" else "", text].append(each)
    lines = []
    for (_, problem), found in problems.items():
        first = found[0]
        text, others = first.text, list(dict.fromkeys(each.scheme for each in found))[1:]
        if problem == _OF_RECEIVER:
            text, others = f"Playout: {lateness(list(met[first.point].values()))}", []
        elif first.kind == "not_sent" and tally.rows == plan.calls:
            text += _sufficient(clips, met[first.point][first.scheme])
        at = ", ".join(f"{key} = {value}" for key, value in plan.points[first.point].parameters.items())
        more = len({each.point for each in found}) - 1
        also = [", ".join(others)] * bool(others) + [f"at {counted(more, 'more point')}"] * bool(more)
        lines.append((f"{at}: " if at else "") + text + (f" (also {'; '.join(also)})" if also else ""))
    return lines


def _sufficient(clips: Sequence[Clip], case: Case) -> str:
    """Return the bitrate or expected loss that would send the redundancy; "" if neither is the cause."""
    if case.scenario.is_closed_loop or not case.settings.expected_loss_percent:
        return ""
    return f"; {advice(int16_from_float(clips[0].pcm), case.settings)}"
