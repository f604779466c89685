"""DRED: past speech as latents in each packet (draft-ietf-mlcodec-opus-dred)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)

from testbed.codecs.concealers import Concealer
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork, find_network
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.part import WithinEncoder, with_vocoder
from testbed.codecs.schemes.redundancy import Redundancy
from testbed.codecs.vocoders import FARGAN, VocoderName
from testbed.errors import CodecError

DEEPEST_MS = {"libopus": 1000, "testbed": 9980}
"""Deepest DRED by writer: libopus's limit, and 250 latent vectors."""
QUANTIZER = {"q0": 6, "dq": 5, "qmax": 15}
"""libopus's choice at 29 to 44 kb/s in all."""
SHARE = 0.5
BPS_PER_MS = 64
MOST_BPS = 32_000
"""DRED is taken to cost this share of a total, but no more than this per depth, nor this in all."""

Depth = Annotated[int, Field(ge=20, multiple_of=10, strict=True)]


def _as_list(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


def _some_once_each(depths: tuple[int, ...]) -> tuple[int, ...]:
    if not depths:
        raise ValueError("needs at least 1")
    if len(set(depths)) < len(depths):
        raise ValueError("duplicate depth")
    return depths


Depths = Annotated[
    tuple[Depth, ...],
    BeforeValidator(_as_list, json_schema_input_type=Depth | tuple[Depth, ...]),
    AfterValidator(_some_once_each),
]


def _network(given: Any, info: ValidationInfo) -> DredNetwork:
    """Return the network that a scenario names; a damaged one is a mistake of the scenario."""
    if isinstance(given, DredNetwork):
        return given
    if not isinstance(given, str):
        raise ValueError("must be the name of a network, or of a folder with one")
    try:
        found = find_network(given, (info.context or {}).get("folder", Path()))
        if found != LIBOPUS:
            from testbed.codecs.dred.network import models  # loads compiled kernels

            models(found)
    except CodecError as error:
        raise ValueError(str(error)) from None
    return found


Network = Annotated[
    DredNetwork,
    PlainValidator(_network, json_schema_input_type=str),
    PlainSerializer(lambda network: network.name, return_type=str),
]


class Dred(WithinEncoder):
    """Deep redundancy: a low-rate description of the speech before a packet, which a network decodes.

    Attributes
    ----------
    writer
        ``libopus``: its encoder writes DRED within its bitrate, as much of the depth as its rate control
        grants, less where nobody speaks. ``testbed``: DRED of exactly this depth and quantization is added to
        packets encoded without it, on top of the bitrate of the speech.
    depth_ms
        Depth of the DRED in each packet; a list makes one scheme per depth.
    q0
        Quantizer level of the latest 40 ms, from 0, the finest; default 6. For ``testbed`` only.
    dq
        Growth of the quantizer level with age; default 5. For ``testbed`` only.
    qmax
        Coarsest quantizer level; default 15. For ``testbed`` only.
    vocoder
        Synthesizes the features that DRED brings, and those that are predicted where it does not reach; see
        `neural_plc`.
    network
        Network that encodes the speech, and decodes it at the receiver: ``libopus``, the name of one that
        comes with the testbed, or a folder of your own. Others than ``libopus`` are for ``testbed`` only, and
        need `engine: numba`.
    """

    key: ClassVar[str] = "dred"
    capability: ClassVar[str] = "dred"
    usual_kbps: ClassVar[int] = 32
    writer: Literal["libopus", "testbed"] = "libopus"
    depth_ms: Depths
    q0: int | None = Field(None, ge=0, le=15)
    dq: int | None = Field(None, ge=0, le=7)
    qmax: int | None = Field(None, ge=1, le=15)
    vocoder: VocoderName = FARGAN
    network: Network = Field("libopus", validate_default=True)

    def label(self) -> str:
        name = "DRED" if self.writer == "libopus" else "testbed DRED"
        return name if len(self.depth_ms) > 1 else f"{name} {self._words(self.depth_ms[0])}"

    def variants(self) -> dict[str, Self]:
        if len(self.depth_ms) == 1:
            return {"": self}
        return {self._words(depth): self.model_copy(update={"depth_ms": (depth,)}) for depth in self.depth_ms}

    def _words(self, depth_ms: int) -> str:
        network = "" if self.network == LIBOPUS else f", network {self.network.title}"
        return with_vocoder(f"{depth_ms} ms{network}", self.vocoder)

    def problems(self, frame_ms: int, total_given: bool, is_closed_loop: bool) -> Iterator[tuple[str, str]]:
        if self.writer == "testbed" and is_closed_loop:
            yield (
                "writer",
                "testbed writes DRED of a fixed size, which cannot follow a target rate; in a closed loop "
                "use writer: libopus, or leave feedback and congestion out",
            )
        deepest_ms = DEEPEST_MS[self.writer]
        if max(self.depth_ms) > deepest_ms:
            deeper = "; writer: testbed writes deeper ones" if self.writer == "libopus" else ""
            yield "depth_ms", f"must be at most {deepest_ms}, not {max(self.depth_ms)}{deeper}"
        if self.writer == "libopus":
            if self.network != LIBOPUS:
                yield "network", "libopus writes with its own network; another is for writer: testbed"
            for key in QUANTIZER:
                if getattr(self, key) is not None:
                    yield key, "libopus chooses its quantizer itself; this is for writer: testbed"
            yield from super().problems(frame_ms, total_given, is_closed_loop)
            return
        if self.bitrate_kbps is not None:
            yield (
                "bitrate_kbps",
                "is for writer: libopus; with testbed depth_ms, q0, dq and qmax say what is sent",
            )
        if total_given:
            yield (
                "writer",
                "testbed adds its DRED to the speech, so there is no total to keep to; give "
                "codec.bitrate_kbps instead of codec.total_kbps, or writer: libopus",
            )
        written = self._written(self.depth_ms[0])
        lowest = written.q0 + 1 if written.q0 < 14 and written.dq > 0 else 15
        if written.qmax < lowest:
            span = "15" if lowest == 15 else f"{lowest} to 15"
            yield "qmax", f"must be {span} with q0 {written.q0} and dq {written.dq}, not {written.qmax}"

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        if self.writer == "testbed":
            return settings
        return replace(settings, dred_depth_ms=max(self.depth_ms))

    def redundancy(self, total_bps: int, total_given: bool) -> Redundancy:
        if self.writer == "testbed":
            return Redundancy()
        return Redundancy(dred_depth_ms=max(self.depth_ms), dred_bps=self.cost_bps(total_bps, total_given))

    def usual_cost_bps(self, total_bps: int) -> int:
        return min(round(SHARE * total_bps), MOST_BPS, BPS_PER_MS * max(self.depth_ms))

    def dred_to_write(self) -> WrittenDred | None:
        return None if self.writer == "libopus" else self._written(max(self.depth_ms))

    def _written(self, depth_ms: int) -> WrittenDred:
        given = {key: getattr(self, key) for key in QUANTIZER}
        chosen = {key: usual if given[key] is None else given[key] for key, usual in QUANTIZER.items()}
        return WrittenDred(depth_ms, chosen["q0"], chosen["dq"], chosen["qmax"], self.network)

    def concealed_by(self) -> Concealer:
        return "codec"

    def synthesized_by(self) -> str:
        return self.vocoder
