"""A metric: a function of two signals, and its properties for tables, reports and decisions."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from testbed.columns import Column
from testbed.emodel.scale import BEST_MOS
from testbed.errors import MetricError

Signal = NDArray[np.float32]
Measure = Callable[[Signal, Signal], float]
"""Function of reference and degraded signal, both (n,) in [-1, 1], mono, 16 kHz, aligned to the sample.

Only of a metric whose `Metric.reference` is not ``"warped"`` may they differ in length.
It is pure: no clock, no global random state, nothing kept from earlier calls that changes a score. It raises
`CannotScoreError` where the metric is not defined.
"""


class CannotScoreError(MetricError):
    """A metric is not defined on a pair of signals; the message has the reason."""


@dataclass(frozen=True)
class Metric:
    """The description of a metric, and how to load it.

    Attributes
    ----------
    label
        Its name in texts and charts.
    about
        The quality that it measures, as the end of a sentence.
    create
        Loads its network or library and returns the function; None: it hears no sound, but is computed from
        another metric and the delay (``mos_cq``).
    unit
        Unit of a score; ``""`` for none.
    bounds
        Smallest and largest possible score.
    decimals
        Number of decimals to show.
    better
        Whether a higher or a lower score is better.
    packages
        Packages that compute it, by the names they are imported by; `testbed doctor` checks them, and the
        manifest has their versions.
    extra
        Extra of this package that installs them; ``""``: they are installed with it.
    uses_kernels
        Whether it uses kernels of ours, which are compiled before a run starts.
    margin
        Difference between schemes that does not matter; None: no scheme is recommended by this metric
        unless the user gives one.
    version
        Raised when its scores change, so that no earlier score is taken from the cache.
    undamaged
        Score that clean speech reaches; a recording that is worse without any loss is reported. None: no
        such score is known.
    reference
        The clean signal that it gets of a call whose receiver stretched the sound. ``"warped"``: the clip
        with the same stretches, equally long, so the score says what was damaged besides stretching.
        ``"unwarped"``: the clip as it was sent, of another length. ``"none"``: it uses none.
    languages
        Languages that it judges (ISO 639-1); ``()``: any. It does not score clips known to be in another.
    """

    label: str
    about: str
    create: Callable[[], Measure] | None
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    decimals: int = 2
    better: Literal["higher", "lower"] = "higher"
    packages: tuple[str, ...] = ()
    extra: str = ""
    uses_kernels: bool = False
    margin: float | None = None
    version: int = 1
    undamaged: float | None = None
    reference: Literal["warped", "unwarped", "none"] = "warped"
    languages: tuple[str, ...] = ()

    @property
    def hears(self) -> bool:
        """True if it scores a sound."""
        return self.create is not None

    @property
    def is_opinion(self) -> bool:
        """True if its scores are on the scale of a mean opinion score, 1 to 5."""
        low, high = self.bounds
        return self.better == "higher" and low >= 0 and BEST_MOS <= high <= 5

    @property
    def install(self) -> str:
        """The command that installs its packages; "" if it needs none."""
        if self.extra:
            return f"pip install 'speech-testbed[{self.extra}]'"
        return f"pip install {' '.join(self.packages)}" if self.packages else ""

    def judges(self, language: str) -> bool:
        """Return whether it scores clips of a language; "" is an unknown one."""
        return not (language and self.languages) or language in self.languages

    @property
    def sign(self) -> int:
        """Factor that makes larger scores the better ones: 1 or -1."""
        return 1 if self.better == "higher" else -1

    @property
    def best(self) -> str:
        """The best of several scores: ``highest`` or ``lowest``."""
        return f"{self.better.removesuffix('er')}est"

    @property
    def heading(self) -> str:
        """Heading of a table's column, with unit, and the direction if lower is better."""
        return self._titled([self.unit])

    @property
    def axis(self) -> str:
        """Title of an axis, with unit, range, and the direction if lower is better."""
        low, high = self.bounds
        is_bounded = math.isfinite(low) and math.isfinite(high)
        return self._titled([self.unit, f"{low:g} to {high:g}" if is_bounded else ""])

    def _titled(self, said: list[str]) -> str:
        direction = "lower is better" if self.better == "lower" else ""
        inside = ", ".join(filter(None, (*said, direction)))
        return f"{self.label} ({inside})" if inside else self.label

    def column(self, name: str) -> Column:
        """Return its column in the table of a run."""
        return Column(name, self.unit, self.label, self.about, self.decimals)
