"""libopus's packet loss generator: two gated recurrent units, trained on losses of real calls.

Its network (``dnn/lossgen.c`` of libopus 1.6) gives the probability that the next packet is lost, from the
loss rate wanted and whether the last one was. The weights are C arrays in libopus's source.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.errors import CodecError
from testbed.kernels import nn
from testbed.kernels.weights import Floats, Linear, linear

MAX_SOURCE_BYTES = 1 << 22
UNITS_1, UNITS_2 = 16, 32
_ARRAY = re.compile(r"static const (float|opus_int8) (lossgen_\w{1,40})\[(\d{1,6})\] = \{([^{}]*)\};")
_TYPES: dict[str, Any] = {"float": np.float32, "opus_int8": np.int8}
_ONE, _ZERO = np.float32(1), np.float32(0)

Arrays = Mapping[str, NDArray[Any]]


class Network(NamedTuple):
    """The layers, as `testbed.kernels.nn` takes them: input, two recurrent units, output."""

    dense_in: Linear
    gru1_input: Linear
    gru1_recurrent: Linear
    gru2_input: Linear
    gru2_recurrent: Linear
    dense_out: Linear


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the weights of ``dnn/lossgen_data.c``.

    Raises
    ------
    CodecError
        If the file cannot be read, is too large, or does not hold the number of values it announces.
    """
    try:
        with path.open("rb") as file:
            source = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise CodecError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(source) > MAX_SOURCE_BYTES:
        raise CodecError(f"{path}: is larger than {MAX_SOURCE_BYTES} bytes: not the weights of lossgen")
    arrays: dict[str, NDArray[Any]] = {}
    for kind, name, size, numbers in _ARRAY.findall(source.decode("latin-1")):
        try:
            array = np.array([float(number) for number in numbers.split(",")]).astype(_TYPES[kind])
        except ValueError:
            raise CodecError(f"{path}: the array {name} holds something that is not a number") from None
        if array.size != int(size) or not np.isfinite(array).all():
            raise CodecError(f"{path}: the array {name} should have {size} finite numbers")
        arrays[name] = array
    return arrays


def network(arrays: Arrays) -> Network:
    """Make the layers of `read_arrays`'s weights; `CodecError` if one is missing or has another size."""
    sizes = {
        "dense_in": (2, 8),
        "gru1_input": (8, 3 * UNITS_1),
        "gru1_recurrent": (UNITS_1, 3 * UNITS_1),
        "gru2_input": (UNITS_1, 3 * UNITS_2),
        "gru2_recurrent": (UNITS_2, 3 * UNITS_2),
        "dense_out": (UNITS_2, 1),
    }
    return Network(**{name: linear(arrays, f"lossgen_{name}", *size) for name, size in sizes.items()})


def fresh_state() -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the state before the first packet: the two units', and whether the last packet was lost."""
    return np.zeros((1, UNITS_1), np.float32), np.zeros((1, UNITS_2), np.float32), np.zeros(1, np.bool_)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def draw(
    layers: Network,
    state1: Floats,
    state2: Floats,
    last: NDArray[np.bool_],
    rate: float,
    uniforms: Floats,
) -> NDArray[np.bool_]:
    """Draw for each packet whether it is lost.

    Parameters
    ----------
    layers
        From `network`.
    state1, state2, last
        From `fresh_state`; updated.
    rate
        Loss rate wanted, 0 to 1.
    uniforms
        float32 (packets,): a random number from 0 to 1 for each packet.

    Returns
    -------
    array
        bool (packets,).
    """
    lost = np.empty(len(uniforms), np.bool_)
    inputs = np.empty((1, 2), np.float32)
    inputs[0, 1] = rate
    for packet in range(len(uniforms)):
        inputs[0, 0] = _ONE if last[0] else _ZERO
        nn.gru(layers.gru1_input, layers.gru1_recurrent, state1, nn.dense(layers.dense_in, inputs, nn.TANH))
        nn.gru(layers.gru2_input, layers.gru2_recurrent, state2, state1)
        last[0] = uniforms[packet] < nn.dense(layers.dense_out, state2, nn.SIGMOID)[0, 0]
        lost[packet] = last[0]
    return lost
