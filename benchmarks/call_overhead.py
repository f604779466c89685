"""Measures the time of a call outside libopus: SimPy, packets, playout and Python, by receiver.

Run it with ``.venv/bin/python benchmarks/call_overhead.py``. Time inside libopus is the processor time of its
encode, decode and DRED functions; time outside is the rest of a call, from the clip to the aligned sound,
without metrics. Both are timed in the same calls, so their ratio depends little on the speed of the machine.
An adaptive call is compared with a fixed one from the encoded clip on, as in a run, which encodes once.
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
from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.library import load
from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.codecs.schemes import SchemeSpec
from testbed.plan import speech_settings, stages
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.fixed import FixedPlayout
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
RECEIVERS = {
    "fixed": FixedPlayout(policy="fixed", delay_ms=200),
    "adaptive": AdaptivePlayout(policy="adaptive"),
}
REPEATS = 3


class CallTimer:
    """Adds up the time spent in functions that are wrapped with it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted."""

        def timed(*arguments: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.process_time() - started

        return timed


def time_inside_libopus() -> CallTimer:
    """Wrap every C function of the loaded libopus in one stopwatch."""
    stopwatch = CallTimer()
    functions = load().call
    assert isinstance(functions, SimpleNamespace)
    for name, function in vars(functions).items():
        setattr(functions, name, stopwatch.around(function))
    return stopwatch


class Overhead:
    """Makes calls of each scheme with each receiver, and times them."""

    def __init__(self) -> None:
        self.scenario = parse_scenario(SCENARIO)
        self.clips = load_clips(self.scenario.speech, Path())
        self.inside = time_inside_libopus()
        self.packets = 0
        self.seconds = dict.fromkeys(("encode", *RECEIVERS), 0.0)
        self.inside_seconds = dict.fromkeys(self.seconds, 0.0)

    def time(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function, and add the time to `what`."""
        began, began_inside = time.process_time(), self.inside.seconds
        found = function(*arguments)
        self.seconds[what] += time.process_time() - began
        self.inside_seconds[what] += self.inside.seconds - began_inside
        return found

    def make_calls(self, scheme: SchemeSpec, clip: Clip) -> None:
        """Make a call with each receiver, from clip to aligned sound."""
        channel = stages(self.scenario.channel)
        speech = speech_settings(self.scenario.codec, mean_loss(channel, Path()))
        encoding = self.time(
            "encode", encode, int16_from_float(clip.pcm), scheme.encoder_settings(speech, False)
        )
        complexity = scheme.decoder_complexity(self.scenario.codec.decoder_complexity)
        for name, playout in RECEIVERS.items():
            rngs = [generator(1, "overhead", clip.name, stage) for stage in range(len(channel))]
            settings = CallSettings(scheme.distances(), playout, complexity)
            self.time(name, heard, encoding, settings, Realization(channel, rngs), len(clip.pcm))
        self.packets += len(encoding.frames)

    def outside(self, what: str) -> float:
        """Return the time outside libopus."""
        return self.seconds[what] - self.inside_seconds[what]


def heard(encoding: Encoding, settings: CallSettings, channel: Realization, samples: int) -> Pcm16:
    """Make one call from the encoded clip to aligned sound."""
    return listen(simulate(encoding, settings, channel), samples, LibopusEngine()).pcm


def main() -> None:
    """Print a table and, last, one line of JSON with the ratios."""
    total = Overhead()
    for scheme in total.scenario.schemes:
        total.make_calls(scheme, total.clips[0])  # compiles and caches what is compiled and cached once
    print(f"{'':14}{'outside libopus / inside':>26}{'outside, us/packet':>24}{'whole call':>18}")
    print(f"{'scheme':<14}{'fixed':>13}{'adaptive':>13}{'fixed':>12}{'adaptive':>12}{'adaptive / fixed':>18}")
    sums = {name: np.zeros(2) for name in total.seconds}
    packets = 0
    for scheme in total.scenario.schemes:
        total.seconds, total.packets = dict.fromkeys(total.seconds, 0.0), 0
        total.inside_seconds = dict.fromkeys(total.seconds, 0.0)
        for _ in range(REPEATS):
            for clip in total.clips:
                total.make_calls(scheme, clip)
        shares = [total.outside(name) / total.inside_seconds[name] for name in RECEIVERS]
        each_us = [1e6 * total.outside(name) / total.packets for name in RECEIVERS]
        ratio = total.seconds["adaptive"] / total.seconds["fixed"]
        print(
            f"{scheme.name:<14}{shares[0]:13.2f}{shares[1]:13.2f}{each_us[0]:12.0f}{each_us[1]:12.0f}{ratio:18.2f}"
        )
        packets += total.packets
        for name in sums:
            sums[name] += total.outside(name), total.inside_seconds[name]
    whole = sums["encode"] + sums["fixed"]
    ratios = {
        "outside_to_inside_libopus": whole[0] / whole[1],
        "adaptive_to_fixed_call": sums["adaptive"].sum() / sums["fixed"].sum(),
        "adaptive_us_per_packet_outside_libopus": 1e6 * sums["adaptive"][0] / packets,
    }
    print(json.dumps({name: round(float(ratio), 3) for name, ratio in ratios.items()}))


if __name__ == "__main__":
    main()
