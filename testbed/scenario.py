"""A scenario: the one place where YAML becomes objects."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from testbed.channels import StageSpec
from testbed.codecs.schemes import SchemeSpec
from testbed.codecs.settings import Bandwidth
from testbed.parameters import Parameters


class Speech(Parameters):
    """What is said: clips of a corpus, or the user's own files."""

    corpus: Literal["asterisk", "packaged"] | None = None
    clips: int | None = Field(None, ge=1)
    files: str | None = None


class Codec(Parameters):
    """The speech's own encoding, common to all schemes."""

    bitrate_kbps: float | None = Field(None, ge=6, le=510)
    total_kbps: float | None = Field(None, ge=6, le=510)
    complexity: int = Field(9, ge=0, le=10)
    decoder_complexity: int = Field(10, ge=5, le=10)
    frame_ms: Literal[10, 20, 40, 60] = 20
    bandwidth: Bandwidth = "wideband"
    rate_mode: Literal["vbr", "cvbr", "cbr"] = "vbr"
    application: Literal["voip", "audio"] = "voip"
    signal: Literal["auto", "voice", "music"] = "auto"
    dtx: bool = False
    expected_loss: float | None = Field(None, ge=0, le=1)


class Playout(Parameters):
    """When a frame is played; see `testbed.playout`."""

    policy: str
    delay_ms: float | None = None


class Scenario(Parameters):
    """Everything that a run does."""

    name: str
    about: str = ""
    speech: Speech
    codec: Codec
    schemes: list[SchemeSpec]
    channel: list[StageSpec]
    playout: Playout
    realizations: int = Field(1, ge=1)
    seed: int = Field(0, ge=0)
    sweep: dict[str, list[Any]] = Field(default_factory=dict)
    metrics: list[str]


class Point(Parameters):
    """One combination of swept parameters: a scenario without a sweep."""

    index: int
    parameters: dict[str, Any]
    scenario: Scenario


def load_scenario(path_or_name: str, overrides: list[str]) -> "Scenario":
    """Read, override and validate."""
    raise NotImplementedError


def points(scenario: Scenario) -> list[Point]:
    """Expand the sweep."""
    raise NotImplementedError


def folder(path: Path) -> Path:
    return path
