"""The network of PLCMOS v2 in parts: convolutions of single rows, the recurrent layers, and the opinions.

A row is what a layer knows of one moment: 257 bins of the spectrum, or fewer bins with some channels. Each of
the three convolutions makes a row from three rows, two apart, so triples of rows are computed as well as a
whole signal, in any order.

The network's second input is 64 numbers that represent a rater. It enters behind the recurrent layers, so
hundreds of raters cost little.
"""

from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import MetricError
from testbed.metrics.onnx_network import open_network

Rows = NDArray[np.float32]

ROW_SHAPES = ((257, 1), (64, 32), (16, 64), (1, 128))
"""Bins and channels of a row of the spectrum, and behind each convolution."""
_POOLED_BINS = 4
_PROJECTED = "onnx::Transpose_74"  # rows behind the convolutions, (1, 128, rows)
_STATES = "onnx::Gather_333"  # last states of both recurrent layers, (4, batch, 32)
_RATER = "input.76"  # a rater, (batch, 64)


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

        from testbed.kernels.row_convolution import row_convolution
        from testbed.kernels.wide_product import pack

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
        weights = {each.name: onnx.numpy_helper.to_array(each) for each in network.graph.initializer}
        block = "in_blocks.0.conv"
        self._convolutions = [
            row_convolution(weights[f"{block}{layer}.weight"], weights[f"{block}{layer}.bias"])
            for layer in (1, 2, 3)
        ]
        self._projection = pack(weights[f"{block}_project.weight"][:, :, 0].T)
        self._offset = weights[f"{block}_project.bias"]
        self._recurrent = open_network(extractor.extract_model([_PROJECTED], [_STATES]).SerializeToString())
        rating = extractor.extract_model([_STATES, _RATER], ["plcmos"])
        # The output is declared as one number; with as many rows as raters it is one number for each.
        rating.graph.output[0].CopyFrom(_tensor("plcmos", ("batch",)))
        self._rating = open_network(rating.SerializeToString())
        embedding = open_network(extractor.extract_model(["rater_embed"], [_RATER]).SerializeToString())
        (self._raters,) = embedding.run(None, {"rater_embed": raters})

    def convolve(self, layer: int, rows: Rows, triples: NDArray[np.intp], out: Rows) -> None:
        """Compute rows of a layer, each as a function of three rows of the layer before.

        Parameters
        ----------
        layer
            1 to 3.
        rows
            Rows of the layer before (n, bins, channels).
        triples
            Which of them, two apart in time, each new row is made of (m, 3).
        out
            The new rows (m, bins, channels), which are written.
        """
        from testbed.kernels.row_convolution import convolve_rows
        from testbed.kernels.wide_product import wide_product

        convolution = self._convolutions[layer - 1]
        if layer < len(self._convolutions):
            convolve_rows(convolution, rows, triples, out)
        elif len(triples):
            pooled = np.empty((len(triples), _POOLED_BINS, out.shape[2]), np.float32)
            convolve_rows(convolution, rows, triples, pooled)
            wide_product(self._projection, pooled.reshape(len(triples), -1), out[:, 0])
            out += self._offset

    def opinions(self, rows: Rows) -> NDArray[np.float32]:
        """Return the opinion of each rater on a signal's rows behind the convolutions (n, 1, 128)."""
        signal = np.ascontiguousarray(rows[:, 0].T)[np.newaxis]
        (states,) = self._recurrent.run(None, {_PROJECTED: signal})
        states = np.repeat(states, len(self._raters), axis=1)
        (opinions,) = self._rating.run(None, {_STATES: states, _RATER: self._raters})
        return np.asarray(opinions, np.float32)


def _tensor(name: str, shape: tuple[int | str, ...]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
