"""Numbers recorded per stage and version: if they move, the version must, or the cache returns old ones."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from testbed.cache import versions
from testbed.call import listen
from testbed.codecs.engines import engine
from testbed.codecs.pcm import float_from_int16, int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.flows.run_result import RunId
from testbed.flows.study import FlowStudy
from testbed.machine import processor
from testbed.measurements import measurements, score
from testbed.metrics import METRICS
from testbed.plan import plan
from testbed.planned_call import simulate_call
from testbed.playout.adaptive import AdaptivePlayout
from testbed.provenance import libopus_files, sha256_of
from testbed.run_context import RunContext
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import parse_scenario
from testbed.speech import list_clips

RECORD = Path(__file__).with_name("golden_rows.json")
AGAIN = "GOLDEN_ROWS=record .venv/bin/pytest tests/testbed/cache/test_golden_rows.py"
SPEECH = "name: golden\nspeech: {corpus: packaged, clips: 1}\nmetrics: []\nseed: 3\n"
SCENARIOS = {
    "schemes": """
codec: {bitrate_kbps: 24, complexity: 5}
schemes:
  - plc
  - neural_plc
  - red: {copies: 2}
  - lbrr: {bitrate_kbps: 8}
  - dred: {depth_ms: 200, bitrate_kbps: 18}
  - dred: {writer: testbed, depth_ms: 500}
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 3}
  - jitter: {model: gamma, mean_ms: 20, std_ms: 15, correlation: 0.5}
playout: {policy: fixed, delay_ms: 60}
""",
    "network": """
codec: {total_kbps: 32, complexity: 0, frame_ms: 40, bandwidth: auto, dtx: true}
schemes: [neural_plc]
channel:
  - duplicate: {rate: 0.1}
  - link: {rate_kbps: 45, queue: {discipline: codel}}
  - spikes: {mean_pause_ms: 500, mean_stall_ms: 60}
  - loss: {model: bernoulli, rate: 0.05}
playout: {policy: offline}
""",
    "closed loop": """
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [{lbrr: {bitrate_kbps: 8}}]
channel:
  - link: {rate_kbps: 70, queue: {discipline: drop_tail, limit_packets: 12}}
  - delay: {constant_ms: 30}
reverse: [{delay: {constant_ms: 30}}, {loss: {model: bernoulli, rate: 0.1}}]
feedback: {format: transport_wide}
congestion: {controller: gcc}
other_calls: 1
playout: {policy: fixed, delay_ms: 150}
""",
    "NetEq": """
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [{plc: {concealer: neteq}, red: {copies: 1}}]
channel: [{loss: {model: gilbert_elliott, rate: 0.3, mean_burst_packets: 3}}]
playout: {policy: fixed, delay_ms: 60}
""",
    "adaptive": """
codec: {bitrate_kbps: 24, complexity: 5}
schemes: [plc, {red: {copies: 1}}, {dred: {depth_ms: 200, bitrate_kbps: 18}}]
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 3}
  - jitter: {model: gamma, mean_ms: 20, std_ms: 15, correlation: 0.5}
playout: {policy: adaptive}
sweep: {zip: [{playout.preset: [neteq, neteq_m106, signal], playout.late: [stall, drop, splice]}]}
""",
}
FLOWS = """
name: golden flows
flows: [{name: A, media: {kind: video}}, {name: B, media: {kind: voice}, direction: backward, start_s: 1}]
duration_s: 4
congestion: {controller: nada}
forward:
  - loss: {model: bernoulli, rate: 0.02}
  - link: {rate_kbps: 600, delay_ms: 20, cross_traffic: [{model: tcp}]}
