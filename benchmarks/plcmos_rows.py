"""Measures the gain of remembering the rows of PLCMOS's layers, compared with the whole network.

Run it with ``.venv/bin/python benchmarks/plcmos_rows.py``. A clip of 8 s is decoded with losses in bursts of
several lengths, and each sound is scored by both, one after the other, so that their ratio depends little on
what else the machine does. All times are processor times of a score, the first sound excepted.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import islice

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from realizations import BATCH_MB, job, packaged_speech

from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.codecs.encoding import encode
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import float_from_int16
from testbed.codecs.recovery import Action
from testbed.metrics.metric import Signal
from testbed.metrics.plcmos import Plcmos
from testbed.metrics.plcmos_rows import MOST_ROWS

SECONDS = 8
LOSSES = (0.1, 0.2)
MEAN_BURSTS = (1, 2, 4, 6, 10)
REALIZATIONS = 24
RATER = np.zeros((1, 64), np.float32)


class WholeNetwork:
    """The network as one session on one thread, for one rater."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = files("speechmos") / "plcmos_models" / "plcmos_v2.onnx"
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, signal: Signal) -> float:
        """Return the rater's opinion of a signal without digital silence."""
        padded = np.pad(signal, (256, 512 - len(signal) % 256))
        frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::256] * np.hamming(513)[:-1]
        power = np.square(np.abs(np.fft.rfft(frames)))
        audio = (np.log(np.maximum(power, 1e-20)) / 20).astype(np.float32)
        inputs = {"degraded_audio": audio[np.newaxis, np.newaxis], "rater_embed": RATER}
        return float(self._session.run(None, inputs)[0].item())


def sounds(pcm: NDArray[np.int16], loss: float, mean_burst: float) -> list[Signal]:
    """Return the clip without loss, then with each realization's losses, concealed by libopus's network."""
    settings = EncoderSettings(bitrate_bps=24_000, expected_loss_percent=10)
    sent = tuple(frame.payload for frame in encode(pcm, settings).frames)
    jobs = [job(sent, np.zeros(len(sent), bool), 5)]
    for seed in range(REALIZATIONS):
        bursty = GilbertElliott(rate=loss, mean_burst_packets=mean_burst) if mean_burst > 1 else None
        losses = (bursty or Bernoulli(rate=loss)).losses(np.random.default_rng(seed))
        lost = np.fromiter(islice(losses, len(sent)), bool, len(sent))
        actions = np.where(lost, Action.CONCEAL, Action.DECODE).astype(np.uint8)
        jobs.append(replace(job(sent, lost, 5), actions=actions))
    decoded = dict(NumbaEngine(BATCH_MB).decode(enumerate(jobs)))
    return [float_from_int16(decoded[index]) for index in range(len(jobs))]


def milliseconds(metric: Callable[[Signal], float], heard: Sequence[Signal]) -> float:
    """Return the processor time of a score, the first sound excepted."""
    metric(heard[0])
    started = time.process_time()
    for signal in heard[1:]:
        metric(signal)
    return 1000 * (time.process_time() - started) / (len(heard) - 1)


def measure() -> dict[str, float]:
    """Print a table and return the ratios."""
    pcm = packaged_speech()[: 16_000 * SECONDS]
    whole, plcmos = WholeNetwork(), Plcmos()
    noise = np.random.default_rng(0)
    for _ in range(MOST_ROWS * 256 // len(pcm) + 1):  # fills the memory
        plcmos(pcm, noise.normal(0, 0.01, len(pcm)).astype(np.float32))

    def by_rows(signal: Signal) -> float:
        return plcmos(signal, signal)

    ratios = {}
    print(f"PLCMOS of {SECONDS} s, neural concealment, {REALIZATIONS} realizations, processor time:")
    print(f"{'loss':>6}{'mean burst':>12}{'whole':>8}{'by rows':>9}   ms")
    for loss in LOSSES:
        for mean_burst in MEAN_BURSTS:
            heard = sounds(pcm, loss, mean_burst)
            parts = [heard[:1] + heard[start : start + 6] for start in range(1, len(heard), 6)]
            before, after = np.mean(
                [(milliseconds(whole, part), milliseconds(by_rows, part)) for part in parts], axis=0
            )
            print(f"{loss:6.0%}{mean_burst:12}{before:8.1f}{after:9.1f}   {before / after:.2f} x", flush=True)
            ratios[f"loss_{loss:g}_burst_{mean_burst}"] = round(float(before / after), 2)
    return ratios


if __name__ == "__main__":
    print(json.dumps(measure()))
