"""Distance of decoded features from true ones, as libopus's training measures it."""

import torch
from torch import Tensor

from testbed.kernels.bark import BANDS, COSINES

_TILT = 1.15 - torch.arange(BANDS) / (2 * BANDS)
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
    loudness = 10 ** (0.25 * (true[..., :BANDS] @ _TO_BANDS.T))
    heard = 10 ** (0.25 * (decoded[..., :BANDS] @ _TO_BANDS.T).clamp(max=12))
    relative = (heard - loudness) ** 2 / (loudness**2).mean(-2, keepdim=True)
    loud = (relative * _TILT).mean(-1)
    voiced = torch.relu(true[..., BANDS + 1] + 0.5) ** 2
    return (
        0.05 * (of_bands**2).mean(-1)
        + loud
        + torch.minimum(20 * loud, 25 * loud**2)
        + 14 / 18 * (2 * error[..., BANDS]).abs() * voiced
        + 2 / 18 * error[..., BANDS + 1] ** 2
    )
