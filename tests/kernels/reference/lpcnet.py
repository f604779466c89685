"""Plain version of `testbed.kernels.lpcnet`: one gap, one sample after another, in double precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import lpc

Array = NDArray[Any]


def sigmoid(x: Array) -> Array:
    """Return the sigmoid of each number."""
    return 1 / (1 + np.exp(-x))


def gated(inputs: Array, own: Array, units: Array) -> Array:
    """Return the units after a step of a GRU that resets after its product."""
    update, reset, candidate = np.split(inputs, 3)
    own_update, own_reset, own_candidate = np.split(own, 3)
    update, reset = sigmoid(update + own_update), sigmoid(reset + own_reset)
    candidate = np.tanh(candidate + reset * own_candidate)
    moved: Array = update * units + (1 - update) * candidate
    return moved


def mu_law(level: float) -> int:
    """Return the step of a level, by the C program's approximation of the logarithm."""
    mantissa, exponent = np.frexp(1 + abs(level) * 255 / 32768)
    rest = 2 * mantissa - 1.5
    log2 = exponent - 0.41445418 + rest * (0.95909232 + rest * (-0.33951290 + rest * 0.16541097))
    step = 128 + np.copysign(128 * 0.69315 * log2 / np.log(256), level)
    return int(np.floor(0.5 + np.clip(step, 0, 255)))


def level(step: int) -> float:
    """Return the level of a step."""
    return float(np.sign(step - 128) * 32768 / 255 * (256 ** (abs(step - 128) / 128) - 1))


class Lpcnet:
    """One gap, on the C program's own arrays.

    Parameters
    ----------
    arrays
        By ``layer.field``.
    seed
        Of the gap.
    """

    def __init__(self, arrays: Mapping[str, Array], seed: int = 1) -> None:
        self.arrays = arrays
        self.units_a, self.units_b = np.zeros(384), np.zeros(16)
        self.signal, self.last, self.excitation, self.random = np.zeros(16), 0.0, 128, seed
        index = list(arrays["sparse_gru_a.idx"])
        self.recurrent = np.diag(np.ones(384))[:, np.arange(1152) % 384] * arrays["sparse_gru_a.diag_weights"]
        columns = iter(arrays["sparse_gru_a.recurrent_weights"])
        for block in range(72):
            count = index.pop(0)
            for source in index[:count]:
                self.recurrent[source, 16 * block : 16 * block + 16] += next(columns)
            del index[:count]

    def _dense(self, name: str, inputs: Array) -> Array:
        weights, bias = self.arrays[f"{name}.input_weights"], self.arrays[f"{name}.bias"]
        made: Array = inputs @ weights.reshape(-1, bias.size) + bias
        return made

    def conditions(self, features: Array) -> Array:
        """Return the conditions of frames, (frames, 128), by (frames + 4, 20)."""
        periods = np.clip(np.floor(0.5 + 512 / 2 ** (features[:, 18].astype(float) + 1.5)), 66, 510)
        inputs = np.zeros((len(features), 102))
        inputs[:, :18] = features[:, :18]
        inputs[:, 36] = 0.01 * (periods - 200)
        inputs[:, 37] = features[:, 19] + 0.5
        inputs[:, 38:] = self.arrays["embed_pitch.embedding_weights"][(periods // 2).astype(int)]
        for name in ("feature_conv1", "feature_conv2"):
            inputs = np.tanh(self._dense(name, np.hstack((inputs[:-2], inputs[1:-1], inputs[2:]))))
        for name in ("feature_dense1", "feature_dense2"):
            inputs = np.tanh(self._dense(name, inputs))
        return inputs

    def logits(self, condition: Array, signal: int, prediction: int, excitation: int) -> Array:
        """Move the units by a sample; return the logarithms of the probabilities of its steps."""
        inputs = self._dense("gru_a_dense_feature", condition)
        for name, step in (("sig", signal), ("pred", prediction), ("exc", excitation)):
            inputs = inputs + self.arrays[f"gru_a_embed_{name}.embedding_weights"][step]
        own = self.units_a @ self.recurrent + self.arrays["sparse_gru_a.bias"][1]
        self.units_a = gated(inputs, own, self.units_a)
        bias = self.arrays["gru_b.bias"]
        inputs = np.r_[self.units_a, condition] @ self.arrays["gru_b.input_weights"] + bias[0]
        own = self.units_b @ self.arrays["gru_b.recurrent_weights"] + bias[1]
        self.units_b = gated(inputs, own, self.units_b)
        both = np.einsum("i,icj->cj", self.units_b, self.arrays["dual_fc.input_weights"])
        both = np.tanh(both + self.arrays["dual_fc.bias"]) * self.arrays["dual_fc.factor"]
        summed: Array = both.sum(axis=0)
        return summed

    def draw(self, logits: Array, sharpness: float) -> int:
        """Return a step drawn by the C program's generator."""
        self.random = (1103515245 * self.random + 12345) % 2**32
        powers = np.exp(sharpness * logits)
        cumulative = np.cumsum(np.maximum(powers / powers.sum() - 0.002, 0))
        wanted = cumulative[-1] * (self.random // 65536 % 32768 / 32768)
        return int(np.searchsorted(cumulative[:-1], wanted, side="right"))

    def frame(self, condition: Array, coefficients: Array, sharpness: float, real: Array) -> Array:
        """Return the 160 samples of a frame, which begins with real ones, in units of 16 bits."""
        made = []
        for place in range(160):
            prediction = -float(coefficients @ self.signal[::-1])
            logits = self.logits(condition, mu_law(self.signal[-1]), mu_law(prediction), self.excitation)
            if place < len(real):
                sample = real[place] - 0.85 * self.last
                self.excitation = mu_law(sample - prediction)
            else:
                self.excitation = self.draw(logits, sharpness)
                sample = prediction + level(self.excitation)
            self.signal = np.r_[self.signal[1:], sample]
            self.last = sample + 0.85 * self.last
            made.append(self.last)
        return np.array(made)

    def synthesize(self, past: Array, past_features: Array, features: Array) -> Array:
        """As the kernel with (samples,), (vectors, 20) and (frames + 2, 20)."""
        heard = 32768 * past[-417:].astype(float)
        self.signal, self.last = heard[1:17] - 0.85 * heard[:16], heard[16]
        vectors = np.vstack((past_features[-4:], features, features[-1:]))
        centres = vectors[2:-2]
        filters, _ = lpc.lpc_from_cepstrum(centres, compensated=False)
        made = [
            self.frame(condition, coefficients, 1 + max(0, 1.5 * (vector[19] + 0.5) - 0.5), real)
            for condition, coefficients, vector, real in zip(
                self.conditions(vectors),
                filters,
                centres,
                (heard[17:177], heard[177:337], heard[337:], *[np.empty(0)] * len(features)),
                strict=False,
            )
        ]
        samples = np.concatenate(made)[400 : 400 + 160 * (len(features) - 2)]
        limited: Array = np.clip(samples, -32767, 32767) / 32768
        return limited
