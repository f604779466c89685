"""Plain version of `testbed.kernels.rdovae`."""

import numpy as np

from reference import nn
from testbed.kernels.nn import TANH
from testbed.kernels.weights import Floats


def encode(
    arrays: nn.Raw, features: Floats, reciprocal: nn.Reciprocal = nn.host_reciprocal
) -> tuple[Floats, Floats]:
    """As the kernel from the beginning, on the blob's arrays."""
    batch, steps, _ = features.shape
    units = [np.zeros((batch, 32), np.float32)] * 5
    narrowed = [[np.zeros((batch, 64), np.float32)] * 2 for _ in range(5)]
    latents, states = [], []
    for step in range(steps):
        seen = nn.dense(arrays, "enc_dense1", features[:, step], TANH, reciprocal)
        for stage in range(5):
            number, back = stage + 1, min(stage, 1) + 1
            units[stage] = nn.gru(arrays, f"enc_gru{number}", units[stage], seen, reciprocal)
            seen = np.hstack([seen, units[stage]])
            new = nn.dense(arrays, f"enc_conv_dense{number}", seen, TANH, reciprocal)
            narrowed[stage].append(new)
            history = np.stack(narrowed[stage][-back - 1 :], axis=1)
            made = nn.conv1d(arrays, f"enc_conv{number}", history, back, TANH, reciprocal)
            seen = np.hstack([seen, made])
        latents.append(nn.linear(arrays, "enc_zdense", seen)[:, :25])
        hidden = nn.dense(arrays, "gdense1", seen, TANH, reciprocal)
        states.append(nn.linear(arrays, "gdense2", hidden)[:, :50])
    return np.stack(latents, axis=1), np.stack(states, axis=1)


def decode(
    arrays: nn.Raw, states: Floats, latents: Floats, reciprocal: nn.Reciprocal = nn.host_reciprocal
) -> Floats:
    """As the kernel, on the blob's arrays."""
    hidden = nn.dense(arrays, "dec_hidden_init", states, TANH, reciprocal)
    start = nn.dense(arrays, "dec_gru_init", hidden, TANH, reciprocal)
    units = list(np.split(start, 5, axis=1))
    before = [np.zeros((len(states), 32), np.float32)] * 5
    frames: list[Floats] = []
    for step in range(latents.shape[1]):
        seen = nn.dense(arrays, "dec_dense1", latents[:, step], TANH, reciprocal)
        for stage in range(5):
            number = stage + 1
            units[stage] = nn.gru(arrays, f"dec_gru{number}", units[stage], seen, reciprocal)
            seen = np.hstack([seen, nn.glu(arrays, f"dec_glu{number}", units[stage], reciprocal)])
            new = nn.dense(arrays, f"dec_conv_dense{number}", seen, TANH, reciprocal)
            history = np.stack([before[stage], new], axis=1)
            before[stage] = new
            made = nn.conv1d(arrays, f"dec_conv{number}", history, 1, TANH, reciprocal)
            seen = np.hstack([seen, made])
        frames += np.split(nn.linear(arrays, "dec_output", seen), 4, axis=1)
    return np.stack(frames, axis=1)
