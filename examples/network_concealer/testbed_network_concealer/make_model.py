"""Writes a small network in ONNX: `python -m testbed_network_concealer.make_model model.onnx`.

It is not trained: it plays the last 10 ms again, after 20 ms 3 dB softer each time. Its tensors are those of
`concealer: {onnx: model.onnx}`, so it stands for what an export of a trained network writes.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FRAME = 160
"""Samples per step."""


def network() -> onnx.ModelProto:
    """Return the network: inputs `past` and the state `age`, outputs `pcm` and `age_next`."""
    constants = {"one": 1, "two": 2, "softer": 10 ** (-3 / 20)}
    graph = helper.make_graph(
        [
            helper.make_node("Less", ["age", "two"], ["is_young"]),
            helper.make_node("Where", ["is_young", "one", "softer"], ["level"]),
            helper.make_node("Mul", ["past", "level"], ["pcm"]),
            helper.make_node("Add", ["age", "one"], ["age_next"]),
        ],
        "repeat",
        [_floats("past", FRAME), _floats("age", 1)],
        [_floats("pcm", FRAME), _floats("age_next", 1)],
        [
            numpy_helper.from_array(np.full((1, 1), value, np.float32), name)
            for name, value in constants.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _floats(name: str, length: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, length))


if __name__ == "__main__":
    onnx.save(network(), sys.argv[1])
