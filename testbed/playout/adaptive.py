"""An adaptive playout delay: the jitter buffer follows the network, as in WebRTC."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from testbed.codecs.concealers import AnyConcealer, Concealer
from testbed.codecs.schemes.scheme import Scheme
from testbed.neteq.parameters import NeteqParameters
from testbed.neteq.presets import CONTROLLERS
from testbed.playout.late import Late, describe_late_policy
from testbed.playout.policy import Playout

_CONCEALERS: Mapping[str, Concealer] = {"neteq": "neteq", "neteq_m106": "neteq", "signal": "codec"}


class AdaptivePlayout(NeteqParameters):
    """A jitter buffer whose delay follows the network, as NetEq's does, by stretching the sound.

    Its packets are decoded by libopus, whatever the `engine`.

    Attributes
    ----------
    preset
        Constants to begin with, of which each can be replaced by its key: ``neteq`` for libwebrtc of January
        2026, ``neteq_m106`` for that of September 2022, ``signal`` for Signal's receiver of July 2026.
    late
        What becomes of sound that arrives while its time is being concealed. ``drop``: it is lost.
        ``splice``: the part that is not yet concealed is played, so the delay stays. ``stall``: it is played
        in full, so the delay grows, and acceleration takes it back; NetEq and Signal do this. ``{wait:
        {most_ms: 100}}``: as ``stall``; and while frames are missing, playout waits for them until its delay
        is 100 ms above the target. Below the target delay, all play in full.
    concealer
        Who conceals in a scheme that does not say so, such as ``red`` alone: the ``codec``, or ``neteq`` by
        its Expand. A scheme with `plc`, `neural_plc` or `dred` says it.
    """

    policy: Literal["adaptive"]
    preset: Literal["neteq", "neteq_m106", "signal"] = "neteq"
    late: Late = "stall"
    concealer: Concealer = "neteq"

    @model_validator(mode="before")
    @classmethod
    def _begin_with_preset(cls, data: Any) -> Any:
        preset = data.get("preset", "neteq") if isinstance(data, dict) else None
        if not isinstance(preset, str) or preset not in CONTROLLERS:
            return data
        return {**CONTROLLERS[preset].model_dump(), "concealer": _CONCEALERS[preset], **data}

    def describe(self, least_delay_ms: float) -> str:
        bounds = ""
        if self.max_delay_ms is not None:
            bounds = f", with a target delay of {self.min_delay_ms} to {self.max_delay_ms} ms"
        elif self.min_delay_ms:
            bounds = f", with a target delay of at least {self.min_delay_ms} ms"
        return f"has an adaptive jitter buffer ({self.preset}){bounds}; {describe_late_policy(self.late)}"

    def describe_late(self, delay_ms: float, variation_ms: float) -> str:
        return (
            f"for an adaptive jitter buffer ({self.preset}); "
            f"95 % would be in time with a fixed one of {math.ceil(variation_ms)} ms"
        )


def concealer_of(scheme: Scheme, playout: Playout) -> AnyConcealer:
    """Return who conceals in calls of a scheme: the scheme says it, or else an adaptive receiver."""
    of_receiver = playout.concealer if isinstance(playout, AdaptivePlayout) else "codec"
    return scheme.concealed_by() or of_receiver
