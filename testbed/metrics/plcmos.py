"""PLCMOS v2: predicted opinion of listeners on concealment, 1 to 5, without the reference.

Diener, Purin, Sootla, Saabas, Aichner, Cutler: "PLCMOS - a data-driven non-intrusive metric for the
evaluation of packet loss concealment algorithms", Interspeech 2023; the network is the one of the package
`speechmos`.

The network has a second input, 64 numbers that represent a rater. `speechmos` draws 15 raters anew from the
global random state at each call and runs the whole network for each, so its score of one signal scatters (by
0.01 to 0.03). Here the raters are drawn once from a fixed seed, so the score is a function of the audio; and
the network is split behind the recurrent layers, where the rater enters: the costly part runs once, and
hundreds of raters cost little.
"""

from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import MetricError
from testbed.metrics.metric import CannotScoreError, Metric, Signal
from testbed.randomness import generator

RATERS = 400

_SPLIT = "onnx::Gather_333"  # the last states of both recurrent layers, (4, batch, 32)
_WINDOW = 512
_HOP = 256


class Plcmos:
    """The network, loaded.

    Parameters
    ----------
    raters
        Rater embeddings (r, 64); by default 400 standard normal ones from a fixed seed.
    """

    def __init__(self, raters: NDArray[np.floating] | None = None) -> None:
        if raters is None:
            raters = generator(0, "plcmos", "raters").normal(size=(RATERS, 64))
        self._raters = np.asarray(raters, dtype=np.float32)
        trunk, head = _split_network()
        self._trunk, self._head = _session(trunk), _session(head)

    def __call__(self, reference: Signal, degraded: Signal) -> float:
        """Return the mean opinion of all raters on `degraded`; `reference` is not used."""
        (states,) = self._trunk.run(None, {"degraded_audio": log_spectrum(degraded)[np.newaxis, np.newaxis]})
        states = np.repeat(states, len(self._raters), axis=1)
        (opinions,) = self._head.run(None, {_SPLIT: states, "rater_embed": self._raters})
        return float(np.mean(opinions, dtype=np.float64))


def log_spectrum(signal: Signal) -> NDArray[np.float32]:
    """Compute the features that the network was trained on.

    Parameters
    ----------
    signal
        Samples (n,) at 16 kHz.

    Returns
    -------
    ndarray
        Natural logarithm of the power spectrum over 20, (frames, 257) float32: periodic Hamming windows of 32
        ms, each half a window after the last, the first half before the signal. A bin of exactly zero power
        gets 120 dB less than the weakest other bin.
    """
    frames = -(-(len(signal) + _HOP) // _HOP)
    padded = np.zeros((frames - 1) * _HOP + _WINDOW)
    padded[_HOP : _HOP + len(signal)] = signal
    window = np.hamming(_WINDOW + 1)[:-1]
    spectrum = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * window)
    power = np.square(np.abs(spectrum))
    heard = power > 0
    if not heard.any():
        raise CannotScoreError("the degraded signal is silent")
    weakest = power[heard].min()
    logarithm = np.log(np.where(heard, power, weakest))
    logarithm[~heard] -= 12 * np.log(10)
    return (logarithm / 20).astype(np.float32)


def _split_network() -> tuple[Any, Any]:
    """Cut the network in two: audio to the last recurrent states, and those and a rater to an opinion."""
    import onnx
    from onnx.utils import Extractor

    with as_file(files("speechmos") / "plcmos_models" / "plcmos_v2.onnx") as path:
        network = onnx.load(path)
    if not any(_SPLIT in node.output for node in network.graph.node):
        raise MetricError(f"plcmos: the network of this speechmos has no tensor {_SPLIT}; 0.0.1.1 is needed")
    number = onnx.TensorProto.FLOAT
    network.graph.value_info.append(onnx.helper.make_tensor_value_info(_SPLIT, number, [4, "batch_size", 32]))
    extractor = Extractor(network)
    trunk = extractor.extract_model(["degraded_audio"], [_SPLIT])
    head = extractor.extract_model([_SPLIT, "rater_embed"], ["plcmos"])
    # The output is declared as one number; with as many rows as raters it is one number for each.
    head.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("plcmos", number, ["batch_size"]))
    return trunk, head


def _session(model: Any) -> Any:
    """Open a network on one thread: a sweep uses the other cores for other calls."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


METRIC = Metric(
    label="PLCMOS",
    about="naturalness as a listener would rate it, without a reference (PLCMOS v2)",
    create=Plcmos,
    bounds=(1.0, 5.0),
    packages=("onnxruntime", "speechmos"),
    margin=0.1,
    undamaged=4.0,
)
"""The 95 % interval of a mean opinion score from 24 to 32 listeners is about 0.1 to 0.2 (ITU-T P.800), so a
panel would not find the margin of 0.1.
"""
