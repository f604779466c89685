"""Checks of an ONNX model that conceals: its size, its tensors, and that nothing outside it is needed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from testbed.codecs.concealers.concealer import FEATURES, FRAME_SAMPLES
from testbed.errors import CodecError
from testbed.words import shortened

MOST_BYTES = 64 << 20
MOST_STATE_VALUES = 1 << 20
"""Most values of one state."""
MOST_STEP_SAMPLES = 32_000
SOUND = "pcm"
NEXT = "_next"
"""An input that is a state has an output of its name with this ending."""
_GIVEN = ("past", "past_features", "features", "known")
_OF_GAP = ("features", "known")
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators that onnxruntime has without further libraries."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ConcealingModel:
    """A checked model.

    Attributes
    ----------
    content
        The file.
    step_samples
        Samples that it makes per step.
    given
        Length of each input among `past`, `past_features`, `features` and `known` that it has: samples or
        vectors; 0: any.
    states
        Shape and type of each state.
    """

    content: bytes
    step_samples: int
    given: Mapping[str, int]
    states: Mapping[str, tuple[Shape, np.dtype[Any]]]


def read_model(path: Path) -> ConcealingModel:
    """Read a model and check it, without running it.

    Raises
    ------
    CodecError
        It cannot be used; the message has the reason.
    """
    try:
        if path.exists() and not path.is_file():
            raise CodecError(f"{path}: is not a file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CodecError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        if len(content) > MOST_BYTES:
            raise CodecError(f"has more than {MOST_BYTES >> 20} MB")
        return _checked(content)
    except CodecError as error:
        raise CodecError(f"{path}: {error}") from None


def _checked(content: bytes) -> ConcealingModel:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError):
        raise CodecError("is not an ONNX model") from None
    if not model.graph.node:
        raise CodecError("is not an ONNX model")
    _check_is_whole(model)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {each.name: _tensor(each) for each in model.graph.input if each.name not in weights}
    outputs = {each.name: _tensor(each) for each in model.graph.output}
    states = {name: inputs[name] for name in inputs if name not in _GIVEN}
    for name, state in states.items():
        _check_state(name, state, outputs)
    if not inputs:
        raise CodecError(f"has no input; known: {', '.join(_GIVEN)}, and states")
    step_samples = _step(outputs, any(name in inputs for name in _OF_GAP))
    given = {name: _length(name, *inputs[name]) for name in _GIVEN if name in inputs}
    return ConcealingModel(content, step_samples, given, states)


def _check_is_whole(model: Any) -> None:
    """Refuse external data, and operators of libraries."""
    from onnx import TensorProto

    own = {function.domain for function in model.functions}
    for node in _nodes([model.graph.node, *(function.node for function in model.functions)]):
        if node.domain not in (*_DOMAINS, *own):
            raise CodecError(
                f"has the operator {node.op_type[:60]!r} of {node.domain[:60]!r}, which needs a library "
                "of custom operators; only those of onnxruntime itself are allowed"
            )
    for tensor in _weights(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            raise CodecError(
                f"has the weights {tensor.name[:60]!r} in another file; save it as one file "
                "(onnx.save_model(..., save_as_external_data=False))"
            )


def _nodes(lists: Sequence[Any]) -> Iterator[Any]:
    """Yield all nodes, also those of graphs in attributes."""
    pending = list(lists)
    while pending:
        for node in pending.pop():
            yield node
            for attribute in node.attribute:
                pending += [graph.node for graph in (attribute.g, *attribute.graphs)]


def _weights(model: Any) -> Iterator[Any]:
    """Yield all tensors."""
    lists = [model.graph.node, *(function.node for function in model.functions)]
    graphs = [model.graph]
    for node in _nodes(lists):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            sparse = (attribute.sparse_tensor, *attribute.sparse_tensors)
            yield from (part for each in sparse for part in (each.values, each.indices))
            graphs += [attribute.g, *attribute.graphs]
    for graph in graphs:
        yield from graph.initializer
        yield from (part for each in graph.sparse_initializer for part in (each.values, each.indices))


def _tensor(described: Any) -> tuple[Shape, np.dtype[Any]]:
    """Return the shape of an input or output, 0 for a dimension of any size, and its type."""
    from onnx import helper

    kind = described.type
    if not kind.HasField("tensor_type"):
        raise CodecError(f"{described.name[:60]!r} is not a tensor")
    shape = tuple(int(dim.dim_value) for dim in kind.tensor_type.shape.dim)
    try:
        return shape, np.dtype(helper.tensor_dtype_to_np_dtype(kind.tensor_type.elem_type))
    except (KeyError, TypeError):
        raise CodecError(f"{described.name[:60]!r} has no type") from None


def _check_state(
    name: str, state: tuple[Shape, np.dtype[Any]], outputs: Mapping[str, tuple[Shape, np.dtype[Any]]]
) -> None:
    said = shortened(list(outputs), 8)
    if name + NEXT not in outputs:
        raise CodecError(
            f"the input {name[:60]!r} is unknown (known: {', '.join(_GIVEN)}), and no state, which would "
            f"need the output {(name + NEXT)[:60]!r}; its outputs: {said}"
        )
    shape, kind = state
    if not shape or min(shape) < 1 or int(np.prod(shape, dtype=np.float64)) > MOST_STATE_VALUES:
        raise CodecError(
            f"the state {name[:60]!r} needs a fixed shape of at most {MOST_STATE_VALUES} values, not {shape}"
        )
    if outputs[name + NEXT] != state:
        other, other_kind = outputs[name + NEXT]
        raise CodecError(
            f"the output {(name + NEXT)[:60]!r} is {other_kind} {other}, the state is {kind} {shape}"
        )


def _step(outputs: Mapping[str, tuple[Shape, np.dtype[Any]]], takes_features: bool) -> int:
    """Return the samples of a step."""
    if SOUND not in outputs:
        raise CodecError(f"needs an output {SOUND!r}; its outputs: {shortened(list(outputs), 8)}")
    shape, kind = outputs[SOUND]
    if kind != np.float32 or len(shape) != 2 or shape[0] > 1 or not 0 < shape[1] <= MOST_STEP_SAMPLES:
        raise CodecError(
            f"the output {SOUND!r} must be float32 (1, samples), samples fixed, 1 to {MOST_STEP_SAMPLES}; it "
            f"is {kind} {shape}"
        )
    if takes_features and shape[1] % FRAME_SAMPLES:
        raise CodecError(
            f"the output {SOUND!r} must be a multiple of {FRAME_SAMPLES} samples long, as the model takes "
            f"features per 10 ms; it has {shape[1]}"
        )
    return shape[1]


def _length(name: str, shape: Shape, kind: np.dtype[Any]) -> int:
    """Return the length of an input that is given."""
    wanted = "(1, vectors, 20)" if name.endswith("features") else "(1, length)"
    last = shape[2:] in ((FEATURES,), (0,)) if name.endswith("features") else len(shape) == 2
    if kind != np.float32 or not last or shape[0] > 1:
        raise CodecError(f"the input {name!r} must be float32 {wanted}; it is {kind} {shape}")
    return shape[1]
