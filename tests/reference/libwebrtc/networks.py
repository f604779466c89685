"""The networks of the comparison, as channels of `testbed live`."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FRAME_MS = 20
_MOST_FRAMES = 60_000 // FRAME_MS


@dataclass(frozen=True)
class Network:
    """One network.

    Attributes
    ----------
    channel
        The stages.
    is_set_aside
        Whether it was left out until the receiver was finished.
    clock_ppm
        Error of the sender's clock.
    has_lbrr
        Whether the sender's packets carry LBRR.
    files
        Contents of the files that the stages name, by name; other files are recordings.
    """

    channel: list[Mapping[str, Any]]
    is_set_aside: bool = False
    clock_ppm: float = 0.0
    has_lbrr: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path, recordings: Path | None = None) -> Path:
        """Write the channel's file, and the files that it names, into a folder; return the first."""
        for name, content in self.files.items():
            (folder / name).write_text(content, encoding="ascii")
        for stage in self.channel:
            for parameters in stage.values():
                name = parameters.get("file", parameters.get("trace"))
                if name is not None and name not in self.files:
                    shutil.copyfile(recordings / name, folder / name)
        path = folder / "channel.yaml"
        YAML().dump({"channel": self.channel}, path)
        return path


def _delays(delay_ms: Callable[[float], float]) -> str:
    """Return a trace of arrivals from the delay at each time in seconds."""
    times_ms = range(0, _MOST_FRAMES * FRAME_MS, FRAME_MS)
    lines = [f"{sent_ms},{sent_ms + delay_ms(sent_ms / 1000)}" for sent_ms in times_ms]
    return "\n".join(["send_ms,arrival_ms", *lines, ""])


def _bursts(*lengths: int) -> str:
    """Return a trace of losses: after each 1.5 s, a burst of the next length in frames."""
    flags = ""
    while len(flags) < _MOST_FRAMES:
        for length in lengths:
            flags += "0" * (1500 // FRAME_MS) + "1" * length
    return "\n".join(flags) + "\n"


def _trace(content: str) -> dict[str, Any]:
    stage = {"trace": {"file": "trace", "offset_packets": 0, "after_end": "received"}}
    return {"channel": [stage], "files": {"trace": content}}


_PATH = {"delay": {"constant_ms": 30}}

NETWORKS: Mapping[str, Network] = {
    "calm": Network([_PATH]),
    "normal jitter": Network([{"jitter": {"model": "normal", "mean_ms": 60, "std_ms": 15}}]),
    "spikes": Network([_PATH, {"spikes": {"mean_pause_ms": 2000, "mean_stall_ms": 120}}]),
    "bursts of 60 to 160 ms": Network(**_trace(_bursts(3, 5, 8))),
    "delay step": Network(**_trace(_delays(lambda at_s: 140 if 10 <= at_s < 20 else 40))),
    "loss and jitter": Network(
        [
            {"loss": {"model": "bernoulli", "rate": 0.05}},
            {"jitter": {"model": "gamma", "mean_ms": 40, "std_ms": 20, "correlation": 0.5}},
        ]
    ),
    "gamma jitter": Network([{"jitter": {"model": "gamma", "mean_ms": 40, "std_ms": 40}}], is_set_aside=True),
    "slow jitter": Network(
        [{"jitter": {"model": "normal", "mean_ms": 100, "std_ms": 30, "correlation": 0.98}}],
        is_set_aside=True,
    ),
    "bursts of 200 to 400 ms": Network(**_trace(_bursts(10, 20, 15)), is_set_aside=True),
    "reordering": Network(
        [{"jitter": {"model": "normal", "mean_ms": 40, "std_ms": 15, "reorder": True}}], is_set_aside=True
    ),
    "slow clock": Network([_PATH], is_set_aside=True, clock_ppm=-1000),
    "fast clock": Network([_PATH], clock_ppm=1000),
    "loss, with LBRR": Network([{"loss": {"model": "bernoulli", "rate": 0.1}}], has_lbrr=True),
    "loss and jitter, with LBRR": Network(
        [
            {"loss": {"model": "gilbert_elliott", "rate": 0.1, "mean_burst_packets": 2}},
            {"jitter": {"model": "gamma", "mean_ms": 40, "std_ms": 40}},
        ],
        has_lbrr=True,
    ),
}

RECORDED: Mapping[str, Network] = {
    "Wi-Fi": Network([{"trace": {"file": "wifi-2ghz-arrivals.csv", "offset_packets": 6000}}]),
    "LTE, driving": Network(
        [{"link": {"trace": "att-lte-driving-2016.up", "offset_ms": 20_000, "delay_ms": 20}}],
        is_set_aside=True,
    ),
    "UMTS, driving": Network(
        [{"link": {"trace": "tmobile-umts-driving.up", "offset_ms": 20_000, "delay_ms": 20}}]
    ),
    "Ethernet": Network(
        [{"trace": {"file": "ethernet-arrivals.csv", "offset_packets": 3000}}], is_set_aside=True
    ),
    "severe loss": Network(
        [{"trace": {"file": "plc-challenge-severe.txt", "offset_packets": 2000}}], is_set_aside=True
    ),
}
"""Networks of recordings that are not part of the project."""
