"""Small networks in ONNX."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

STEP = 160


def floats(name: str, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def constant(name: str, value: float, *shape: int):
    return numpy_helper.from_array(np.full(shape or (1, 1), value, np.float32), name)


def network(nodes, inputs, outputs, constants=(), domains=(("", 17),)):
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **dict(node[3:])) for node in nodes],
        "g",
        inputs,
        outputs,
        list(constants),
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*domain) for domain in domains], ir_version=8
    )


def halving():
    """Return a network that plays the last 10 ms again, at half the level each time."""
    return network(
        [("Mul", ["past", "half"], ["pcm"])],
        [floats("past", 1, STEP)],
        [floats("pcm", 1, STEP)],
        [constant("half", 0.5)],
    )


def counting(step: int = STEP):
    """Return a network whose sound is the number of its steps, in hundredths."""
    return network(
        [("Add", ["age", "step"], ["age_next"]), ("Expand", ["age_next", "shape"], ["pcm"])],
        [floats("age", 1, 1)],
        [floats("pcm", 1, step), floats("age_next", 1, 1)],
        [constant("step", 0.01), numpy_helper.from_array(np.array([1, step]), "shape")],
    )


def of_features():
    """Return a network whose sound is the first feature of the step, where known, plus that before it."""
    return network(
        [
            ("Slice", ["features", "zero", "one", "two"], ["first"]),
            ("Slice", ["past_features", "zero", "one", "two"], ["before"]),
            ("Reshape", ["first", "flat"], ["now"]),
            ("Reshape", ["before", "flat"], ["then"]),
            ("Mul", ["now", "known"], ["heard"]),
            ("Add", ["heard", "then"], ["sum"]),
            ("Expand", ["sum", "shape"], ["pcm"]),
        ],
        [floats("features", 1, 1, 20), floats("known", 1, 1), floats("past_features", 1, 1, 20)],
        [floats("pcm", 1, STEP)],
        [
            numpy_helper.from_array(np.array(value), name)
            for name, value in {
                "zero": [0],
                "one": [1],
                "two": [2],
                "flat": [1, 1],
                "shape": [1, STEP],
            }.items()
        ],
    )


def saved(model, path: Path) -> Path:
    save(model, path)
    return path
