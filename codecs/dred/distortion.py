"""Distortion of decoded features: the measure that libopus's DRED networks were trained to minimize.

After xiph/opus, ``dnn/torch/rdovae`` (2026). Training minimizes it and the rate-distortion curve reports it,
so its weights stand here alone; `testbed.training` has the same sum in torch.
"""

import numpy as np
from numpy.typing import NDArray

from testbed.errors import CodecError
from testbed.kernels.bark import BANDS, COSINES, FEATURES, Floats

CEPSTRUM_WEIGHT = 0.05
LOUDNESS_EXPONENT = 0.25
"""Of a band's energy: its power is the loudness that bands are compared by."""
LINEAR_WEIGHT, SQUARE_WEIGHT = 20.0, 25.0
"""The smaller of the loudness error times the one and its square times the other counts again."""
PITCH_WEIGHT, CORRELATION_WEIGHT = 28 / 18, 2 / 18
VOICED_FROM = -0.5
"""Frame correlation from which a pitch error counts, with the square of the difference."""
BAND_WEIGHTS: Floats = (1.15 - np.arange(BANDS) / 36).astype(np.float32)
"""(18,): low bands count more."""


def distortion(true: Floats, decoded: Floats) -> NDArray[np.float64]:
    """Return the distortion of each feature vector, 0 where both are equal.

    It has four parts: the squared error of the bands' log energies; the squared error of their loudness,
    relative to the mean over the frames; the error of the pitch where `true` is voiced; the squared error of
    the frame correlation.

    Parameters
    ----------
    true, decoded
        (..., frames, 20): the features before and after; the frames of one payload, over which loudness is
        averaged.

    Returns
    -------
    array
        (..., frames).

    Raises
    ------
    CodecError
        If the shapes differ, or are no features.
    """
    if true.shape != decoded.shape or true.ndim < 2 or true.shape[-1] != FEATURES:
        raise CodecError(
            f"distortion is of features of equal shapes (..., frames, {FEATURES}), not {true.shape} and "
            f"{decoded.shape}"
        )
    before, after = true.astype(np.float64), decoded.astype(np.float64)
    bands, decoded_bands = (each[..., :BANDS] @ COSINES.T for each in (before, after))
    loudness, decoded_loudness = (10 ** (LOUDNESS_EXPONENT * each) for each in (bands, decoded_bands))
    mean_square = (loudness**2).mean(axis=-2, keepdims=True)
    loud = (BAND_WEIGHTS * (decoded_loudness - loudness) ** 2 / mean_square).mean(axis=-1)
    pitch = np.abs(after[..., BANDS] - before[..., BANDS])
    voiced = np.maximum(before[..., BANDS + 1] - VOICED_FROM, 0) ** 2
    correlation = (after[..., BANDS + 1] - before[..., BANDS + 1]) ** 2
    total: NDArray[np.float64] = (
        CEPSTRUM_WEIGHT * ((decoded_bands - bands) ** 2).mean(axis=-1)
        + loud
        + np.minimum(LINEAR_WEIGHT * loud, SQUARE_WEIGHT * loud**2)
        + PITCH_WEIGHT * pitch * voiced
        + CORRELATION_WEIGHT * correlation
    )
    return total
