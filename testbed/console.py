"""Texts of the command line: the outline of a run, and the list of clips."""

from collections.abc import Sequence
from pathlib import Path

from testbed.channels.stage import least_delay_ms
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.flows import study
from testbed.not_sent import will_not_be_sent
from testbed.plan import Plan, plan, stages
from testbed.scenario.checks import check_codec, clips_of
from testbed.scenario.document import read_document
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import AnyScenario
from testbed.scenario.packaged import packaged_scenarios
from testbed.speech import Clip, list_clips
from testbed.words import counted, duration


def outline(scenario: AnyScenario) -> str:
    """Return the outline of a run, for ``--dry-run``."""
    if isinstance(scenario, FlowScenario):
        return study.outline(scenario)
    check_codec(scenario)
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips))
    encodings = len({(group.clip, group.settings) for group in whole.groups})
    seconds = sum(len(clips[group.clip].pcm) * len(group.calls) for group in whole.groups) / SAMPLE_RATE_HZ
    lines = [f"{scenario.name}: {scenario.about}".rstrip(": "), "", *study.points_outline(whole.points)]
    names = [scheme.name for scheme in whole.schemes[0]]
    lines += [counted(len(names), "scheme"), *(f"  {name}" for name in names)]
    lines += [counted(len(clips), "clip"), *(f"  {_clip(clip)}" for clip in clips)]
    channel = " + ".join(stage.name for stage in scenario.channel) or "a network that does nothing"
    lines += [f"{counted(scenario.realizations, 'realization')} of {channel}"]
    lines += [f"receiver {each}" for each in _receivers(whole)]
    lines += [f"note: {each}" for each in will_not_be_sent(whole)]
    lines += [
        f"= {counted(whole.calls, 'call')}, {duration(seconds)} of speech; {counted(encodings, 'encoding')}"
    ]
    return "\n".join(lines)


def _receivers(whole: Plan) -> list[str]:
    """Return the descriptions of the receivers, each once."""
    scenarios = [point.scenario for point in whole.points]
    said = (each.playout.describe(least_delay_ms(stages(each.channel))) for each in scenarios)
    return list(dict.fromkeys(said))


def clips() -> str:
    """Return a table of the clips on this machine."""
    rows = [("corpus", "clip", "speaker", "language", "seconds", "licence")]
    for corpus, its_clips in list_clips().items():
        for clip in its_clips:
            rows.append((corpus, clip.name, clip.speaker, clip.language, _seconds(clip), clip.licence))
    return columns(rows)


def scenarios() -> str:
    """Return a table of the packaged scenarios."""
    documents = {name: read_document(path, name, Path()) for name, path in packaged_scenarios().items()}
    ordered = sorted(documents, key=lambda name: "/" in name)
    return columns([(name, documents[name].data["about"]) for name in ordered])


def _clip(clip: Clip) -> str:
    return ", ".join(filter(None, (f"{clip.name} ({_seconds(clip)} s)", clip.converted)))


def _seconds(clip: Clip) -> str:
    return f"{len(clip.pcm) / SAMPLE_RATE_HZ:.1f}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of words as aligned columns."""
    widths = [max(len(word) for word in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows)
