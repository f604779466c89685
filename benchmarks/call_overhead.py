"""Measures the time of a call outside libopus: SimPy, packets, playout and Python.

Run it with ``.venv/bin/python benchmarks/call_overhead.py``. Time inside libopus is the time of its encode,
decode and DRED functions; time outside is the rest of a call, from the clip to the aligned sound, without
metrics. Both are timed in the same calls, so their ratio depends little on the speed of the machine.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from testbed.call import CallSettings, listen, simulate
from testbed.channels.realization import Realization
from testbed.channels.stage import mean_loss
from testbed.codecs.encoding import encode
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.library import load
from testbed.codecs.pcm import int16_from_float
from testbed.plan import speech_settings, stages
from testbed.randomness import generator
from testbed.scenario.loading import parse_scenario
from testbed.speech import Clip, load_clips

SCENARIO = """
name: overhead
speech: {corpus: packaged}
codec: {bitrate_kbps: 24}
schemes:
  - plc
  - neural_plc
  - red: {copies: 2}
  - lbrr: {bitrate_kbps: 16}
  - dred: {depth_ms: 500, bitrate_kbps: 40}
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 6}
  - delay: {constant_ms: 40}
playout: {policy: fixed, delay_ms: 200}
metrics: []
"""
REPEATS = 3


class CallTimer:
    """Adds up the time spent in functions that are wrapped with it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted."""

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def time_inside_libopus() -> CallTimer:
    """Wrap every C function of the loaded libopus in one stopwatch."""
    stopwatch = CallTimer()
    functions = load().call
    assert isinstance(functions, SimpleNamespace)
    for name, function in vars(functions).items():
        setattr(functions, name, stopwatch.around(function))
    return stopwatch


def make_call(scheme_index: int, scenario: Any, clip: Clip) -> None:
    """Make one call from clip to aligned sound."""
    scheme = scenario.schemes[scheme_index]
    channel = stages(scenario.channel)
    settings = scheme.encoder_settings(speech_settings(scenario.codec, mean_loss(channel, Path())), False)
    encoding = encode(int16_from_float(clip.pcm), settings)
    rngs = [generator(1, "overhead", clip.name, stage) for stage in range(len(channel))]
    complexity = scheme.decoder_complexity(scenario.codec.decoder_complexity)
    settings_of_call = CallSettings(scheme.distances(), scenario.playout, complexity)
    simulation = simulate(encoding, settings_of_call, Realization(channel, rngs))
    listen(simulation, len(clip.pcm), LibopusEngine())


def main() -> None:
    """Print a table and, last, one line of JSON with the ratios."""
    scenario = parse_scenario(SCENARIO)
    clips = load_clips(scenario.speech, Path())
    inside = time_inside_libopus()
    for index in range(len(scenario.schemes)):
        make_call(index, scenario, clips[0])  # compiles and caches what is compiled and cached once
    print(
        f"{'scheme':<14}{'inside ms':>12}{'outside ms':>12}{'ratio':>8}   per call of {REPEATS * len(clips)}"
    )
    totals = np.zeros(2)
    for index, scheme in enumerate(scenario.schemes):
        inside.seconds = 0.0
        started = time.perf_counter()
        for _ in range(REPEATS):
            for clip in clips:
                make_call(index, scenario, clip)
        outside = time.perf_counter() - started - inside.seconds
        totals += inside.seconds, outside
        per_call = 1000 / (REPEATS * len(clips))
        print(
            f"{scheme.name:<14}{inside.seconds * per_call:12.1f}{outside * per_call:12.1f}"
            f"{outside / inside.seconds:8.3f}"
        )
    ratio = totals[1] / totals[0]
    print(json.dumps({"outside_to_inside_libopus": round(float(ratio), 3)}))


if __name__ == "__main__":
    main()
