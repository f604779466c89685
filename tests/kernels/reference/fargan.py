"""Plain version of `testbed.kernels.fargan`."""

import numpy as np

from reference import nn
from testbed.kernels.bark import Floats
from testbed.kernels.nn import LINEAR, SIGMOID, TANH


class Fargan:
    """One gap after another, as the paper draws it, on the blob's own arrays and with `nn`'s references.

    Parameters
    ----------
    arrays
        Of a weights blob.
    reciprocal
        Function for 1 / x; default: the approximation of this processor, which libopus uses, too.
    """

    def __init__(self, arrays: nn.Raw, reciprocal: nn.Reciprocal = nn.host_reciprocal) -> None:
        self.arrays, self.reciprocal = arrays, reciprocal
        self.pitch = np.zeros(256, np.float32)
        self.hidden = [np.zeros((1, 64), np.float32)] * 2
        self.signal = np.zeros((1, 164), np.float32)
        self.units = [np.zeros((1, width), np.float32) for width in (160, 128, 128)]
        self.period, self.sample = 0, np.float32(0)

    def _dense(self, name: str, inputs: Floats, kind: int = TANH) -> Floats:
        return nn.dense(self.arrays, name, inputs, kind, self.reciprocal)

    def _gate(self, name: str, inputs: Floats) -> Floats:
        return nn.glu(self.arrays, f"sig_net_{name}_glu_gate", inputs, self.reciprocal)

    def _condition(self, features: Floats) -> tuple[list[Floats], int]:
        period = int(np.floor(0.5 + 256 / 2 ** (float(features[18]) + 1.5)))
        embedding = self.arrays["cond_net_pembed_weights_float"].reshape(224, 12)
        inputs = np.r_[features, embedding[min(223, max(0, period - 32))]][None]
        self.hidden = [*self.hidden[-2:], self._dense("cond_net_fdense1", inputs)]
        wide = self._dense("cond_net_fconv1", np.hstack(self.hidden))
        return np.split(self._dense("cond_net_fdense2", wide), 4, axis=1), period

    def _subframe(self, condition: Floats) -> Floats:
        gain = np.exp(self._dense("sig_net_cond_gain_dense", condition, LINEAR)[0, 0])
        inverse = np.float32(1) / (np.float32(1e-5) + gain)
        steps = np.arange(-2, 42)
        back = np.where(steps < 0, steps, steps % self.period) - self.period
        copy = np.clip(inverse * self.pitch[np.maximum(256 + back, 0)], -1, 1)[None]
        before = np.clip(inverse * self.pitch[-40:], -1, 1)[None]
        now = np.hstack((condition, copy, before))
        first = self._dense("sig_net_fwc0_conv", np.hstack((self.signal, now)))
        self.signal = now
        opened = self._gate("fwc0", first)
        gates = self._dense("sig_net_gain_dense_out", opened, SIGMOID)[0]
        outputs = [opened]
        for layer in range(3):
            inputs = np.hstack((outputs[-1], gates[layer] * copy[:, 2:-2], before))
            name = f"sig_net_gru{layer + 1}"
            self.units[layer] = nn.gru(self.arrays, name, self.units[layer], inputs, self.reciprocal)
            outputs.append(self._gate(f"gru{layer + 1}", self.units[layer]))
        joined = np.hstack((*outputs[1:], opened, gates[3] * copy[:, 2:-2], before))
        shape = self._gate("skip", self._dense("sig_net_skip_dense", joined))
        made: Floats = gain * self._dense("sig_net_sig_dense_out", shape)[0]
        return made

    def start(self, past: Floats, features: Floats) -> None:
        """As the kernel with (320,) and (5, 20)."""
        period = 0
        for vector in features:
            self.period = period
            conditions, period = self._condition(vector)
        emphasised = np.r_[np.float32(0), past[1:] - np.float32(0.85) * past[:-1]]
        self.pitch = np.r_[self.pitch[:96], emphasised[:160]]
        for condition, real in zip(conditions, np.split(emphasised[160:], 4), strict=True):
            self._subframe(condition)
            self.pitch = np.r_[self.pitch[40:], real]
        self.sample = past[-1]

    def synthesize(self, features: Floats) -> Floats:
        """As the kernel with (frames, 20)."""
        out = []
        for vector in features:
            conditions, period = self._condition(vector)
            for condition in conditions:
                made = self._subframe(condition)
                self.pitch = np.r_[self.pitch[40:], made]
                for value in made:
                    self.sample = value + np.float32(0.85) * self.sample
                    out.append(self.sample)
            self.period = period
        return np.array(out, np.float32)
