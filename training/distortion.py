"""Distance of decoded features from true ones, as libopus's training measures it."""

import torch
from torch import Tensor

from testbed.codecs.dred.distortion import (
    BAND_WEIGHTS,
    CEPSTRUM_WEIGHT,
    CORRELATION_WEIGHT,
    LINEAR_WEIGHT,
    LOUDNESS_EXPONENT,
    PITCH_WEIGHT,
    SQUARE_WEIGHT,
    VOICED_FROM,
)
from testbed.kernels.bark import BANDS, COSINES

_BAND_WEIGHTS = torch.tensor(BAND_WEIGHTS)
_TO_BANDS = torch.tensor(COSINES)


def distortion(true: Tensor, decoded: Tensor) -> Tensor:
    """Return the distortion of each frame, (batch, frames).

    It adds errors of the log energies of bands, of their loudness (energy to the power 1/4, relative to the
    band's mean square in the sequence, more for low bands), of the pitch where it is voiced, and of the
    correlation, with the weights of libopus's ``dnn/torch/rdovae``.

    Parameters
    ----------
    true, decoded
        (batch, frames, 20).
    """
    error = decoded - true
    of_bands = error[..., :BANDS] @ _TO_BANDS.T
    loudness = 10 ** (LOUDNESS_EXPONENT * (true[..., :BANDS] @ _TO_BANDS.T))
    heard = 10 ** (LOUDNESS_EXPONENT * (decoded[..., :BANDS] @ _TO_BANDS.T).clamp(max=12))
    relative = (heard - loudness) ** 2 / (loudness**2).mean(-2, keepdim=True)
    loud = (relative * _BAND_WEIGHTS).mean(-1)
    voiced = torch.relu(true[..., BANDS + 1] - VOICED_FROM) ** 2
    return (
        CEPSTRUM_WEIGHT * (of_bands**2).mean(-1)
        + loud
        + torch.minimum(LINEAR_WEIGHT * loud, SQUARE_WEIGHT * loud**2)
        + PITCH_WEIGHT * error[..., BANDS].abs() * voiced
        + CORRELATION_WEIGHT * error[..., BANDS + 1] ** 2
    )