backward: [{link: {rate_kbps: 100, delay_ms: 20}}]
seed: 3
"""
Numbers = dict[str, list[float]]


def measured() -> dict[str, tuple[int, str, Numbers]]:
    """Return of each stage its version, a digest of its exact results, and numbers that describe them."""
    exact = {stage: hashlib.sha256() for stage in ("ENCODE", "SIMULATE", "DECODE", "PLAY")}
    numbers: dict[str, Numbers] = {stage: {} for stage in exact}
    decoder = engine("libopus", 64)
    clip = replace(list_clips()["packaged"][0], pcm=list_clips()["packaged"][0].pcm[:32_000])
    for name, text in SCENARIOS.items():
        planned = plan(parse_scenario(SPEECH + text), 1)
        context = RunContext(planned.points, planned.schemes, [clip], frozenset(), frozenset())
        for group in planned.groups():
            for call in group.calls:
                source = EncodedClip(int16_from_float(clip.pcm), group.settings)
                simulation = simulate_call(context, call, source, decoder)
                row = measurements(context, call, simulation, group.settings)
                sound = listen(simulation, len(clip.pcm), decoder).pcm
                place = f"{name}: {context.scheme(call).name}"
                if isinstance(context.scenario(call).playout, AdaptivePlayout):
                    numbers["PLAY"][f"{place}, point {call.point}"] = [float(value) for value in row.values()]
                    exact["PLAY"].update(sound.tobytes() + simulation.timeline.played_ns.tobytes())
                    continue
                sizes = [len(frame.payload) for frame in simulation.frames]
                numbers["ENCODE"][place] = [len(sizes), float(np.mean(sizes)), float(np.std(sizes))]
                numbers["SIMULATE"][place] = [float(value) for value in row.values()]
                loudness = float_from_int16(sound).reshape(8, -1)
                numbers["DECODE"][place] = np.sqrt((loudness**2).mean(axis=1)).tolist()
                exact["ENCODE"].update(b"".join(frame.payload for frame in simulation.frames))
                exact["SIMULATE"].update(simulation.timeline.played_ns.tobytes())
                exact["SIMULATE"].update(simulation.job.actions.tobytes())
                exact["DECODE"].update(sound.tobytes())
    found = {
        stage: (getattr(versions, stage), exact[stage].hexdigest()[:16], numbers[stage]) for stage in exact
    }
    found["FLOWS"] = (versions.FLOWS, *flows())
    return found | {name: (METRICS[name].version, "", {"score": scores}) for name, scores in scored().items()}


def flows() -> tuple[str, Numbers]:
    """Return a digest of the time series of a run of flows, and the numbers of its rows and changes."""
    scenario = parse_scenario(FLOWS)
    assert isinstance(scenario, FlowScenario)
    result = FlowStudy.work(FlowStudy(scenario).context, RunId(0, 0))
    exact = hashlib.sha256()
    for columns in result.series.values():
        for values in columns.values():
            exact.update(values.tobytes())
    numbers = {
        f"{row['flow']} {index}": [float(value) for value in row.values() if isinstance(value, int | float)]
        for index, row in enumerate([*result.rows, *result.changes])
    }
    return exact.hexdigest()[:16], numbers


def scored() -> dict[str, list[float]]:
    """Return each metric's scores of 3 s of speech that is coarser or has gaps; the same on any processor."""
    clip = list_clips()["packaged"][1].pcm[16_000:64_000]
    coarse = (np.round(clip * 64) / 64).astype(np.float32)
    gaps = clip * (np.arange(len(clip)) % 8000 > 1600)
    found: dict[str, list[float]] = {name: [] for name in METRICS.builtin if METRICS[name].hears}
    for heard in (clip, coarse, gaps.astype(np.float32)):  # metrics of one network run it once for a sound
        for name, scores in found.items():
            scores.append(score(name, clip, heard).value)
    return found


def recorded() -> dict[str, Any]:
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {"machine": "", "stages": {}}


def machine() -> str:
    """Return a digest of what rounds: processor and libopus."""
    libopus = [sha256_of(path) or "" for path, role in libopus_files() if role == "libopus"]
    return hashlib.sha256("".join([processor(), *libopus]).encode()).hexdigest()[:16]


def moved(stage: str, exact: str, numbers: Numbers, known: dict[str, Any], is_same_machine: bool) -> bool:
    """Return whether the numbers of a stage differ from those recorded; on another machine, by much."""
    if stage in METRICS.builtin:
        relative = absolute = 5e-4
    elif is_same_machine:
        relative = absolute = 1e-9
        if exact != known["exact"]:
            return True
    else:
        relative, absolute = 0.1, 2.0 if stage in ("SIMULATE", "PLAY", "FLOWS") else 0.05
    return numbers.keys() != known["numbers"].keys() or not all(
        len(values) == len(known["numbers"][place])
        and np.allclose(values, known["numbers"][place], relative, absolute, equal_nan=True)
        for place, values in numbers.items()
    )


def test_numbers_that_move_have_a_new_version():
    record = recorded()
    is_same_machine = record["machine"] == machine()
    stages = measured()
    for stage, (version, exact, numbers) in stages.items():
        known = record["stages"].get(stage)
        if known is not None and known["version"] == version:
            where = "its METRIC" if stage in METRICS.builtin else "testbed/cache/versions.py"
            assert not moved(stage, exact, numbers, known, is_same_machine), (
                f"the numbers of {stage} have changed: raise its version in {where}, then record: {AGAIN}"
            )
    if os.environ.get("GOLDEN_ROWS") == "record":
        made = {
            stage: {"version": version, "exact": exact, "numbers": numbers}
            for stage, (version, exact, numbers) in stages.items()
        }
        RECORD.write_text(json.dumps({"machine": machine(), "stages": made}, indent=1) + "\n", "utf-8")
    for stage, (version, *_) in stages.items():
        assert recorded()["stages"].get(stage, {}).get("version") == version, f"{stage} is new: {AGAIN}"
