"""RED: copies of older frames in each packet (RFC 2198)."""

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field, model_validator

from testbed.codecs.rtp.red import BLOCK_HEADER_BYTES, MAX_DISTANCE_MS, PRIMARY_HEADER_BYTES
from testbed.codecs.schemes.part import SchemePart

LOWEST_BPS = 500
"""Lowest bitrate that libopus accepts."""


class Red(SchemePart):
    """Redundant audio data: copies of older frames in each packet.

    Attributes
    ----------
    copies
        Number of older frames in each packet.
    at_distances
        Distance of each copy from its packet, in frames; default: the last `copies` frames.
    """

    key: ClassVar[str] = "red"
    copies: int = Field(1, ge=1, le=8)
    at_distances: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _one_distance_a_copy(self) -> Self:
        if self.at_distances is not None:
            if len(self.at_distances) != self.copies:
                raise ValueError(
                    f"at_distances lists {len(self.at_distances)} distances for {self.copies} copies"
                )
            if min(self.at_distances) < 1 or len(set(self.at_distances)) != self.copies:
                raise ValueError("at_distances must be different whole numbers of frames, 1 or more")
        return self

    def label(self) -> str:
        distances = self.distances()
        plain = distances == tuple(range(1, self.copies + 1))
        return f"RED x{self.copies}" + ("" if plain else f" at {', '.join(map(str, distances))}")

    def problems(self, frame_ms: int, total_given: bool, is_closed_loop: bool) -> Iterator[tuple[str, str]]:
        farthest = max(self.distances())
        if farthest * frame_ms > MAX_DISTANCE_MS:
            key = "copies" if self.at_distances is None else "at_distances"
            yield (
                key,
                f"a copy {farthest} frames of {frame_ms} ms back is beyond RED's 14-bit timestamp offset; "
                f"the farthest is {int(MAX_DISTANCE_MS // frame_ms)} frames",
            )

    def budget_bps(self, bitrate_bps: int, frame_ms: int, total_given: bool) -> int:
        if not total_given:
            return bitrate_bps
        header_bps = (PRIMARY_HEADER_BYTES + self.copies * BLOCK_HEADER_BYTES) * 8 * 1000 // frame_ms
        return max(LOWEST_BPS, (bitrate_bps - header_bps) // (1 + self.copies))

    def distances(self) -> tuple[int, ...]:
        return self.at_distances or tuple(range(1, self.copies + 1))
