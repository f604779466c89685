"""The wideband and the fullband E-model (ITU-T G.107.1, G.107.2)."""

from dataclasses import dataclass

from testbed.emodel import scale
from testbed.emodel.impairments import delay_impairment, echo_at_listener, loss_impairment

_PATH_LOSS_DB = 110.0  # the default of WEPL


@dataclass(frozen=True)
class Band:
    """An E-model without talker echo, noise or impairments by level: all at their defaults.

    Attributes
    ----------
    best
        Ro: rating of speech without impairments.
    stretch
        Length of its scale, in lengths of the narrowband scale.
    most
        Impairment by codec and loss at total loss.
    echo
        Idle: impairment by the echo that is left at the listener.
    """

    best: float
    stretch: float
    most: float
    echo: float = 0.0

    def rating(
        self,
        delay_ms: float = 0.0,
        equipment: float = 0.0,
        robustness: float = 1.0,
        lost_percent: float = 0.0,
        burst_ratio: float = 1.0,
    ) -> float:
        """Return R; see `testbed.emodel.impairments`."""
        by_delay = self.stretch * delay_impairment(delay_ms)
        by_loss = loss_impairment(equipment, robustness, lost_percent, burst_ratio, self.most)
        return self.best - self.echo - by_delay - by_loss

    def mos(self, rating: float) -> float:
        """Return the mean opinion, 1 to 4.5, at a rating of this scale."""
        return scale.mos(rating / self.stretch)

    def rating_of(self, mos: float) -> float:
        """Return the rating with a mean opinion; see `testbed.emodel.scale.rating`."""
        return self.stretch * scale.rating(mos)


WIDEBAND = Band(best=129, stretch=1.29, most=95, echo=echo_at_listener(129, _PATH_LOSS_DB, 0.0))
"""G.107.1 (06/2019), which has no burst ratio: it is that of G.107, and 1 by default."""
FULLBAND = Band(best=148, stretch=1.48, most=132)
"""G.107.2 (03/2023)."""
