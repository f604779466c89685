"""The schemes' registry: the fields of `SchemeSpec` are all the ways of surviving loss that there are."""

from dataclasses import replace
from typing import Any, Self

from pydantic import model_validator

from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.dred import Dred
from testbed.codecs.schemes.lbrr import Lbrr
from testbed.codecs.schemes.neural_plc import NeuralPlc
from testbed.codecs.schemes.part import Part
from testbed.codecs.schemes.plc import ClassicPlc
from testbed.codecs.schemes.red import Red
from testbed.parameters import Parameters

NO_LOSS = "no loss"


class SchemeSpec(Parameters):
    """One entry of a scenario's `schemes:`: a part's name alone, or any combination of parts.

    ``plc``, ``red: {copies: 2}`` and ``{name: LBRR + DRED, lbrr: {...}, dred: {...}}`` are all good.
    A new part is one new file beside this one and one field here.
    """

    name: str = ""
    plc: ClassicPlc | None = None
    neural_plc: NeuralPlc | None = None
    red: Red | None = None
    lbrr: Lbrr | None = None
    dred: Dred | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {given: {}}
        if isinstance(given, dict):
            return {key: {} if value is None and key != "name" else value for key, value in given.items()}
        return given

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.parts and self.name != NO_LOSS:
            raise ValueError(f"says no way of surviving loss; give at least one of {', '.join(self.keys())}")
        if self.plc and self.neural_plc:
            raise ValueError("plc and neural_plc exclude each other: a decoder conceals in one way")
        if self.plc and self.dred:
            raise ValueError(
                "plc and dred exclude each other: libopus decodes DRED only with its networks on"
            )
        if not self.name:
            object.__setattr__(self, "name", " + ".join(part.label() for part in self.parts))
        return self

    @classmethod
    def keys(cls) -> list[str]:
        """Return the names of all parts that there are."""
        return [field for field in cls.model_fields if field != "name"]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of this scheme, in the registry's order."""
        return tuple(part for key in self.keys() if (part := getattr(self, key)) is not None)

    def each(self) -> list[Self]:
        """Return the schemes that this entry stands for: one for each depth of its DRED."""
        if self.dred is None or len(self.dred.depth_ms) == 1:
            return [self]
        return [
            self.model_copy(
                update={
                    "name": f"{self.name} {depth_ms} ms",
                    "dred": self.dred.model_copy(update={"depth_ms": (depth_ms,)}),
                }
            )
            for depth_ms in self.dred.depth_ms
        ]

    @property
    def is_ceiling(self) -> bool:
        """Whether this is plain speech that loses nothing: what every scheme is held against."""
        return not self.parts

    def encoder_settings(self, speech: EncoderSettings, total_given: bool) -> EncoderSettings:
        """Return what the encoder is told.

        Parameters
        ----------
        speech
            The settings of the speech alone; its bitrate is the speech's own or, with `total_given`, the
            total that the scheme may spend.
        """
        settings = speech if self.parts else replace(speech, expected_loss_percent=0)
        bitrate_bps = settings.bitrate_bps
        for part in self.parts:
            settings = part.tune(settings)
            bitrate_bps = part.budget_bps(bitrate_bps, settings.frame_ms, total_given)
        return replace(settings, bitrate_bps=bitrate_bps)

    def distances(self) -> tuple[int, ...]:
        """Return how many frames back the copies in a packet lie, farthest first (RFC 2198's order)."""
        return tuple(sorted({d for part in self.parts for d in part.distances()}, reverse=True))

    def dred_to_write(self) -> WrittenDred | None:
        """Return the DRED that is added to the encoder's packets, if any is."""
        return next((added for part in self.parts if (added := part.dred_to_write())), None)

    def decoder_complexity(self, complexity: int) -> int:
        """Return the complexity at which the receiver decodes."""
        for part in self.parts:
            complexity = part.decoder_complexity(complexity)
        return complexity
