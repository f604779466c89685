"""Kernels are compiled when they are first used after installation; a run has that done at its beginning.

Otherwise each of its processes would do so by itself, and its progress stand still for a minute.
"""

from dataclasses import replace

import numpy as np

from testbed.codecs.encoding import encode
from testbed.codecs.engines import engine
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.recovery import Action
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.plan import Plan
from testbed.randomness import generator

MESSAGE = "compiling kernels (first run only, about a minute)"
_PCM = generator(0, "compilation").integers(-2000, 2000, 12_800).astype(np.int16)
_SETTINGS = EncoderSettings(bitrate_bps=64_000, expected_loss_percent=20, dred_depth_ms=200, inband_fec=True)


def is_needed(whole: Plan) -> bool:
    """Return whether a run uses kernels at all."""
    return _has_lbrr(whole) or _has_dred(whole) or _batches_mb(whole) is not None


def compile_kernels(whole: Plan) -> None:
    """Use each kernel that a run will use, once, so that it is compiled and kept on disk.

    Raises
    ------
    CodecError
        If libopus is not built, whose weights they need.
    """
    batch_mb = _batches_mb(whole)
    has_dred = batch_mb is not None or _has_dred(whole)
    # Measures how much of a packet is LBRR; a libopus without DRED has that, too.
    settings = _SETTINGS if has_dred else replace(_SETTINGS, dred_depth_ms=0)
    sent = tuple(frame.payload for frame in encode(_PCM, settings).frames)
    if _adds_dred(whole):
        from testbed.codecs.dred_writer import DredWriter

        encoding = encode(_PCM, EncoderSettings(bitrate_bps=24_000))
        DredWriter(_PCM, encoding, 2).encoding(WrittenDred(depth_ms=80, q0=6, dq=5, qmax=15))
    if batch_mb is not None:
        frames = np.arange(len(sent), dtype=np.int32)
        actions, sources = np.full(len(sent), Action.DECODE, np.uint8), frames.copy()
        actions[20], sources[20], actions[30] = Action.DECODE_DRED, 21, Action.CONCEAL
        job = Job(sent, sent, actions, sources, _SETTINGS.frame_samples, NEURAL_CONCEALMENT_COMPLEXITY)
        decode_one(engine("numba", batch_mb), job)


def _has_lbrr(whole: Plan) -> bool:
    return any(group.settings.inband_fec for group in whole.groups)


def _has_dred(whole: Plan) -> bool:
    return _adds_dred(whole) or any(group.settings.dred_depth_ms for group in whole.groups)


def _adds_dred(whole: Plan) -> bool:
    return any(scheme.dred_to_write() is not None for schemes in whole.schemes for scheme in schemes)


def _batches_mb(whole: Plan) -> int | None:
    """Return the memory of a batch where the engine works in batches."""
    scenarios = (point.scenario for point in whole.points)
    return next((each.limits.batch_mb for each in scenarios if each.engine == "numba"), None)
