"""Measures how fast many realizations of a channel are decoded, compared with opus_demo and engine libopus.

Run it with ``.venv/bin/python benchmarks/realizations.py``. A clip of 10 s with 1 s of DRED is sent through
bursty loss of 10 %. The engine numba decodes 1000 realizations, then 4000, in which more gaps are equal.
``opus_demo -lossfile`` and the engine libopus decode some of them, since each realization takes them the same
time. All times are processor times. At the end, the memory of a whole run in one process is measured, with up
to 10 000 realizations.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile

from testbed import errors
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.codecs.encoding import encode
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import Engine, Job
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.recovery import Action
from testbed.runner import run_scenario
from testbed.scenario.loading import parse_scenario

SECONDS = 10
BITRATE_BPS = 88_000
REALIZATIONS = (1000, 4000)
SAMPLE = 50
LOSS = 0.1
MEAN_BURSTS = (3, 6)
COMPLEXITIES = (5, 10)
BATCH_MB = 512
MEMORY_REALIZATIONS = (1, 100, 1000, 10_000)
SCENARIO = {
    "name": "memory",
    "speech": {"files": "clip.flac"},
    "codec": {"bitrate_kbps": 24, "complexity": 9},
    "schemes": [{"dred": {"depth_ms": 1000, "bitrate_kbps": BITRATE_BPS // 1000 - 24}}],
    "channel": [
        {"loss": {"model": "gilbert_elliott", "rate": LOSS, "mean_burst_packets": MEAN_BURSTS[0]}},
    ],
    "playout": {"policy": "offline"},
    "engine": "numba",
    "limits": {"batch_mb": BATCH_MB},
    "metrics": [],
}


def packaged_speech() -> np.ndarray:
    """Return the packaged clips, one after another, as int16 samples."""
    folder = Path(errors.__file__).with_name("clips")
    clips = [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.flac"))]
    return np.round(32767 * np.concatenate(clips)).astype(np.int16)


def clip() -> np.ndarray:
    """Return 10 s of it."""
    return packaged_speech()[: 16_000 * SECONDS]


def packets(pcm: np.ndarray) -> tuple[bytes, ...]:
    """Return the clip as packets of 20 ms with 1 s of DRED."""
    settings = EncoderSettings(bitrate_bps=BITRATE_BPS, expected_loss_percent=10, dred_depth_ms=1000)
    return tuple(frame.payload for frame in encode(pcm, settings).frames)


def losses(count: int, mean_burst: float) -> Iterator[np.ndarray]:
    """Return the lost packets of each realization."""
    model = GilbertElliott(rate=LOSS, mean_burst_packets=mean_burst)
    for seed in range(10**9):
        yield np.fromiter(islice(model.losses(np.random.default_rng(seed)), count), bool, count)


def job(sent: tuple[bytes, ...], lost: np.ndarray, complexity: int) -> Job:
    """Return a job as opus_demo decodes it: the DRED of the next packet repairs the frames lost before it."""
    frames = np.arange(len(sent))
    received = np.append(frames[~lost], len(sent))
    following = received[np.searchsorted(received, frames)]
    actions = np.where(
        lost, np.where(following < len(sent), Action.DECODE_DRED, Action.CONCEAL), Action.DECODE
    ).astype(np.uint8)
    sources = np.where(following < len(sent), following, -1).astype(np.int32)
    held = [None if gone else packet for packet, gone in zip(sent, lost, strict=True)]
    return Job(sent, held, actions, sources, 320, complexity)


def engine_seconds(engine: Engine, jobs: Sequence[Job]) -> float:
    """Return processor seconds per realization."""
    started = time.process_time()
    for _ in engine.decode(enumerate(jobs)):
        pass
    return (time.process_time() - started) / len(jobs)


def opus_demo_seconds(pcm: np.ndarray, losses: Iterator[np.ndarray], complexity: int, folder: Path) -> float:
    """Return processor seconds per realization, each decoded in its own process, as by a script."""
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    pcm.tofile(folder / "clip.sw")
    encoding = (
        f"-e voip 16000 1 {BITRATE_BPS} -bandwidth WB -complexity 9 -loss 10 -dred 100 clip.sw clip.bit"
    )
    subprocess.run([build.opus_demo, *encoding.split()], cwd=folder, capture_output=True, check=True)
    files = []
    for number, lost in enumerate(losses):
        files.append(f"{number}.txt")
        (folder / files[-1]).write_text("".join(f"{int(gone)}\n" for gone in lost), encoding="ascii")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for file in files:
        decoding = f"-d 16000 1 -dec_complexity {complexity} -lossfile {file} clip.bit out.sw"
        subprocess.run([build.opus_demo, *decoding.split()], cwd=folder, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent / len(files)


def jobs(sent: tuple[bytes, ...], mean_burst: float, complexity: int, count: int) -> Iterator[Job]:
    """Return the jobs of the first realizations."""
    for lost in islice(losses(len(sent), mean_burst), count):
        yield job(sent, lost, complexity)


def peak_mb(realizations: int) -> float:
    """Return the peak memory in MB of a process that runs a number of realizations."""
    command = [sys.executable, __file__, str(realizations)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def use_memory(realizations: int) -> None:
    """Run realizations and print the peak memory of this process in MB."""
    with tempfile.TemporaryDirectory() as name:
        soundfile.write(Path(name, "clip.flac"), clip(), 16_000)
        scenario = parse_scenario(json.dumps(SCENARIO | {"realizations": realizations}), Path(name))
        run_scenario(scenario, Path(name, "run"), jobs=1, cache=False)
    # Not getrusage, which counts the process that started this one, too.
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    print(int(status[status.index("VmHWM:") + 1]) / 1000)


def measure() -> dict[str, dict[str, float]]:
    """Print tables and return the ratios."""
    pcm = clip()
    sent = packets(pcm)
    engine_seconds(NumbaEngine(BATCH_MB), list(jobs(sent, MEAN_BURSTS[0], COMPLEXITIES[0], 2)))  # compiles
    ratios = {}
    print(f"processor time a realization of {SECONDS} s, {LOSS:.0%} loss, DRED 1 s:")
    print(
        f"{'mean burst':>11}{'complexity':>11}{'opus_demo':>11}{'libopus':>9}{'at once':>9}{'numba':>7}   ms"
    )
    for complexity in COMPLEXITIES:
        for mean_burst in MEAN_BURSTS:
            with tempfile.TemporaryDirectory() as name:
                sample = islice(losses(len(sent), mean_burst), SAMPLE)
                demo = opus_demo_seconds(pcm, sample, complexity, Path(name))
            some = list(jobs(sent, mean_burst, complexity, SAMPLE))
            plain = engine_seconds(LibopusEngine(), some)
            for count in REALIZATIONS:
                many = list(jobs(sent, mean_burst, complexity, count))
                batched = engine_seconds(NumbaEngine(BATCH_MB), many)
                print(
                    f"{mean_burst:11}{complexity:11}{1000 * demo:11.1f}{1000 * plain:9.1f}{count:9}"
                    f"{1000 * batched:7.1f}   {demo / batched:.1f} x opus_demo, "
                    f"{plain / batched:.1f} x libopus",
                    flush=True,
                )
                key = f"burst_{mean_burst}_complexity_{complexity}_realizations_{count}"
                ratios[key] = {"opus_demo": round(demo / batched, 2), "libopus": round(plain / batched, 2)}
    print("peak memory of a run of so many realizations:")
    for count in MEMORY_REALIZATIONS:
        print(f"{count:11}{peak_mb(count):9.0f} MB", flush=True)
    return ratios


if __name__ == "__main__":
    if len(sys.argv) > 1:
        use_memory(int(sys.argv[1]))
    else:
        print(json.dumps(measure()))
