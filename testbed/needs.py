"""Capabilities of libopus that a scenario needs, by key, and those that are missing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from testbed.codecs.opus.capabilities import Capabilities, refusal
from testbed.codecs.schemes import SchemeSpec
from testbed.codecs.schemes.part import ENHANCEMENT_COMPLEXITY, NEURAL_CONCEALMENT_COMPLEXITY
from testbed.plan import speech_settings
from testbed.playout.adaptive import concealer_of
from testbed.scenario.document import KeyPath
from testbed.scenario.loading import Point, Scenario, points


@dataclass(frozen=True)
class Need:
    """A capability that a key of the scenario needs.

    Attributes
    ----------
    capability
        A field of `Capabilities` that must be true.
    key
        The key of the scenario that asks for it.
    what
        The part of the scenario that needs it, for messages.
    instead
        An alternative that does not need it; "" if there is none.
    """

    capability: str
    key: KeyPath
    what: str
    instead: str = ""


def needs(scenario: Scenario) -> Iterator[Need]:
    """Yield the needs of a scenario without a sweep."""
    codec = scenario.codec
    for index, scheme in enumerate(scenario.schemes):
        conceals = concealer_of(scheme, scenario.playout) == "codec"
        yield from _of_scheme(("schemes", index), scheme, codec.decoder_complexity, conceals)
    if codec.decoder_complexity >= ENHANCEMENT_COMPLEXITY:
        # The ceiling is decoded at this complexity in any case.
        yield Need(
            "osce",
            ("codec", "decoder_complexity"),
            f"{codec.decoder_complexity}",
            f"{ENHANCEMENT_COMPLEXITY - 1} does without it",
        )
    if codec.uses_dtx:
        yield Need("dtx", ("codec", "dtx"), "it")


def _of_scheme(key: KeyPath, scheme: SchemeSpec, complexity: int, conceals: bool) -> Iterator[Need]:
    """Yield the needs of a scheme, given the decoder's complexity and whether the codec conceals."""
    needed = {part.capability: part.key for part in scheme.parts if part.capability}
    if "dred" in needed:
        needed.pop("deep_plc", None)  # libopus has DRED only with deep PLC
    for capability, part in needed.items():
        yield Need(capability, (*key, part), repr(scheme.name))
    is_neural = scheme.decoder_complexity(complexity) >= NEURAL_CONCEALMENT_COMPLEXITY
    if conceals and is_neural and not needed.keys() & {"dred", "deep_plc"}:
        yield Need(
            "deep_plc",
            key,
            f"{scheme.name!r} falls back on neural PLC: it",
            "with plc: {} in the scheme it falls back on classic PLC",
        )


def unmet(scenario: Scenario, able: Capabilities) -> list[str]:
    """Return a line for each need of a scenario, at any point of its sweep, that this libopus does not meet.

    Each line begins with the file, line and key of the scenario.
    """
    found = [line for point in points(scenario) for line in _unmet(point, able)]
    return list(dict.fromkeys(found))


def _unmet(point: Point[Scenario], able: Capabilities) -> Iterator[str]:
    scenario = point.scenario
    for need in needs(scenario):
        if not getattr(able, need.capability):
            instead = f"; {need.instead}" if need.instead else ""
            yield (
                f"{scenario.at(*need.key)}: {need.what} needs {able.names[need.capability]}, which "
                f"{able.version} at {able.path} does not have"
                f"{instead}; `{build_command()}` builds one that has it"
            )
    reason = refusal(replace(speech_settings(scenario.codec, 0.0), expected_loss_percent=0), able.path)
    if reason:
        where = scenario.at("codec")
        yield f"{where}: {able.version} at {able.path} cannot encode with these settings: {reason}"


def build_command() -> str:
    """Return the command that builds a libopus with every capability and makes the testbed use it."""
    use_it = "unset OPUS_LIBRARY; " if os.environ.get("OPUS_LIBRARY") else ""
    return f"{use_it}testbed opus build"
