"""Checks of a scenario against this machine: its speech, the packages of its metrics, and its libopus."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.concealers.filling import process_of
from testbed.codecs.engines import ENGINES
from testbed.codecs.opus.build import installed
from testbed.codecs.opus.capabilities import capabilities
from testbed.codecs.opus.library import find
from testbed.codecs.vocoders.synthesis import prepare
from testbed.concealing import concealer_for
from testbed.errors import CodecError, PluginError, ScenarioError, SpeechError
from testbed.metrics import METRICS
from testbed.mixing import Mixer, mixer_of
from testbed.needs import unmet
from testbed.scenario.loading import Scenario, points
from testbed.speech import Clip, load_clips

NETWORKS_VERSION = "1.6.1"
"""Version of libopus whose networks the kernels compute."""


def clips_of(scenario: Scenario) -> list[Clip]:
    """Load the scenario's clips.

    Raises
    ------
    SpeechError
        A clip is missing or cannot be used; the message begins with the file, line and key of the scenario.
    """
    with _placed(scenario):
        return load_clips(scenario.speech, scenario.folder, scenario.limits.audio_mb)


def mixer_for(scenario: Scenario, clips: Sequence[Clip]) -> Mixer | None:
    """Return the mixer of the scenario's clips; None if no point mixes anything into them.

    Raises
    ------
    SpeechError
        A recording cannot be used, or there are too few speakers; the message begins as of `clips_of`.
    """
    with _placed(scenario):
        return mixer_of(scenario, clips, [point.scenario.speech.mixture for point in points(scenario)])


@contextmanager
def _placed(scenario: Scenario) -> Iterator[None]:
    """Let the message of an error about speech begin with the file, line and key of the scenario."""
    try:
        yield
    except SpeechError as error:
        reason = str(error)
        if reason.startswith("speech."):
            key, _, reason = reason.partition(": ")
        else:
            key = f"speech.{'corpus' if scenario.speech.files is None else 'files'}"
        raise SpeechError(f"{scenario.at(*key.split('.'))}: {reason}") from None


def check_languages(scenario: Scenario, clips: Sequence[Clip]) -> None:
    """Check that each metric scores some of the clips.

    Raises
    ------
    ScenarioError
        All clips are in languages that a metric does not judge; the message begins with the file, line and
        key of the scenario.
    """
    spoken = dict.fromkeys(clip.language for clip in clips)
    for index, name in enumerate(scenario.metric_names):
        metric = METRICS[name]
        if not any(map(metric.judges, spoken)):
            raise ScenarioError(
                f"{scenario.at('metrics', index)}: {name} judges speech in {' or '.join(metric.languages)}; "
                f"the clips are in {', '.join(spoken)}"
            )


def check_packages(scenario: Scenario) -> None:
    """Check that the packages of each metric are installed.

    Raises
    ------
    ScenarioError
        One is not; the message begins with the file, line and key of the scenario.
    """
    lines = []
    for index, name in enumerate(scenario.metric_names):
        metric = METRICS[name]
        if missing := [package for package in metric.packages if find_spec(package) is None]:
            place, needed = scenario.at("metrics", index), ", ".join(missing)
            lines.append(f"{place}: {name} needs {needed}, which is not installed; {metric.install}")
    if lines:
        raise ScenarioError("\n".join(lines))


def check_vocoders(scenario: Scenario) -> None:
    """Check that each vocoder can be made: it has its weights, and another package's is built in its process.

    Raises
    ------
    ScenarioError
        One cannot; the message begins with the file, line and key of the scenario.
    """
    lines: dict[str, str] = {}
    for point in points(scenario):
        for index, scheme in enumerate(point.scenario.schemes):
            for part in scheme.parts:
                vocoder = part.synthesized_by()
                if vocoder is not None and vocoder not in lines:
                    try:
                        prepare(vocoder)
                    except (CodecError, PluginError) as error:
                        place = point.scenario.at("schemes", index, part.key, "vocoder")
                        lines[vocoder] = f"{place}: {error}"
    if lines:
        raise ScenarioError("\n".join(lines.values()))


def check_concealers(scenario: Scenario) -> None:
    """Check that each concealer that is not the testbed's own can be built, in a process of its own.

    Raises
    ------
    ScenarioError
        One cannot; the message begins with the file, line and key of the scenario.
    """
    lines = {}
    for point in points(scenario):
        for index, scheme in enumerate(point.scenario.schemes):
            concealer = concealer_for(scheme, point.scenario)
            if isinstance(concealer, PlacedConcealer) and concealer not in lines:
                try:
                    process_of(concealer).start()
                except PluginError as error:
                    key = ("schemes", index, "plc", "concealer")
                    lines[concealer] = f"{point.scenario.at(*key)}: {error}"
    if lines:
        raise ScenarioError("\n".join(dict.fromkeys(lines.values())))


def check_codec(scenario: Scenario) -> None:
    """Check the capabilities of this machine's libopus before the run begins.

    Raises
    ------
    ScenarioError
        The scenario needs something that libopus lacks (see `testbed.needs`), or networks of our own build;
        the message begins with the file, line and key of the scenario.
    CodecError
        There is no libopus at all.
    """
    build = installed()
    has_networks = build is not None and build.version == NETWORKS_VERSION
    lines = unmet(scenario, capabilities())
    lines += [
        f"{scenario.at('schemes', index, 'dred', 'writer')}: it needs the networks of the testbed's "
        f"own libopus {NETWORKS_VERSION}; `testbed opus build` builds it"
        for index, scheme in enumerate(scenario.schemes)
        if scheme.dred_to_write() and not has_networks
    ]
    if any(ENGINES[point.scenario.engine].uses_kernels for point in points(scenario)):
        key = scenario.grid.paths.get("engine", ("engine",))
        if build is None or not has_networks:
            lines.append(
                f"{scenario.at(*key)}: numba needs the networks of the testbed's own libopus "
                f"{NETWORKS_VERSION}; `testbed opus build` builds it"
            )
        elif find() != str(build.library.resolve()):
            lines.append(
                f"{scenario.at(*key)}: numba works only with the testbed's own libopus; unset OPUS_LIBRARY"
            )
    if lines:
        raise ScenarioError("\n".join(lines))
