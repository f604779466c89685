"""The network of a recommendation: a scenario, stages, a recording, or statistics of a WebRTC call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.channels.recordings.kind import CAPACITY, CAPTURES
from testbed.errors import ChannelError, ScenarioError
from testbed.scenario.document import parse_value, read_document
from testbed.scenario.loading import FlowScenario, Scenario, load_scenario, points
from testbed.scenario.packaged import packaged_scenarios
from testbed.traces.fit import fit_losses
from testbed.traces.fit_yaml import best_first, stage
from testbed.traces.format import StreamChoice
from testbed.traces.formats import read, write
from testbed.traces.measured import not_said, stages
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.recording import Recording
from testbed.words import counted, nearest_name

CONVERTED = "network.csv"
"""Name of a capture's arrivals in the folder of the recommendation."""
_TAKEN = (
    *("speech", "codec", "channel", "other_calls", "reverse"),
    *("feedback", "congestion", "allocation", "seed", "limits"),
)
"""Keys of a scenario that describe its network and speech."""
_NAMES_OF_FILES = ("file", "trace")
_LEAST_PACKETS = 500
"""Packets of a recording below which realizations overlap much: ten seconds of speech."""


@dataclass(frozen=True)
class ReadNetwork:
    """A network, as keys of a scenario.

    Attributes
    ----------
    keys
        Keys of a scenario, `channel` among them; names of files are absolute.
    said
        Sentence about its source.
    notes
        Facts that the reader must know.
    """

    keys: Mapping[str, Any]
    said: str
    notes: tuple[str, ...] = ()


def read_network(
    given: str, folder: Path, is_fitted: bool = False, choice: StreamChoice | None = None
) -> ReadNetwork:
    """Read a network.

    Parameters
    ----------
    given
        A file, or the name of a packaged scenario.
    folder
        Folder for the arrivals of a capture.
    is_fitted
        Whether a loss model is fitted to a recording, which is replayed otherwise.
    choice
        The stream of a capture.

    Raises
    ------
    ScenarioError
        There is no such file, or it is no network.
    ChannelError
        The recording cannot be read.
    """
    path = Path(given)
    if path.is_dir():
        raise ScenarioError(f"{given}: is a folder; name a recording, a scenario or a dump in it")
    if not path.is_file() and given not in packaged_scenarios():
        near = nearest_name(given, [*packaged_scenarios(), *map(str, _beside(path))])
        hint = f"; did you mean {near}?" if near else ""
        raise ScenarioError(f"{given}: no such file, and no packaged scenario of that name{hint}")
    is_yaml = not path.is_file() or path.suffix.lower() in {".yaml", ".yml"}
    if is_yaml and is_fitted:
        raise ScenarioError(f"{given}: --fit is for recordings; this is a description of a network")
    return _described(given, path) if is_yaml else _recorded(path, folder, is_fitted, choice)


def _beside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*"))[:1000] if path.parent.is_dir() else []


def _described(given: str, path: Path) -> ReadNetwork:
    """Return the network of a scenario, or of stages alone."""
    data = read_document(path, given, path.parent).data if path.is_file() else {"schemes": []}
    is_channel = isinstance(data, dict) and set(data) == {"channel"}
    entries = data["channel"] if isinstance(data, dict) and is_channel else data
    if isinstance(entries, list):
        channel = _with_whole_names(entries, path.parent)
        return ReadNetwork({"channel": channel}, f"{given}: {_listed(channel)}")
    scenario = load_scenario(given)
    if isinstance(scenario, FlowScenario):
        raise ScenarioError(f"{given}: a flow study has no calls; give a scenario with a channel")
    return _of_scenario(given, scenario)


def _of_scenario(given: str, scenario: Scenario) -> ReadNetwork:
    all_points = points(scenario)
    point = all_points[len(all_points) // 2]
    data = point.scenario.document.data
    keys = {key: data[key] for key in _TAKEN if key in data}
    notes = []
    if point.parameters:
        at = ", ".join(f"{key} = {value}" for key, value in point.parameters.items())
        notes.append(f"of its {len(all_points)} points the middle one is taken: {at}")
    whole = _with_whole_names(keys, scenario.folder)
    return ReadNetwork(whole, f"{given}: channel, speech and codec of a scenario", tuple(notes))


def _recorded(path: Path, folder: Path, is_fitted: bool, choice: StreamChoice | None) -> ReadNetwork:
    kept_as, recorded = read(path, None, choice)
    notes = list(recorded.notes)
    if isinstance(recorded, MeasuredCall):
        if is_fitted:
            raise ScenarioError(f"{path}: --fit is for recordings of packets; statistics have none")
        how = "followed interval by interval"
        said = f"{path}: {kept_as.about}, {how}"
        return ReadNetwork({"channel": stages(recorded)}, said, (*notes, *not_said(recorded)))
    if is_fitted:
        if isinstance(recorded, DeliveryTrace):
            raise ChannelError(f"{path}: holds the capacity of a link; there are no losses to fit")
        model = best_first(fit_losses(recorded.lost))[0]
        if recorded.send_ns is not None:
            notes.append("the fitted model has the losses alone, without the delays of the recording")
        channel = parse_value(stage(model))
        return ReadNetwork({"channel": channel}, f"{path}: {kept_as.about}; {_listed(channel)}", tuple(notes))
    if isinstance(recorded, Recording):
        notes += _about_length(recorded)
    name = str(path.absolute())
    if kept_as.name in CAPTURES and isinstance(recorded, Recording):
        name = str((folder / CONVERTED).absolute())
        folder.mkdir(parents=True, exist_ok=True)
        notes += write(folder / CONVERTED, recorded)
    entry = {"link": {"trace": name}} if kept_as.name == CAPACITY else {"trace": {"file": name}}
    how = "replayed from a place that each realization draws"
    return ReadNetwork({"channel": [entry]}, f"{path}: {kept_as.about}, {how}", tuple(notes))


def _about_length(recorded: Recording) -> list[str]:
    if len(recorded) >= _LEAST_PACKETS:
        return []
    return [f"a short recording: its {len(recorded)} packets repeat in each call; --fit makes a model of it"]


def _with_whole_names(value: Any, folder: Path) -> Any:
    """Return parts of a scenario with absolute names of the files in `folder`."""
    if isinstance(value, list):
        return [_with_whole_names(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, each in value.items():
        if key in _NAMES_OF_FILES and isinstance(each, str) and (folder / each).is_file():
            made[key] = str((folder / each).absolute())
        elif key == "files" and isinstance(each, str | list):
            names = [each] if isinstance(each, str) else each
            made[key] = [str((folder / name).absolute()) if isinstance(name, str) else name for name in names]
        else:
            made[key] = _with_whole_names(each, folder)
    return made


def _listed(channel: list[Any]) -> str:
    """Return stages in a line: ``loss gilbert_elliott (rate 0.1, mean_burst_packets 5) + delay (...)``."""
    said = []
    for entry in channel:
        for name, values in entry.items() if isinstance(entry, dict) else [(str(entry), {})]:
            parts = dict(values) if isinstance(values, dict) else {}
            model = f" {parts.pop('model')}" if "model" in parts else ""
            inner = ", ".join(f"{key} {_shown(value)}" for key, value in parts.items())
            said.append(f"{name}{model}{f' ({inner})' if inner else ''}")
    return " + ".join(said) or "a network that does nothing"


def _shown(value: Any) -> str:
    return counted(len(value), "value") if isinstance(value, list | dict) else str(value)
