"""Cost of each scheme to a device: libopus's processor time for encoding and decoding, beside plain Opus's.

Measured after the rows are done, in one process and one thread, with plain Opus before each scheme. libopus
is what devices run, so it is measured whatever the run's engine; schemes with networks or a concealer that
it lacks are left out. It is this machine's processor time: the manifest has it, the table of results does
not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.call import CallSettings, Simulation, simulate
from testbed.channels.realization import Realization
from testbed.codecs.concealers import ConcealerParameters
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.encoding import encode
from testbed.codecs.engines.engine import Job
from testbed.codecs.engines.libopus import FrameDecoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_float
from testbed.codecs.recovery import Action, Recovery
from testbed.codecs.schemes import SchemeSpec
from testbed.codecs.vocoders import FARGAN
from testbed.concealing import concealer_for
from testbed.plan import Plan, encoder_settings
from testbed.playout.offline import Offline
from testbed.run_context import RunContext

SECONDS = 3.0
"""Longest speech that is encoded: the middle of the first clip."""
ROUNDS = 3
FEW_CALLS = 100
"""Number of calls of a run below which one round is enough."""
BUDGET_S = 2.0
"""Processor time after which no scheme, and no round, is begun."""
_PLAIN = SchemeSpec.model_validate("plc")
_LIBOPUS_DRED = {"deepest_ms": 1000, "bps": 32_000, "expected_loss_percent": 20}
"""Settings of libopus's DRED in place of that which the testbed writes: with these it sends all."""
_REDUNDANCY = (Recovery.RED, Recovery.LBRR, Recovery.DRED)


@dataclass(frozen=True)
class _Prepared:
    """A scheme's work on a device.

    Attributes
    ----------
    pcm, settings
        The speech to encode, and how.
    job
        The decoding.
    is_redundant
        By frame, whether it is decoded from redundancy.
    """

    pcm: Pcm16
    settings: EncoderSettings
    job: Job
    is_redundant: NDArray[np.bool_]

    def times_s(self) -> tuple[float, float, float]:
        """Return the processor time of encoding, of decoding, and the part of it that is redundancy's."""
        started = time.thread_time()
        encode(self.pcm, self.settings)
        encoded = time.thread_time()
        redundancy = self._decode()
        return encoded - started, time.thread_time() - encoded, redundancy

    def _decode(self) -> float:
        job, redundancy = self.job, 0.0
        size = job.frame_samples
        out = np.empty(size, np.int32)
        with FrameDecoder(job.decoder_complexity) as decoder:
            for frame, (action, source) in enumerate(
                zip(job.actions.tolist(), job.sources.tolist(), strict=True)
            ):
                if action == Action.CONCEAL and job.concealer != "codec":
                    continue
                payload = None if action in (Action.CONCEAL, Action.FILL_PAUSE) else job.payloads[source]
                started = time.thread_time()
                decoder.play(action, payload, (source - frame) * size, out)
                if self.is_redundant[frame]:
                    redundancy += time.thread_time() - started
        return redundancy


def device_cost(plan: Plan, context: RunContext) -> dict[str, Any]:
    """Measure the schemes of the scenario's own point; return the manifest's entry, empty without schemes.

    Returns
    -------
    dict
        ``point``; ``speech_s``, the seconds of speech; ``rounds``; of plain Opus ``plain_encode_ms`` and
        ``plain_decode_ms``, processor time per second of speech; and by scheme ``encode`` and ``decode``, as
        multiples of plain Opus's: median, least and greatest of the rounds, and ``redundancy``, the median
        part of ``decode`` that is spent on redundancy.
    """
    begun = time.thread_time()

    def is_over() -> bool:
        return time.thread_time() - begun > BUDGET_S

    point = plan.own_point
    schemes = [
        scheme for scheme in context.schemes[point] if not scheme.is_ceiling and _is_of_libopus(scheme)
    ]
    plain = _prepared(context, point, _PLAIN)
    if not schemes or plain is None:
        return {}
    prepared: dict[str, _Prepared] = {}
    for scheme in schemes:
        made = None if is_over() else _prepared(context, point, scheme)
        if made is not None:
            prepared[scheme.name] = made
    times = _times(plain, prepared, 1 if plan.calls < FEW_CALLS else ROUNDS, is_over)
    seconds = len(plain.pcm) / SAMPLE_RATE_HZ
    plains = np.array([before for each in times.values() for before, _ in each])
    if not len(plains):
        return {}
    return {
        "point": point,
        "speech_s": round(seconds, 3),
        "rounds": max(map(len, times.values())),
        "plain_encode_ms": round(1000 * float(np.median(plains[:, 0])) / seconds, 3),
        "plain_decode_ms": round(1000 * float(np.median(plains[:, 1])) / seconds, 3),
        "schemes": {name: _ratios(each) for name, each in times.items()},
    }


