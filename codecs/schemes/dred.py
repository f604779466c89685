"""DRED: past speech as latents in each packet (draft-ietf-mlcodec-opus-dred)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.part import WithinEncoder

DEEPEST_MS = {"libopus": 1000, "testbed": 9980}
"""By writer: what libopus takes, and 250 latent vectors."""
QUANTIZER = {"q0": 6, "dq": 5, "qmax": 15}
"""What libopus's rule takes at 29 to 44 kb/s in all."""

Depth = Annotated[int, Field(ge=20, multiple_of=10, strict=True)]


def _as_list(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


def _some_once_each(depths: tuple[int, ...]) -> tuple[int, ...]:
    if not depths:
        raise ValueError("needs at least 1")
    if len(set(depths)) < len(depths):
        raise ValueError("a depth stands here twice")
    return depths


Depths = Annotated[
    tuple[Depth, ...],
    BeforeValidator(_as_list, json_schema_input_type=Depth | tuple[Depth, ...]),
    AfterValidator(_some_once_each),
]


class Dred(WithinEncoder):
    """Deep redundancy.

    Attributes
    ----------
    writer
        ``libopus``: its encoder writes it out of the bitrate that it is given, and sends as much of the depth
        as its rate rule grants, less where nobody speaks. ``testbed``: it is added to packets that libopus
        made without it; every packet has the full depth, and the bits come on top of the speech.
    depth_ms
        How far back each packet is asked to reach; a list stands for as many schemes.
    q0, dq, qmax
        Of ``testbed``: quantizer level of the latest 40 ms (0, the finest, to 15), how fast levels grow with
        age (0 to 7), and the coarsest level.
    """

    key: ClassVar[str] = "dred"
    usual_kbps: ClassVar[int] = 32
    writer: Literal["libopus", "testbed"] = "libopus"
    depth_ms: Depths
    q0: int | None = Field(None, ge=0, le=15)
    dq: int | None = Field(None, ge=0, le=7)
    qmax: int | None = Field(None, ge=1, le=15)

    def label(self) -> str:
        name = "DRED" if self.writer == "libopus" else "testbed DRED"
        return f"{name} {self.depth_ms[0]} ms" if len(self.depth_ms) == 1 else name

    def problem(self, frame_ms: int, total_given: bool) -> tuple[str, str] | None:
        return next(self._problems(frame_ms, total_given), None)

    def _problems(self, frame_ms: int, total_given: bool) -> Iterator[tuple[str, str]]:
        deepest_ms = DEEPEST_MS[self.writer]
        if max(self.depth_ms) > deepest_ms:
            deeper = "; writer: testbed writes deeper ones" if self.writer == "libopus" else ""
            yield "depth_ms", f"must be at most {deepest_ms}, not {max(self.depth_ms)}{deeper}"
        if self.writer == "libopus":
            for key in QUANTIZER:
                if getattr(self, key) is not None:
                    yield key, "libopus chooses its quantizer itself; this is for writer: testbed"
            within = super().problem(frame_ms, total_given)
            if within is not None:
                yield within
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
        asked = self._added(self.depth_ms[0])
        lowest = asked.q0 + 1 if asked.q0 < 14 and asked.dq > 0 else 15
        if asked.qmax < lowest:
            span = "15" if lowest == 15 else f"{lowest} to 15"
            yield "qmax", f"must be {span} with q0 {asked.q0} and dq {asked.dq}, not {asked.qmax}"

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        if self.writer == "testbed":
            return settings
        return replace(settings, dred_depth_ms=max(self.depth_ms))

    def dred_to_write(self) -> WrittenDred | None:
        return None if self.writer == "libopus" else self._added(max(self.depth_ms))

    def _added(self, depth_ms: int) -> WrittenDred:
        given = {key: getattr(self, key) for key in QUANTIZER}
        chosen = {key: usual if given[key] is None else given[key] for key, usual in QUANTIZER.items()}
        return WrittenDred(depth_ms, **chosen)
