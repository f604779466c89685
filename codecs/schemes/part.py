"""Interface of a scheme part: encoder settings, and redundancy in packets.

A scheme is a set of the parts in `testbed.codecs.schemes.PARTS`. A part overrides only what concerns it.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Self

from pydantic import Field

from testbed.codecs.concealers import AnyConcealer
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.redundancy import Redundancy
from testbed.codecs.vocoders import FARGAN, VOCODERS
from testbed.parameters import Parameters

NEURAL_CONCEALMENT_COMPLEXITY = 5
"""Lowest decoder complexity at which libopus conceals, and decodes DRED, with its networks."""
ENHANCEMENT_COMPLEXITY = 6
"""Lowest decoder complexity at which libopus enhances decoded speech with its networks (OSCE)."""


class SchemePart(Parameters):
    """One way of surviving loss, as a scenario's `schemes:` names it.

    Class attributes: `key` is its name in the registry, `capability` the field of
    `testbed.codecs.opus.capabilities.Capabilities` that it needs ("" for none).
    """

    key: ClassVar[str]
    capability: ClassVar[str] = ""

    def label(self) -> str:
        """Return a short name for tables, e.g. ``"DRED 500 ms"``."""
        raise NotImplementedError

    def excludes(self) -> Mapping[str, str]:
        """Return the parts that this one cannot be combined with, each with the reason."""
        return {}

    def variants(self) -> dict[str, Self]:
        """Return the variants of this part, each by the words that distinguish it.

        Each variant makes a scheme of its own. A part with one variant has no such words: ``{"": self}``.
        """
        return {"": self}

    def problems(self, frame_ms: int, total_given: bool, is_closed_loop: bool) -> Iterator[tuple[str, str]]:
        """Yield keys that the part cannot work with in a scenario, each with the problem.

        Parameters
        ----------
        frame_ms
            Duration of a packet's audio.
        total_given
            Whether the scenario gives every scheme the same total (`codec.total_kbps`).
        is_closed_loop
            Whether the receiver's reports change what is sent.
        """
        yield from ()

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        """Return the encoder's bitrate, redundancy within it included.

        Parameters
        ----------
        bitrate_bps
            Bitrate of the speech or, with `total_given`, of everything in a packet.
        """
        return bitrate_bps

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        """Return the settings with those that this part needs."""
        return settings

    def distances(self) -> tuple[int, ...]:
        """Return the distances, in frames, of the older frames that a packet carries as copies."""
        return ()

    def redundancy(self, total_bps: int, total_given: bool) -> Redundancy:
        """Return the redundancy that this part adds to the packets, for the allocation of a target rate.

        Parameters
        ----------
        total_bps
            The encoder's bitrate.
        total_given
            True if the scenario sets that total (`codec.total_kbps`), the same for every scheme.
        """
        return Redundancy(self.distances())

    def dred_to_write(self) -> WrittenDred | None:
        """Return the DRED that is added to the encoder's packets; None for none."""
        return None

    def decoder_complexity(self, complexity: int) -> int:
        """Return the complexity of the decoder, given the scenario's."""
        return complexity

    def concealed_by(self) -> AnyConcealer | None:
        """Return who conceals in a scheme with this part; None: the part does not say."""
        return None

    def synthesized_by(self) -> str | None:
        """Return the vocoder of the receiver's networks in a scheme with this part; None: it does not say."""
        return None


def with_vocoder(label: str, vocoder: str) -> str:
    """Return a label that names the vocoder, too, unless it is libopus's."""
    return label if vocoder == FARGAN else f"{label}, {VOCODERS[vocoder].label}"


class WithinEncoder(SchemePart):
    """A part whose bits libopus takes from the encoder's bitrate.

    Attributes
    ----------
    bitrate_kbps
        Bitrate added to the speech's; libopus divides the sum. Required with `codec.bitrate_kbps`, not used
        with `codec.total_kbps`.
    """

    usual_kbps: ClassVar[int]
    bitrate_kbps: float | None = Field(None, gt=0, le=256)

    def problems(self, frame_ms: int, total_given: bool, is_closed_loop: bool) -> Iterator[tuple[str, str]]:
        if self.bitrate_kbps is None and not total_given:
            what = f"what {self.key.upper()} may add to the speech"
            yield "bitrate_kbps", f"missing: say {what}, e.g. bitrate_kbps: {self.usual_kbps}"

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        return bitrate_bps if total_given else bitrate_bps + round(1000 * (self.bitrate_kbps or 0))

    def cost_bps(self, total_bps: int, total_given: bool) -> int:
        """Return the part of the encoder's bitrate that libopus is taken to spend on this."""
        if total_given or self.bitrate_kbps is None:
            return self.usual_cost_bps(total_bps)
        return round(1000 * self.bitrate_kbps)

    def usual_cost_bps(self, total_bps: int) -> int:
        """Return the usual cost within a total, if nothing else is known."""
        raise NotImplementedError