_Times = tuple[float, float, float]


def _times(
    plain: _Prepared, prepared: dict[str, _Prepared], rounds: int, is_over: Callable[[], bool]
) -> dict[str, list[tuple[_Times, _Times]]]:
    """Return of each scheme the times of plain Opus and its own, by round; without those that fail."""
    plain.times_s()  # the first decoding is slower
    times: dict[str, list[tuple[_Times, _Times]]] = {name: [] for name in prepared}
    for round_ in range(rounds):
        if round_ and is_over():
            break
        for name in [*times]:
            try:
                times[name].append((plain.times_s(), prepared[name].times_s()))
            except Exception:  # a scheme without a time is left out; the run has ended well
                del times[name]
    return times


def _ratios(times: list[tuple[_Times, _Times]]) -> dict[str, Any]:
    plain, own = np.array([before for before, _ in times]), np.array([after for _, after in times])
    encode_ratio, decode_ratio = own[:, 0] / plain[:, 0], own[:, 1] / plain[:, 1]
    return {
        "encode": _spread(encode_ratio),
        "decode": _spread(decode_ratio),
        "redundancy": round(float(np.median(own[:, 2] / plain[:, 1])), 3),
    }


def _spread(ratios: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in (np.median(ratios), ratios.min(), ratios.max())]


def _is_of_libopus(scheme: SchemeSpec) -> bool:
    """Return whether libopus, or the testbed's NetEq, has the networks and the concealer of a scheme."""
    return (
        scheme.dred_network() == LIBOPUS
        and scheme.synthesized_by() == FARGAN
        and not isinstance(scheme.concealed_by(), ConcealerParameters)
    )


def _prepared(context: RunContext, point: int, scheme: SchemeSpec) -> _Prepared | None:
    """Return the work of a scheme on the first clip and realization; None if its call fails."""
    scenario, clip = context.points[point].scenario, context.clips[0]
    length = min(len(clip.pcm), round(SECONDS * SAMPLE_RATE_HZ))
    start = (len(clip.pcm) - length) // 2
    pcm = int16_from_float(clip.pcm[start : start + length])
    settings = _of_libopus(scheme, encoder_settings(scheme, scenario))
    ends = CallSettings(
        distances=scheme.distances(),
        playout=Offline(policy="offline"),
        decoder_complexity=scheme.decoder_complexity(scenario.codec.decoder_complexity),
        concealer=concealer_for(scheme, scenario),
        omits_pauses=scenario.codec.omits_pauses,
    )
    try:
        channel = Realization.of(scenario.channel, scenario.folder, scenario.seed, "channel", clip.name, 0)
        simulation = simulate(encode(pcm, settings), ends, channel, most_events=scenario.limits.events)
    except Exception:  # the call of the run failed, too, and its row has the reason
        return None
    return _Prepared(pcm, settings, simulation.job, _is_redundant(simulation))


def _of_libopus(scheme: SchemeSpec, settings: EncoderSettings) -> EncoderSettings:
    """Return settings with which libopus writes the DRED that the testbed would write."""
    written = scheme.dred_to_write()
    if written is None:
        return settings
    return replace(
        settings,
        dred_depth_ms=min(written.depth_ms, _LIBOPUS_DRED["deepest_ms"]),
        bitrate_bps=settings.bitrate_bps + _LIBOPUS_DRED["bps"],
        expected_loss_percent=max(settings.expected_loss_percent, _LIBOPUS_DRED["expected_loss_percent"]),
    )


def _is_redundant(simulation: Simulation) -> NDArray[np.bool_]:
    return np.isin(simulation.timeline.recovered_by, [int(each) for each in _REDUNDANCY])
