"""A scheme: a combination of parts against loss."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, Self

from pydantic import model_validator

from testbed.codecs.concealers import AnyConcealer
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.part import SchemePart
from testbed.codecs.schemes.plc import ClassicPlc
from testbed.codecs.schemes.redundancy import Redundancy
from testbed.codecs.vocoders import FARGAN
from testbed.errors import plugin_code
from testbed.parameters import Parameters

NO_LOSS = "no loss"
"""Name of the ceiling, the scheme that every run has: plain speech over a perfect network."""


class Scheme(Parameters):
    """One entry of a scenario's `schemes:`: the name of a part alone, or a mapping of one or more parts.

    ``plc``, ``red: {copies: 2}`` and ``{name: LBRR + DRED, lbrr: {...}, dred: {...}}`` are entries.
    `testbed.codecs.schemes.SchemeSpec` adds a field for each part.

    Attributes
    ----------
    name
        Name of the scheme in tables; default: its parts' names, joined.
    """

    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {given: {}}
        if isinstance(given, dict):
            return {key: {} if value is None and key != "name" else value for key, value in given.items()}
        return given

    @model_validator(mode="after")
    def _combined(self) -> Self:
        parts = {part.key: part for part in self.parts}
        if not parts and self.name != NO_LOSS:
            raise ValueError(f"names no scheme part; give at least one of {', '.join(self.keys())}")
        for key, part in parts.items():
            for other, reason in part.excludes().items():
                if other in parts:
                    raise ValueError(f"{key} and {other} exclude each other: {reason}")
        vocoders = {key: part.synthesized_by() for key, part in parts.items() if part.synthesized_by()}
        if len(set(vocoders.values())) > 1:
            said = ", ".join(f"{key}: {vocoder}" for key, vocoder in vocoders.items())
            raise ValueError(f"a receiver has one vocoder ({said}); give the parts the same one")
        if not self.name:
            object.__setattr__(self, "name", " + ".join(map(label_of, self.parts)))
        return self

    @classmethod
    @cache
    def keys(cls) -> Sequence[str]:
        """Return the names of all parts that there are."""
        return [field for field in cls.model_fields if field != "name"]

    @property
    def parts(self) -> tuple[SchemePart, ...]:
        """The parts of this scheme, in the registry's order."""
        return tuple(part for key in self.keys() if (part := getattr(self, key)) is not None)

    def each(self) -> list[Self]:
        """Return the schemes of this entry: one per combination of its parts' variants."""
        made = []
        for choice in product(*(part.variants().items() for part in self.parts)):
            name = " ".join([self.name, *(words for words, _ in choice if words)])
            made.append(self.model_copy(update={"name": name, **{part.key: part for _, part in choice}}))
        return made

    @property
    def is_ceiling(self) -> bool:
        """True for plain speech without loss, the upper bound of all schemes."""
        return not self.parts

    @property
    def is_baseline(self) -> bool:
        """True for libopus's classic PLC alone, the scheme that the others are compared with."""
        return list(self.parts) == [ClassicPlc()]

    def encoder_settings(self, speech: EncoderSettings, total_given: bool) -> EncoderSettings:
        """Return the encoder's settings.

        Parameters
        ----------
        speech
            Settings for the speech alone; its bitrate is the speech's own or, with `total_given`, the total
            that the scheme may spend.
        """
        settings = speech if self.parts else replace(speech, expected_loss_percent=0)
        bitrate_bps = settings.bitrate_bps
        for part in self.parts:
            settings = part.tune(settings)
            bitrate_bps = part.budget_bps(bitrate_bps, settings.frame_ms, total_given)
        return replace(settings, bitrate_bps=bitrate_bps)

    def distances(self) -> tuple[int, ...]:
        """Return the distances of a packet's copies, in frames, farthest first (the order of RFC 2198)."""
        return tuple(sorted({d for part in self.parts for d in part.distances()}, reverse=True))

    def redundancy(self, total_bps: int, total_given: bool) -> Redundancy:
        """Return the redundancy of all parts, within an encoder's bitrate; see `SchemePart.redundancy`."""
        whole = Redundancy()
        for part in self.parts:
            whole |= part.redundancy(total_bps, total_given)
        return whole

    def dred_to_write(self) -> WrittenDred | None:
        """Return the DRED that is added to the encoder's packets; None for none."""
        return next((added for part in self.parts if (added := part.dred_to_write())), None)

    def dred_network(self) -> DredNetwork:
        """Return the network of the DRED in its packets."""
        written = self.dred_to_write()
        return written.network if written else LIBOPUS

    def decoder_complexity(self, complexity: int) -> int:
        """Return the complexity at which the receiver decodes, given the scenario's."""
        for part in self.parts:
            complexity = part.decoder_complexity(complexity)
        return complexity

    def concealed_by(self) -> AnyConcealer | None:
        """Return who conceals; None: no part says it."""
        return next((concealer for part in self.parts if (concealer := part.concealed_by())), None)

    def synthesized_by(self) -> str:
        """Return the vocoder of the receiver's networks."""
        return next((vocoder for part in self.parts if (vocoder := part.synthesized_by())), FARGAN)


def label_of(part: SchemePart) -> str:
    """Return the label of a part.

    Raises
    ------
    PluginError
        It is of another package, and fails.
    """
    with plugin_code(part, "label()"):
        return part.label()
