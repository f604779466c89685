"""The layers of LPCNet as libcodec2 holds them: C structs of pointers to arrays, followed by sizes.

Source of the structs: `src/nnet.h` and `src/nnet.c` of github.com/drowe67/LPCNet.
"""

from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
_LINEAR, _TANH, _SOFTMAX = 0, 2, 4


def array_bytes(shape: Shape) -> int:
    """Return the size of an array; its items are float32, or int32 in `idx`."""
    return 4 * prod(shape)


@dataclass(frozen=True)
class Layer:
    """One C struct.

    Attributes
    ----------
    arrays
        Its pointers, in order: the field's name and the shape of what it points to.
    numbers
        The integers that follow them: sizes, the activation, and whether a GRU resets after its product.
    """

    arrays: dict[str, Shape]
    numbers: tuple[int, ...]


def _dense(inputs: int, outputs: int, activation: int) -> Layer:
    return Layer({"bias": (outputs,), "input_weights": (inputs, outputs)}, (inputs, outputs, activation))


def _convolution(inputs: int, frames: int, outputs: int) -> Layer:
    return Layer(
        {"bias": (outputs,), "input_weights": (frames, inputs, outputs)}, (inputs, frames, outputs, _TANH)
    )


def _embedding(outputs: int) -> Layer:
    return Layer({"embedding_weights": (256, outputs)}, (256, outputs))


LAYERS: dict[str, Layer] = {
    "embed_pitch": _embedding(64),
    "feature_conv1": _convolution(102, 3, 128),
    "feature_conv2": _convolution(128, 3, 128),
    "feature_dense1": _dense(128, 128, _TANH),
    "feature_dense2": _dense(128, 128, _TANH),
    "gru_a_dense_feature": _dense(128, 1152, _LINEAR),
    "gru_a_embed_sig": _embedding(1152),
    "gru_a_embed_pred": _embedding(1152),
    "gru_a_embed_exc": _embedding(1152),
    "sparse_gru_a": Layer(
        {
            "bias": (2, 1152),
            "diag_weights": (1152,),
            "recurrent_weights": (2765, 16),
            "idx": (1152 // 16 + 2765,),
        },
        (384, _TANH, 1),
    ),
    "gru_b": Layer(
        {"bias": (2, 48), "input_weights": (512, 48), "recurrent_weights": (16, 48)}, (512, 16, _TANH, 1)
    ),
    "dual_fc": Layer(
        {"bias": (2, 256), "input_weights": (16, 2, 256), "factor": (2, 256)}, (16, 256, 2, _SOFTMAX)
    ),
}

SHAPES: dict[str, Shape] = {
    f"{name}.{field}": shape for name, layer in LAYERS.items() for field, shape in layer.arrays.items()
}
"""The shape of each array, by ``layer.field``, in the order of the file of weights."""
