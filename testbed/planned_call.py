"""One call of the plan, simulated: its scheme, its realization of the channel, its receiver."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache

import numpy as np

from testbed.allocation.budget import SchemeBudget
from testbed.call import CallSettings, Simulation, simulate
from testbed.channels import StageSpec
from testbed.channels.realization import Realization
from testbed.codecs.encoding import Encoding, LiveEncoder
from testbed.codecs.engines.engine import Engine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.concealing import concealer_for
from testbed.control import Loop
from testbed.encoded_clip import EncodedClip
from testbed.plan import CallId, speech_settings
from testbed.playout.offline import Offline
from testbed.randomness import generator
from testbed.run_context import RunContext


def simulate_call(context: RunContext, call: CallId, source: EncodedClip, engine: Engine) -> Simulation:
    """Send one call through its realization of the channel.

    Parameters
    ----------
    source
        The call's clip.
    engine
        The engine that will decode the call: it determines how much of a packet's DRED is read.
    """
    scenario, scheme = context.scenario(call), context.scheme(call)
    settings = CallSettings(
        distances=scheme.distances(),
        playout=scenario.playout,
        decoder_complexity=scheme.decoder_complexity(scenario.codec.decoder_complexity),
        omits_pauses=scenario.codec.omits_pauses,
        concealer=concealer_for(scheme, scenario),
        vocoder=scheme.synthesized_by(),
        network=scheme.dred_network(),
    )
    if scheme.is_ceiling:
        encoding, started = source.encoding, time.process_time()
        simulation = _ceiling(encoding, replace(settings, playout=Offline(policy="offline")))
        return replace(simulation, seconds_simulate=time.process_time() - started)

    def realization(specs: Sequence[StageSpec], way: str) -> Realization:
        clip = context.clips[call.clip].name
        return Realization.of(specs, scenario.folder, scenario.seed, way, clip, call.realization)

    channel = realization(scenario.channel, "channel")
    others = _other_calls(context, call, source.settings)
    if not scenario.is_closed_loop:
        written = scheme.dred_to_write()
        encoding = source.with_dred(written)
        reach_samples = engine.dred_reach_samples(tuple(frame.payload for frame in encoding.frames))
        return simulate(
            encoding,
            replace(settings, dred_reach_samples=reach_samples),
            channel,
            others=[(other.with_dred(written), start_ns) for other, start_ns in others],
            most_events=scenario.limits.events,
        )
    expected_loss = scenario.codec.expected_loss
    loop = Loop(
        reporting=scenario.reporting,
        congestion=scenario.congestion,
        allocation=scenario.allocation,
        reverse=realization(scenario.reverse, "reverse"),
        budget=SchemeBudget.of(
            scheme, speech_settings(scenario.codec, 0.0), scenario.codec.total_kbps is not None
        ),
        expected_loss_percent=None if expected_loss is None else round(100 * expected_loss),
    )
    with ExitStack() as stack:
        encoder, *encoders = (
            stack.enter_context(LiveEncoder(each.pcm, each.settings))
            for each in (source, *(other for other, _ in others))
        )
        starts_ns = [start_ns for _, start_ns in others]
        beside = list(zip(encoders, starts_ns, strict=True))
        return simulate(encoder, settings, channel, loop, beside, scenario.limits.events)


@lru_cache(maxsize=1)
def _ceiling(encoding: Encoding, settings: CallSettings) -> Simulation:
    """Return the simulation of a call without loss, the same in every realization."""
    return simulate(encoding, settings, Realization())


def _other_calls(
    context: RunContext, call: CallId, settings: EncoderSettings
) -> list[tuple[EncodedClip, int]]:
    """Return the speech of the other calls on the channel, and when each starts in nanoseconds.

    They use the following clips in turn, each from a random position. They start within one frame of the
    call, at random, so that their packets are not sent in step with the call's.
    """
    scenario = context.scenario(call)
    rng = generator(scenario.seed, "other calls", context.clips[call.clip].name, call.realization)
    found = []
    for index in range(1, scenario.other_calls + 1):
        other = context.clip_at(call.point, (call.clip + index) % len(context.clips))
        pcm = int16_from_float(other.pcm)
        begin = int(rng.integers(len(pcm)))
        start_ns = int(rng.integers(settings.frame_ms * 1_000_000))
        found.append((EncodedClip(np.roll(pcm, -begin), settings), start_ns))
    return found
