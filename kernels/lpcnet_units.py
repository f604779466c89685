"""LPCNet's sample network: two gated recurrent units and the distribution of the next step.

After `run_sample_network` of `src/lpcnet.c` (drowe67/LPCNet). The steps of the last sample, the prediction
and the last excitation choose rows of tables, which hold embeddings already multiplied by unit A's weights.
Activations are computed for all gaps at once.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import Floats
from testbed.kernels.block_product import Blocks, add_product
from testbed.kernels.mu_law import STEPS
from testbed.kernels.sigmoids import sigmoids, tanhs

Integers = NDArray[np.int64]

UNITS_A = 384
UNITS_B = 16

_ONE = np.float32(1)


class SampleNetwork(NamedTuple):
    """The sample network's layers.

    Its two gated recurrent units, A and B, have 384 and 16 units N; their layers have 2 N outputs for the
    update and the reset gate, and N for the candidate.

    Attributes
    ----------
    condition_a, bias_a
        (128, 1152) and (1152,): unit A's share of the frame's condition, with all biases of its gates.
    signal, prediction, excitation
        (256, 1152): unit A's share of the last sample, of the prediction and of the last excitation.
    diagonal, gates_a, candidate_a, own_bias_a
        Unit A's recurrent weights: the diagonal, (1152,), and the others; with the candidate's bias.
    condition_b, bias_b
        (128, 48) and (48,): unit B's share of the condition, with all biases of its gates.
    inputs_to_gates_b, inputs_to_candidate_b
        Unit B's share of unit A.
    gates_b, candidate_b, own_bias_b
        Unit B's recurrent weights, with the candidate's bias.
    last, last_bias, factor
        Two layers of 16 inputs and 256 outputs, (512,) and (512,): their tanh, weighted, give the logarithms
        of the probabilities. Output 16 i + j is of step 16 j + i; see `testbed.kernels.lpcnet_draw`.
    """

    condition_a: Blocks
    bias_a: Floats
    signal: Floats
    prediction: Floats
    excitation: Floats
    diagonal: Floats
    gates_a: Blocks
    candidate_a: Blocks
    own_bias_a: Floats
    condition_b: Blocks
    bias_b: Floats
    inputs_to_gates_b: Blocks
    inputs_to_candidate_b: Blocks
    gates_b: Blocks
    candidate_b: Blocks
    own_bias_b: Floats
    last: Blocks
    last_bias: Floats
    factor: Floats


class Room(NamedTuple):
    """Memory for a step of all gaps, float32, batch first: see `step_units` and `log_probabilities`."""

    gates_a: Floats
    candidate_a: Floats
    own_a: Floats
    gates_b: Floats
    candidate_b: Floats
    own_b: Floats
    both: Floats
    logarithms: Floats


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def sample_room(batch: int) -> Room:
    """Return memory for the steps of a number of gaps."""
    return Room(
        np.empty((batch, 2 * UNITS_A), np.float32),
        np.empty((batch, UNITS_A), np.float32),
        np.empty((batch, UNITS_A), np.float32),
        np.empty((batch, 2 * UNITS_B), np.float32),
        np.empty((batch, UNITS_B), np.float32),
        np.empty((batch, UNITS_B), np.float32),
        np.empty((batch, 2 * STEPS), np.float32),
        np.empty((batch, STEPS), np.float32),
    )


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _move(gates: Floats, candidate: Floats, own: Floats, units: Floats) -> None:
    """Move gated recurrent units, (batch, N); what leads to them is overwritten.

    Parameters
    ----------
    gates
        (batch, 2 N): sums for the update and the reset gate.
    candidate, own
        (batch, N): the inputs' share of the candidate, and the units' own, which is reset.
    """
    batch, size = units.shape
    sigmoids(gates.reshape(-1))
    for item in range(batch):
        for i in range(size):
            candidate[item, i] += gates[item, size + i] * own[item, i]
    tanhs(candidate.reshape(-1))
    for item in range(batch):
        for i in range(size):
            update = gates[item, i]
            units[item, i] = update * units[item, i] + (_ONE - update) * candidate[item, i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _sum_inputs(
    network: SampleNetwork, units_a: Floats, share_a: Floats, steps: Integers, room: Room
) -> None:
    """Begin unit A's sums with the embedded steps, the condition's share and the diagonal weights."""
    own, bias = network.diagonal, network.own_bias_a
    for item in range(steps.shape[0]):
        share, units = share_a[item], units_a[item]
        signal, prediction = network.signal[steps[item, 0]], network.prediction[steps[item, 1]]
        excitation = network.excitation[steps[item, 2]]
        gates, candidate, recurrent = room.gates_a[item], room.candidate_a[item], room.own_a[item]
        for gate in range(2):
            for i in range(UNITS_A):
                j = gate * UNITS_A + i
                given = share[j] + signal[j] + prediction[j] + excitation[j]
                gates[j] = given + own[j] * units[i]
        for i in range(UNITS_A):
            j = 2 * UNITS_A + i
            candidate[i] = share[j] + signal[j] + prediction[j] + excitation[j]
            recurrent[i] = bias[i] + own[j] * units[i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def step_units(
    network: SampleNetwork,
    units: tuple[Floats, Floats],
    shares: tuple[Floats, Floats],
    steps: Integers,
    room: Room,
) -> None:
    """Move the units of all gaps by one sample.

    Parameters
    ----------
    network
        The layers.
    units
        (batch, 384) and (batch, 16): units A and B, updated.
    shares
        (batch, 1152) and (batch, 48): their shares of the frame's condition.
    steps
        (batch, 3): mu-law steps of the last sample, the prediction and the last excitation.
    room
        From `sample_room`.
    """
    units_a, units_b = units
    _sum_inputs(network, units_a, shares[0], steps, room)
    add_product(network.gates_a, units_a, room.gates_a)
    add_product(network.candidate_a, units_a, room.own_a)
    _move(room.gates_a, room.candidate_a, room.own_a, units_a)
    for item in range(steps.shape[0]):
        for i in range(2 * UNITS_B):
            room.gates_b[item, i] = shares[1][item, i]
        for i in range(UNITS_B):
            room.candidate_b[item, i] = shares[1][item, 2 * UNITS_B + i]
            room.own_b[item, i] = network.own_bias_b[i]
    add_product(network.inputs_to_gates_b, units_a, room.gates_b)
    add_product(network.inputs_to_candidate_b, units_a, room.candidate_b)
    add_product(network.gates_b, units_b, room.gates_b)
    add_product(network.candidate_b, units_b, room.own_b)
    _move(room.gates_b, room.candidate_b, room.own_b, units_b)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def log_probabilities(network: SampleNetwork, units_b: Floats, room: Room) -> None:
    """Write the logarithms of probabilities into the room, up to a constant; for their order see `last`."""
    both, bias, factor = room.both, network.last_bias, network.factor
    batch = units_b.shape[0]
    for item in range(batch):
        for i in range(2 * STEPS):
            both[item, i] = bias[i]
    add_product(network.last, units_b, both)
    tanhs(both.reshape(-1))
    for item in range(batch):
        for i in range(STEPS):
            first, second = both[item, i] * factor[i], both[item, STEPS + i] * factor[STEPS + i]
            room.logarithms[item, i] = first + second
