"""The columns of one call's row: its identity, its measurements and its scores."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.played import EditKind
from testbed.call import Simulation
from testbed.channels.queue import QUEUE_CAUSES
from testbed.codecs.concealers import ConcealerParameters
from testbed.codecs.encoding import dred_distortion, dred_sent_ms, lbrr_sent
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.recovery import Recovery
from testbed.columns import INTERRUPTION_MS
from testbed.emodel.opus import FRAME_MS, equipment
from testbed.errors import MetricError, reason
from testbed.metrics.metric import Signal
from testbed.metrics.scorer import Score, scorer
from testbed.plan import CallId
from testbed.playout.adaptive import concealer_of
from testbed.run_context import RunContext


def identity(context: RunContext, call: CallId) -> dict[str, Any]:
    """Return the columns that identify the call of a row."""
    return {
        "point": call.point,
        "scheme": context.scheme(call).name,
        "clip": context.clips[call.clip].name,
        "realization": call.realization,
        **context.points[call.point].parameters,
    }


def failed_row(context: RunContext, call: CallId, error: Exception) -> dict[str, Any]:
    """Return the row of a call that failed."""
    return {**identity(context, call), "error": reason(error)}


def score(name: str, reference: Signal, degraded: Signal) -> Score:
    """Return a metric's score of a call's sound against its clip; see `testbed.metrics.metric.Measure`.

    Raises
    ------
    MetricError
        The metric does not load, or fails.
    """
    try:
        return scorer(name)(reference, degraded)
    except MetricError:
        raise
    except Exception as error:  # a metric may be code of another package
        raise MetricError(f"metric {name}: {reason(error)}") from error


def measurements(
    context: RunContext, call: CallId, simulation: Simulation, settings: EncoderSettings
) -> dict[str, Any]:
    """Return the measurements of a simulation: bitrates, loss, delay, and frames by recovery.

    Parameters
    ----------
    settings
        The encoder's initial settings.
    """
    timeline, is_sent = simulation.timeline, simulation.timeline.is_sent
    frames = [simulation.frames[frame] for frame in np.flatnonzero(is_sent)]
    written = context.scheme(call).dred_to_write()
    kbps_of_bytes = 8 / (len(timeline) * settings.frame_ms)
    wire_bytes = int(timeline.size_bytes.sum())
    own_bytes = sum(len(frame.payload) for frame in frames)
    parts = {
        "primary_kbps": sum(frame.primary_bytes for frame in frames) * kbps_of_bytes,
        "lbrr_kbps": sum(frame.lbrr_bytes for frame in frames) * kbps_of_bytes,
        "dred_kbps": sum(frame.dred_bytes for frame in frames) * kbps_of_bytes,
        "red_kbps": (wire_bytes - simulation.header_bytes * len(frames) - own_bytes) * kbps_of_bytes,
    }
    delays, concealments_ms = simulation.delays, simulation.concealments_ms
    mouth_to_ear_ms = _of_known(_mean, delays.mouth_to_ear_ms)
    return {
        "payload_kbps": sum(parts.values()),
        **parts,
        "lbrr_sent": lbrr_sent(frames),
        "dred_asked_ms": settings.dred_depth_ms if written is None else written.depth_ms,
        "dred_sent_ms": dred_sent_ms(frames),
        "dred_distortion": dred_distortion(frames),
        "wire_kbps": wire_bytes * kbps_of_bytes,
        "packet_loss": simulation.packet_loss,
        "queue_loss": timeline.drops(QUEUE_CAUSES) / len(simulation.sent),
        "delay_ms_min": timeline.smallest_delay_ms,
        "delay_variation_ms_p50": timeline.delay_variation_ms(50),
        "delay_variation_ms_p95": timeline.delay_variation_ms(95),
        "frames": len(timeline),
        "frames_late": int(timeline.late.sum()),
        "frames_narrow": sum(not frame.allows_neural_concealment for frame in frames),
        "frames_primary": timeline.count(Recovery.PRIMARY),
        "frames_red": timeline.count(Recovery.RED),
        "frames_lbrr": timeline.count(Recovery.LBRR),
        "frames_dred": timeline.count(Recovery.DRED),
        "frames_plc": timeline.count(Recovery.PLC),
        "frames_dtx": timeline.count(Recovery.DTX),
        "buffer_needed_ms_p95": timeline.buffer_needed_ms(95),
        "buffer_needed_ms_max": timeline.buffer_needed_ms(100),
        "mouth_to_ear_ms": mouth_to_ear_ms,
        "mouth_to_ear_ms_p95": _of_known(lambda known: np.percentile(known, 95), delays.mouth_to_ear_ms),
        "buffer_ms": _of_known(_mean, delays.buffer_ms),
        "stretched_ms": simulation.edited_ms(EditKind.INSERTED_PERIOD),
        "accelerated_ms": simulation.edited_ms(EditKind.REMOVED_PERIOD),
        "stalled_ms": simulation.edited_ms(EditKind.INSERTED_TIME),
        "skipped_ms": simulation.edited_ms(EditKind.SKIPPED),
        "concealment_events": len(concealments_ms),
        "interruptions": int(np.count_nonzero(concealments_ms >= INTERRUPTION_MS)),
        "mos_emodel": _emodel_mos(context, call, simulation, parts, mouth_to_ear_ms),
    }


def _emodel_mos(
    context: RunContext, call: CallId, simulation: Simulation, kbps: Mapping[str, float], delay_ms: float
) -> float:
    """Return the opinion by the E-model, from loss, bitrates and delay; NaN where that does not hold."""
    scenario, scheme, timeline = context.scenario(call), context.scheme(call), simulation.timeline
    is_fitted = scenario.codec.bandwidth == "wideband" and simulation.frame_ms == FRAME_MS
    concealer = concealer_of(scheme, scenario.playout)
    if isinstance(concealer, ConcealerParameters) or not is_fitted or kbps["lbrr_kbps"] or kbps["dred_kbps"]:
        return math.nan
    complexity = scheme.decoder_complexity(scenario.codec.decoder_complexity)
    return equipment(complexity, concealer).mos(
        kbps["primary_kbps"],
        timeline.count(Recovery.PLC),
        len(timeline.concealments),
        int(timeline.is_sent.sum()),
        delay_ms + scenario.conversation.devices_ms,
    )


def _of_known(statistic: Callable[[NDArray[np.float64]], np.floating], values: NDArray[np.float64]) -> float:
    """Return a statistic of the values that are known; NaN if none is."""
    known = values[~np.isnan(values)]
    return float(statistic(known)) if len(known) else math.nan


def _mean(values: NDArray[np.float64]) -> np.floating:
    """Return the mean; that of equal values is exactly their value."""
    first: np.float64 = values[0]
    return first + np.mean(values - first)
