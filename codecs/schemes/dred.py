"""DRED: up to a second of past speech as latents in each packet (draft-ietf-mlcodec-opus-dred)."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from testbed.codecs.scheme import WithinEncoder
from testbed.codecs.settings import EncoderSettings


class Dred(WithinEncoder):
    """Deep redundancy.

    Attributes
    ----------
    depth_ms
        How far back each packet is asked to reach. libopus sends as much of it as its rate rule grants.
    """

    key: ClassVar[str] = "dred"
    usual_kbps: ClassVar[int] = 32
    depth_ms: int = Field(ge=20, le=1000, multiple_of=10)

    def label(self) -> str:
        return f"DRED {self.depth_ms} ms"

    def tune(self, settings: EncoderSettings) -> EncoderSettings:
        return replace(settings, dred_depth_ms=self.depth_ms)
