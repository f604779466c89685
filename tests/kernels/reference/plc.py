"""Plain version of `testbed.kernels.plc`."""

import numpy as np
from numpy.typing import NDArray

from reference import burg, fargan, features, nn
from testbed.kernels.bark import Floats
from testbed.kernels.nn import LINEAR, TANH


class Plc:
    """The first gap of one stream, on the blob's own arrays and with the references of its parts."""

    def __init__(self, arrays: nn.Raw) -> None:
        self.arrays = arrays
        self.vocoder = fargan.Fargan(arrays)
        self.units = [np.zeros((1, 192), np.float32), np.zeros((1, 192), np.float32)]

    def _step(self, inputs: NDArray[np.floating]) -> Floats:
        value = nn.dense(self.arrays, "plc_dense_in", inputs[None].astype(np.float32), TANH)
        for layer in range(2):
            name = f"plc_gru{layer + 1}"
            value = self.units[layer] = nn.gru(self.arrays, name, self.units[layer], value)
        expected: Floats = nn.dense(self.arrays, "plc_dense_out", value, LINEAR)[0]
        return expected

    def gap(self, pcm: Floats, given: dict[int, Floats], frames: int) -> Floats:
        """Return the samples of a gap after `pcm`.

        Parameters
        ----------
        pcm
            All samples before it, full scale is 1.
        given
            Vectors that redundancy brought, by their place: 0 and 1 are those ahead, 2 is the gap's first.
        frames
            Its length.
        """
        heard = 32768 * pcm[-2400:]
        heard_features = features.extract_features(self.arrays, heard)
        envelopes = burg.burg_cepstrum(heard.reshape(-1, 160))
        vectors = [np.zeros(20, np.float32)] * 5
        for envelope, vector in list(zip(envelopes, heard_features, strict=True))[1:]:
            self._step(np.r_[envelope, vector, 1])
            vectors.append(vector)
        fade, samples = 0, []
        for place in range(frames + 2):
            if place in given:
                self._step(np.r_[np.zeros(36), given[place], -1])
                vector, fade = given[place], 0
            else:
                vector, fade = self._step(np.zeros(57)), fade + (place >= 2)
            if place < 2:
                vectors.append(vector)
            if place == 1:
                self.vocoder.start(pcm[-320:], np.array(vectors[-5:]))
            if place >= 2:
                steps = (0, 0, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8, 1.6, 1.6)
                vector = vector.copy()
                vector[0] = max(-15, vector[0] - (steps[fade] if fade < 10 else 1.6 + 2 * (fade - 9)))
                samples.append(self.vocoder.synthesize(vector[None]))
        levels = np.floor(np.clip(32768 * np.concatenate(samples), -32767, 32767) + 0.5)
        rounded: Floats = (levels / 32768).astype(np.float32)
        return rounded
