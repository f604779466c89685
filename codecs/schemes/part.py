"""A scheme: what the encoder is told, what rides in a packet, and what may repair a missing frame.

A scheme is a set of parts (`testbed.codecs.schemes` lists them), each one way of surviving loss; a part
answers only the questions that concern it and leaves the rest to the defaults here.
"""

from typing import ClassVar

from pydantic import Field

from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.parameters import Parameters

NEURAL_CONCEALMENT_COMPLEXITY = 5
"""Lowest decoder complexity at which libopus conceals, and decodes DRED, with its networks."""
ENHANCEMENT_COMPLEXITY = 6
"""Lowest decoder complexity at which libopus enhances decoded speech with its networks (OSCE)."""


class Part(Parameters):
    """One way of surviving loss, as a scenario's `schemes:` names it."""

    key: ClassVar[str]

    def label(self) -> str:
        """Return a short name for tables, e.g. ``"DRED 500 ms"``."""
        raise NotImplementedError

    def problem(self, frame_ms: int, total_given: bool) -> tuple[str, str] | None:
        """Return (key, what is wrong with it) where the part cannot work with these packets, else None.

        Parameters
        ----------
        frame_ms
            Duration of a packet's audio.
        total_given
            Whether the scenario gives every scheme the same total (`codec.total_kbps`).
        """
        return None

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        """Return the encoder's total bitrate.

        Parameters
        ----------
        bitrate_bps
            What speech may spend, or, with `total_given`, what everything together may.
        """
        return bitrate_bps

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        """Return the settings with what this part needs switched on."""
        return settings

    def distances(self) -> tuple[int, ...]:
        """Return how many frames back the older frames lie that ride along as copies."""
        return ()

    def dred_to_write(self) -> WrittenDred | None:
        """Return the DRED that is added to the encoder's packets, if any is."""
        return None

    def decoder_complexity(self, complexity: int) -> int:
        """Return the complexity of the decoder, given the scenario's."""
        return complexity


class WithinEncoder(Part):
    """A part whose bits libopus takes from the encoder's total.

    Attributes
    ----------
    bitrate_kbps
        What it may add to the speech; libopus divides the sum. Not used where `codec.total_kbps` is given.
    """

    usual_kbps: ClassVar[int]
    bitrate_kbps: float | None = Field(None, gt=0, le=256)

    def problem(self, frame_ms: int, total_given: bool) -> tuple[str, str] | None:
        if self.bitrate_kbps is None and not total_given:
            what = f"what {self.key.upper()} may add to the speech"
            return "bitrate_kbps", f"missing: say {what}, e.g. bitrate_kbps: {self.usual_kbps}"
        return None

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        return bitrate_bps if total_given else bitrate_bps + round(1000 * (self.bitrate_kbps or 0))
