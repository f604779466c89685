"""The rows of the table: all calls of one group, simulated, decoded and measured."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.call import Simulation, listen, simulate
from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engine import LibopusEngine
from testbed.codecs.rtp import WIRE_HEADER_BYTES
from testbed.codecs.schemes import SchemeSpec
from testbed.codecs.settings import SAMPLE_RATE_HZ
from testbed.errors import TestbedError
from testbed.metrics import metric
from testbed.playout.offline import Offline
from testbed.randomness import generator
from testbed.scenario import Point, Scenario
from testbed.speech import Clip
from testbed.sweep import CallId, Group, stages
from testbed.timeline import DRED, LBRR, NEVER, PLC, PRIMARY, RED


@dataclass(frozen=True)
class Context:
    """What the calls of a run need to know.

    Attributes
    ----------
    points, schemes
        See `testbed.sweep.Plan`.
    clips
        What is said.
    folder
        The run's folder, in which kept calls are written.
    save
        What to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    examples
        The calls that the report plays and draws.
    """

    points: Sequence[Point[Scenario]]
    schemes: Sequence[Sequence[SchemeSpec]]
    clips: Sequence[Clip]
    folder: Path
    save: frozenset[str]
    examples: frozenset[CallId]


@dataclass(frozen=True)
class Heard:
    """A decoded call and what its metrics say."""

    pcm: NDArray[np.int16]
    scores: dict[str, float]
    reasons: tuple[str, ...]


def rows_of(context: Context, group: Group) -> list[dict[str, Any]]:
    """Do all calls of a group; a call that fails is a row with its reason.

    Calls whose decoder does the same frame by frame (the ceiling in each realization, a playout delay that is
    already long enough) are decoded and measured once.
    """
    try:
        encoding = encode(to_int16(context.clips[group.clip].pcm), group.settings)
    except TestbedError as error:
        return [failed_row(context, call, error) for call in group.calls]
    heard: dict[bytes, Heard] = {}
    rows = []
    for call in group.calls:
        try:
            row = _row(context, call, encoding, heard)
        except Exception as error:  # a row of a long sweep must not take the others with it
            row = failed_row(context, call, error)
        rows.append(row)
    for row in rows[:1]:
        row["seconds_encode"] = encoding.seconds
    return rows


def simulate_call(context: Context, call: CallId, encoding: Encoding) -> Simulation:
    """Send one call through its realization of the channel."""
    scenario = context.points[call.point].scenario
    scheme = context.schemes[call.point][call.scheme]
    channel = [] if scheme.is_ceiling else stages(scenario)
    names = [spec.name for spec in scenario.channel][: len(channel)]
    clip = context.clips[call.clip].name
    rngs = [
        generator(scenario.seed, "channel", clip, call.realization, name, names[:index].count(name))
        for index, name in enumerate(names)
    ]
    return simulate(
        encoding,
        scheme.distances(),
        channel,
        rngs,
        Offline(policy="offline") if scheme.is_ceiling else scenario.playout,
        scheme.decoder_complexity(scenario.codec.decoder_complexity),
        scenario.folder,
    )


def to_int16(pcm: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return samples in [-1, 1] at the codec's border."""
    samples: NDArray[np.float32] = np.clip(np.rint(pcm * np.float32(32768)), -32768, 32767)
    return samples.astype(np.int16)


def identity(context: Context, call: CallId) -> dict[str, Any]:
    """Return the columns that say which call a row is about."""
    return {
        "point": call.point,
        "scheme": context.schemes[call.point][call.scheme].name,
        "clip": context.clips[call.clip].name,
        "realization": call.realization,
        **context.points[call.point].parameters,
    }


def failed_row(context: Context, call: CallId, error: Exception) -> dict[str, Any]:
    """Return the row of a call that could not be made."""
    reason = str(error) if isinstance(error, TestbedError) else f"{type(error).__name__}: {error}"
    return {**identity(context, call), "error": reason or type(error).__name__}


