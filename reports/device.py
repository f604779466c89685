"""Cost of schemes to a device, as the run measured it; see `testbed.device_cost`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXPLANATION = (
    "“Device” is libopus's processor time for encoding and for decoding on the machine of the run, as "
    "multiples of plain Opus's."
)


@dataclass(frozen=True)
class DeviceCost:
    """Processor time of a scheme as multiples of plain Opus's: median, least and greatest of some rounds.

    Attributes
    ----------
    encode, decode
        Of encoding and of decoding, with concealment and redundancy.
    redundancy
        The part of `decode` that is spent on redundancy.
    """

    encode: tuple[float, float, float]
    decode: tuple[float, float, float]
    redundancy: float

    def __str__(self) -> str:
        return f"{self.encode[0]:.1f}x / {self.decode[0]:.1f}x"

    @property
    def details(self) -> str:
        """The ranges, and the part of redundancy."""
        has_range = self.encode[1] < self.encode[2]
        texts = [f"{_range(self.encode)} / {_range(self.decode)}"] if has_range else []
        texts += [f"redundancy {self.redundancy:.1f}x"] if self.redundancy else []
        return "; ".join(texts)


def device_costs(manifest: Mapping[str, Any]) -> dict[tuple[int, str], DeviceCost]:
    """Return what a run measured, by point and scheme; empty if it measured nothing."""
    kept = manifest.get("device_cost") or {}
    return {
        (kept["point"], name): DeviceCost(tuple(each["encode"]), tuple(each["decode"]), each["redundancy"])
        for name, each in kept.get("schemes", {}).items()
    }


def _range(values: tuple[float, float, float]) -> str:
    return f"{values[1]:.2f} to {values[2]:.2f}"
