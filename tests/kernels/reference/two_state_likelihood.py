"""Plain version of `testbed.kernels.two_state_likelihood`."""

import numpy as np
from numpy.typing import NDArray


def log_likelihood(
    parameters: NDArray[np.float64], lost: NDArray[np.bool_]
) -> tuple[float, NDArray[np.float64]]:
    """Return the same log and derivatives, packet by packet, differentiated by the complex step.

    Parameters
    ----------
    parameters
        p, r, h and k, (4,).
    lost
        True for each lost packet, (n,).
    """
    step = 1e-30
    value, gradient = 0.0, np.zeros(4)
    for index in range(4):
        p, r, h, k = parameters + 1j * step * (np.arange(4) == index)
        state = np.array([r, p]) / (p + r)
        move = np.array([[1 - p, p], [r, 1 - r]])
        log = 0j
        for fate in lost:
            state = state * (np.array([1 - k, 1 - h]) if fate else np.array([k, h]))
            log += np.log(state.sum())
            state = state / state.sum() @ move
        value, gradient[index] = log.real, log.imag / step
    return value, gradient
