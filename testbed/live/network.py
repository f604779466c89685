"""The network of a live call: the stages of both ways, read from a scenario or from a channel alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from testbed.channels import StageSpec
from testbed.channels.realization import Realization
from testbed.errors import ScenarioError
from testbed.parameters import Parameters
from testbed.scenario.document import Document, read_document
from testbed.scenario.flow_scenario import DIRECTIONS, FlowScenario
from testbed.scenario.loading import AnyScenario, find_scenario, load_scenario, points
from testbed.scenario.messages import explain
from testbed.scenario.override import override

_OF_SCENARIOS = frozenset({"speech", "codec", "schemes", "playout", "metrics", "flows"})
"""Keys that every whole scenario has at least one of."""
_CHANNEL_KEYS = ("channel.", "reverse.", *(f"{direction}." for direction in DIRECTIONS))


class Way(StrEnum):
    """A way through the relay: from the caller to the callee, or back."""

    FORWARD = "forward"
    REVERSE = "reverse"


class ChannelFile(Parameters):
    """A file that holds a channel alone.

    Attributes
    ----------
    channel
        Stages from the caller to the callee.
    reverse
        Stages of the way back; default: those of `channel`, with random streams of their own.
    seed
        Seed of all random numbers.
    """

    channel: list[StageSpec]
    reverse: list[StageSpec] = Field(default_factory=list)
    seed: int = Field(0, ge=0, lt=2**63)


@dataclass(frozen=True)
class LiveNetwork:
    """The stages of both ways.

    Attributes
    ----------
    forward, reverse
        Stages of each way; without stages, packets pass at once.
    seed
        Seed of all random numbers.
    folder
        The folder that relative file names in stages are relative to.
    """

    forward: Sequence[StageSpec] = ()
    reverse: Sequence[StageSpec] = ()
    seed: int = 0
    folder: Path = Path()

    def realization(self, way: Way) -> Realization:
        """Return the stages of a way and their random streams, the same each time."""
        specs = self.forward if way is Way.FORWARD else self.reverse
        return Realization.of(specs, self.folder, self.seed, "live", way.value)

    def as_data(self) -> dict[str, Any]:
        """Return the network as plain data; see `from_data`."""
        return {
            "channel": [_plain(spec) for spec in self.forward],
            "reverse": [_plain(spec) for spec in self.reverse],
            "seed": self.seed,
            "folder": str(self.folder.absolute()),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "LiveNetwork":
        """Return the network that `as_data` describes."""
        given = {key: value for key, value in data.items() if key != "folder"}
        held = ChannelFile.model_validate(given)
        return cls(held.channel, held.reverse, held.seed, Path(data["folder"]))


def load_network(source: str | Path, both_ways: bool = False, overrides: Sequence[str] = ()) -> LiveNetwork:
    """Read the network of a live call.

    Parameters
    ----------
    source
        A scenario's file, the name of a packaged one, or a file with `channel:` alone.
    both_ways
        Whether packets on the way back meet stages, too: those of `reverse:`, or if there are none those of
        `channel:` with random streams of their own.
    overrides
        ``"key=value"`` each; see `testbed.scenario.loading.load_scenario`.

    Raises
    ------
    ScenarioError
        The file is not valid, or its sweep changes the channel.
    """
    path, label, folder = find_scenario(source)
    document = read_document(path, label, folder)
    if isinstance(document.data, dict) and not _OF_SCENARIOS & set(document.data):
        held = _channel_alone(document, overrides)
        channel, reverse, seed = held.channel, held.reverse, held.seed
    else:
        scenario = load_scenario(source, overrides)
        channel, reverse = _only_channel(scenario)
        seed = scenario.seed
    return LiveNetwork(channel, (reverse or channel) if both_ways else (), seed, document.folder)


def _channel_alone(document: Document, overrides: Sequence[str]) -> ChannelFile:
    for each in overrides:
        override(document, each)
    try:
        return ChannelFile.model_validate(document.data, context={"folder": document.folder})
    except ValidationError as error:
        raise ScenarioError("\n".join(explain(error, document))) from None


def _only_channel(scenario: AnyScenario) -> tuple[list[StageSpec], list[StageSpec]]:
    """Return the stages of both ways, the same at all points of a scenario."""
    every = points(scenario)
    channels = [_channels(point.scenario) for point in every]
    if any(each != channels[0] for each in channels):
        swept = (f"{key}={value}" for key, value in every[0].parameters.items())
        example = next((each for each in swept if each.startswith(_CHANNEL_KEYS)), "channel.loss.rate=0.1")
        raise ScenarioError(
            f"{scenario.source}: its sweep changes the channel, and a live call has one: "
            f"choose a value of each swept key, as in --set {example}"
        )
    return channels[0]


def _channels(scenario: AnyScenario) -> tuple[list[StageSpec], list[StageSpec]]:
    if isinstance(scenario, FlowScenario):
        return list(scenario.forward), list(scenario.backward)
    return scenario.channel, scenario.reverse


def _plain(spec: StageSpec) -> dict[str, Any]:
    return {spec.name: spec.parameters.model_dump(mode="json")}
