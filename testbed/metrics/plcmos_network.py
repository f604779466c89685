"""The network of PLCMOS v2 in parts: convolutions of single rows, the recurrent layers, and the opinions.

A row is what a layer knows of one moment: 257 bins of the spectrum, or some channels of fewer bins. Each of
the three convolutions makes a row from three rows, two apart, so a batch of triples is computed as well as a
whole signal, row by row and in any order.

The network's second input is 64 numbers that represent a rater. It enters behind the recurrent layers, so
hundreds of raters cost little.
"""

from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import MetricError

Rows = NDArray[np.float32]

ROW_SHAPES = ((1, 257), (32, 64), (64, 16), (128, 1))
"""Channels and bins of a row of the spectrum, and behind each convolution."""
_PROJECTED = "onnx::Transpose_74"  # rows behind the convolutions, (1, 128, rows)
_STATES = "onnx::Gather_333"  # last states of both recurrent layers, (4, batch, 32)
_RATER = "input.76"  # a rater, (batch, 64)
_AT_ONCE = 16
"""Triples in a batch: few enough for the processor's cache."""


class PlcmosNetwork:
    """The network, loaded.

    Parameters
    ----------
    raters
        Rater embeddings (r, 64).
    """

    def __init__(self, raters: NDArray[np.float32]) -> None:
        import onnx
        from onnx.utils import Extractor

        with as_file(files("speechmos") / "plcmos_models" / "plcmos_v2.onnx") as path:
            network = onnx.load(path)
        there = {name for node in network.graph.node for name in node.output}
        if missing := [name for name in (_PROJECTED, _STATES, _RATER) if name not in there]:
            raise MetricError(
                f"plcmos: the network of this speechmos has no tensor {missing[0]}; 0.0.1.1 is needed"
            )
        network.graph.value_info.extend(
            (
                _tensor(_PROJECTED, (1, 128, "rows")),
                _tensor(_STATES, (4, "batch", 32)),
                _tensor(_RATER, ("batch", 64)),
            )
        )
        extractor = Extractor(network)
        self._convolutions = _convolutions(network)
        self._recurrent = _session(extractor.extract_model([_PROJECTED], [_STATES]))
        rating = extractor.extract_model([_STATES, _RATER], ["plcmos"])
        # The output is declared as one number; with as many rows as raters it is one number for each.
        rating.graph.output[0].CopyFrom(_tensor("plcmos", ("batch",)))
        self._rating = _session(rating)
        embedding = _session(extractor.extract_model(["rater_embed"], [_RATER]))
        (self._raters,) = embedding.run(None, {"rater_embed": raters})

    def convolve(self, layer: int, rows: Rows, triples: NDArray[np.intp], out: Rows) -> None:
        """Compute rows of a layer, each as a function of three rows of the layer before.

        Parameters
        ----------
        layer
            1 to 3.
        rows
            Rows of the layer before (n, channels, bins).
        triples
            Which of them, two apart in time, each new row is made of (m, 3).
        out
            The new rows (m, channels, bins), which are written.
        """
        channels, bins = ROW_SHAPES[layer - 1]
        for start in range(0, len(triples), _AT_ONCE):
            batch = rows[triples[start : start + _AT_ONCE]].reshape(-1, 3 * channels, 1, bins)
            (made,) = self._convolutions[layer - 1].run(None, {"triples": batch})
            out[start : start + len(batch)] = made[:, :, 0]

    def opinions(self, rows: Rows) -> NDArray[np.float32]:
        """Return the opinion of each rater on a signal's rows behind the convolutions (n, 128, 1)."""
        signal = np.ascontiguousarray(rows[:, :, 0].T)[np.newaxis]
        (states,) = self._recurrent.run(None, {_PROJECTED: signal})
        states = np.repeat(states, len(self._raters), axis=1)
        (opinions,) = self._rating.run(None, {_STATES: states, _RATER: self._raters})
        return np.asarray(opinions, np.float32)


def _convolutions(network: Any) -> list[Any]:
    """Build the three convolutions; the rows of a triple are its channels."""
    from onnx import helper, numpy_helper

    weights = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
    sessions = []
    for layer in (1, 2, 3):
        kernel, bias = (weights[f"in_blocks.0.conv{layer}.{part}"] for part in ("weight", "bias"))
        channels, bins = ROW_SHAPES[layer - 1]
        constants = {
            "kernel": kernel.transpose(0, 2, 1, 3).reshape(len(kernel), 3 * channels, 1, 3),
            "bias": bias,
        }
        nodes = [
            helper.make_node("Conv", ["triples", "kernel", "bias"], ["sum"], pads=[0, 1, 0, 1]),
            helper.make_node("LeakyRelu", ["sum"], ["bent"], alpha=0.1),
            helper.make_node("MaxPool", ["bent"], ["rows"], kernel_shape=[1, 4], strides=[1, 4]),
        ]
        if layer == 3:
            matrix = weights["in_blocks.0.conv_project.weight"].reshape(128, 4, 128)
            constants["matrix"] = matrix.transpose(0, 2, 1)[:, :, np.newaxis]
            constants["offset"] = weights["in_blocks.0.conv_project.bias"]
            nodes.append(helper.make_node("Conv", ["rows", "matrix", "offset"], ["projected"]))
        graph = helper.make_graph(
            nodes,
            f"convolution {layer}",
            [_tensor("triples", ("batch", 3 * channels, 1, bins))],
            [_tensor(nodes[-1].output[0], ("batch", len(kernel), 1, ROW_SHAPES[layer][1]))],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
        )
        versions = {"opset_imports": network.opset_import, "ir_version": network.ir_version}
        sessions.append(_session(helper.make_model(graph, **versions)))
    return sessions


def _tensor(name: str, shape: tuple[int | str, ...]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _session(model: Any) -> Any:
    """Open a network on one thread: a sweep uses the other cores for other calls."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
