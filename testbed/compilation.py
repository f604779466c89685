"""Loading of kernels before the tasks of a run, which compiles them in the first run after installation.

Otherwise each process of the run would compile them for itself, a minute without visible progress.
"""

from dataclasses import replace

import numpy as np

from testbed.codecs.encoding import encode
from testbed.codecs.engines import ENGINES, EngineName, engine
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.pcm import float_from_int16
from testbed.codecs.recovery import Action
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.codecs.vocoders import VOCODERS
from testbed.metrics import METRICS
from testbed.metrics.scorer import scorer
from testbed.plan import Plan
from testbed.playout.adaptive import AdaptivePlayout
from testbed.randomness import generator

MESSAGE = "loading kernels (the first run compiles them, about a minute)"
_PCM = generator(0, "compilation").integers(-2000, 2000, 16_000).astype(np.int16)
_SETTINGS = EncoderSettings(bitrate_bps=64_000, expected_loss_percent=20, dred_depth_ms=200, inband_fec=True)


def is_needed(plan: Plan) -> bool:
    """Return whether a run uses kernels."""
    return _codec_is_needed(plan) or _neteq_is_needed(plan) or bool(_metrics(plan))


def compile_kernels(plan: Plan) -> None:
    """Call each kernel that a run will use, so that it is compiled and cached on disk.

    Raises
    ------
    CodecError
        libopus, whose weights the kernels need, is not built.
    """
    for metric in _metrics(plan):
        scorer(metric)(float_from_int16(_PCM), float_from_int16(_PCM))
    if _codec_is_needed(plan):
        _compile_codec(plan)
    if _neteq_is_needed(plan):
        _compile_neteq()


def _compile_codec(plan: Plan) -> None:
    engines = _engines(plan)
    has_dred = bool(engines) or _has_dred(plan)
    # Encoding measures the LBRR of packets; a libopus without DRED has LBRR, too.
    settings = _SETTINGS if has_dred else replace(_SETTINGS, dred_depth_ms=0)
    sent = tuple(frame.payload for frame in encode(_PCM, settings).frames)
    if _adds_dred(plan):
        from testbed.codecs.dred.writer import DredWriter

        encoding = encode(_PCM, EncoderSettings(bitrate_bps=24_000))
        DredWriter(_PCM, encoding, 2).encoding(WrittenDred(depth_ms=80, q0=6, dq=5, qmax=15))
    for name, batch_mb in engines.items():
        frames = np.arange(len(sent), dtype=np.int32)
        actions, sources = np.full(len(sent), Action.DECODE, np.uint8), frames.copy()
        actions[20], sources[20], actions[30] = Action.DECODE_DRED, 21, Action.CONCEAL
        job = Job(sent, sent, actions, sources, _SETTINGS.frame_samples, NEURAL_CONCEALMENT_COMPLEXITY)
        for vocoder in _own_vocoders(plan):
            decode_one(engine(name, batch_mb), replace(job, vocoder=vocoder))


def _compile_neteq() -> None:
    buffer = SyncBuffer()
    for join in (buffer.normal, buffer.merge):
        buffer.expand(_SETTINGS.frame_samples)
        join(_PCM)
        buffer.play(_SETTINGS.frame_samples)
    buffer.accelerate(_PCM)
    buffer.preemptive_expand(_PCM)


def _codec_is_needed(plan: Plan) -> bool:
    return _has_lbrr(plan) or _has_dred(plan) or bool(_engines(plan))


def _neteq_is_needed(plan: Plan) -> bool:
    conceals = any(scheme.concealed_by() == "neteq" for schemes in plan.schemes for scheme in schemes)
    return conceals or any(isinstance(point.scenario.playout, AdaptivePlayout) for point in plan.points)


def _metrics(plan: Plan) -> list[str]:
    return [name for name in plan.scenario.metric_names if METRICS[name].uses_kernels]


def _has_lbrr(plan: Plan) -> bool:
    return any(encoding.settings.inband_fec for encoding in plan.encodings)


def _has_dred(plan: Plan) -> bool:
    return _adds_dred(plan) or any(encoding.settings.dred_depth_ms for encoding in plan.encodings)


def _adds_dred(plan: Plan) -> bool:
    return any(scheme.dred_to_write() is not None for schemes in plan.schemes for scheme in schemes)


def _own_vocoders(plan: Plan) -> set[str]:
    """Return the vocoders of a plan that no other package adds."""
    named = {scheme.synthesized_by() for schemes in plan.schemes for scheme in schemes}
    return named & {*VOCODERS.builtin}


def _engines(plan: Plan) -> dict[EngineName, int]:
    """Return the engines that use kernels, each with its memory for a batch in MB."""
    scenarios = [point.scenario for point in plan.points]
    return {each.engine: each.limits.batch_mb for each in scenarios if ENGINES[each.engine].uses_kernels}