def _row(context: Context, call: CallId, encoding: Encoding, memory: dict[bytes, Heard]) -> dict[str, Any]:
    simulation = simulate_call(context, call, encoding)
    job = simulation.job
    key = job.actions.tobytes() + job.sources.tobytes() + bytes([job.decoder_complexity])
    started = time.process_time()
    seconds_metrics = 0.0
    if key not in memory:
        clip = context.clips[call.clip]
        pcm = listen(simulation, encoding, len(clip.pcm), LibopusEngine())
        decoded = time.process_time()
        memory[key] = _measure(context.points[call.point].scenario.metrics, clip.pcm, pcm)
        seconds_metrics = time.process_time() - decoded
    seconds_decode = time.process_time() - started - seconds_metrics
    heard = memory[key]
    _keep(context, call, simulation, heard.pcm)
    return {
        **identity(context, call),
        **_measurements(simulation, encoding, context.schemes[call.point][call.scheme]),
        **heard.scores,
        "seconds_encode": 0.0,
        "seconds_simulate": simulation.seconds,
        "seconds_decode": seconds_decode,
        "seconds_metrics": seconds_metrics,
        "error": "; ".join(heard.reasons),
    }


def _measure(names: Sequence[str], reference: NDArray[np.float32], pcm: NDArray[np.int16]) -> Heard:
    degraded = pcm.astype(np.float32) / np.float32(32768)
    scores = {name: metric(name)(reference, degraded) for name in names}
    return Heard(
        pcm,
        {name: score.value for name, score in scores.items()},
        tuple(f"{name}: {score.reason}" for name, score in scores.items() if score.reason),
    )


def _measurements(simulation: Simulation, encoding: Encoding, scheme: SchemeSpec) -> dict[str, Any]:
    timeline = simulation.timeline
    settings = encoding.settings
    kbps_of_bytes = 8 / (len(encoding) * settings.frame_ms)
    wire_bytes = int(timeline.size_bytes.sum())
    parts = {
        "primary_kbps": sum(frame.primary_bytes for frame in encoding.frames) * kbps_of_bytes,
        "lbrr_kbps": sum(frame.lbrr_bytes for frame in encoding.frames) * kbps_of_bytes,
        "dred_kbps": sum(frame.dred_bytes for frame in encoding.frames) * kbps_of_bytes,
    }
    red_bytes = wire_bytes - WIRE_HEADER_BYTES * len(encoding) - sum(map(len, encoding.payloads))
    parts["red_kbps"] = red_bytes * kbps_of_bytes
    waited_ns = float((timeline.played_ns - timeline.sent_ns).mean())
    return {
        "payload_kbps": sum(parts.values()),
        **parts,
        "dred_asked_ms": settings.dred_depth_ms,
        "dred_sent_ms": encoding.dred_sent_ms,
        "wire_kbps": wire_bytes * kbps_of_bytes,
        "packet_loss": simulation.packet_loss,
        "delay_variation_ms_p50": timeline.delay_variation_ms(50),
        "delay_variation_ms_p95": timeline.delay_variation_ms(95),
        "frames": len(timeline),
        "frames_late": int(timeline.late.sum()),
        "frames_primary": timeline.count(PRIMARY),
        "frames_red": timeline.count(RED),
        "frames_lbrr": timeline.count(LBRR),
        "frames_dred": timeline.count(DRED),
        "frames_plc": timeline.count(PLC),
        "mean_delay_ms": settings.frame_ms
        + 1000 * encoding.lookahead_samples / SAMPLE_RATE_HZ
        + waited_ns / 1e6,
    }


def file_stem(context: Context, call: CallId) -> str:
    """Return a file name for a call that is safe on any system and unique in its run."""
    words = f"{context.schemes[call.point][call.scheme].name} {context.clips[call.clip].name}"
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in words).lower().split())
    return f"{call.point:03d}-{call.scheme:02d}-{slug[:80]}-{call.clip:03d}-{call.realization:03d}"


def _keep(context: Context, call: CallId, simulation: Simulation, pcm: NDArray[np.int16]) -> None:
    import soundfile

    stem = file_stem(context, call)
    if call in context.examples:
        folder = context.folder / "examples"
        simulation.timeline.write(folder / f"{stem}.parquet")
        soundfile.write(folder / f"{stem}.flac", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
    if "audio" in context.save:
        soundfile.write(context.folder / "audio" / f"{stem}.wav", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
    if "timelines" in context.save:
        simulation.timeline.write(context.folder / "timelines" / f"{stem}.parquet")
    if "packets" in context.save:
        from testbed.pcap import write_pcap

        sent = [(packet.sent_ns, packet.payload) for packet in simulation.sent]
        arrivals = zip(simulation.timeline.arrived_ns.tolist(), sent, strict=True)
        received = sorted((at_ns, data) for at_ns, (_, data) in arrivals if at_ns != NEVER)
        write_pcap(context.folder / "packets" / f"{stem}.sent.pcap", sent)
        write_pcap(context.folder / "packets" / f"{stem}.received.pcap", received)
