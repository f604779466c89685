"""The network, the receiver and the speech of a run in a few words."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from testbed.reports import labels
from testbed.speakers import known_speakers
from testbed.words import counted

UNLIMITED = "receiver waits without limit"
NOT_RECORDED = "receiver not recorded"
ADAPTIVE, OFFLINE = "adaptive", "offline"
_TELLING = ("preset", "late")
"""Keys of an adaptive receiver that say most about it."""
_WAITS = {"buffer_ms": "buffers {} ms", "delay_ms": "plays {} ms after sending"}
_NOISES = {
    "none": "no noise",
    "white": "white noise",
    "pink": "pink noise",
    "music": "music",
    "babble": "babble",
}
_REPLAYED = {"recorded": "recording", "link": "link of trace"}


def facts(manifest: Mapping[str, Any], point: Mapping[str, Any] | None = None) -> list[str]:
    """Return the stages of the network, in their order, and the waiting time of the receiver.

    Parameters
    ----------
    point
        Values of the swept keys; None: all values of each key.
    """
    scenario = manifest.get("scenario") or {}
    found = []
    for index, stage in enumerate(scenario.get("channel") or ()):
        for name, parameters in stage.items() if isinstance(stage, Mapping) else ():
            keys = (f"channel.{name}", f"channel.{index}", f"channel.{index}.{name}")
            found.append(_stage(name, _swept(manifest, keys, parameters, point)))
    return [*found, receiver(manifest, point)]


def speech(manifest: Mapping[str, Any], clips: Collection[str]) -> str:
    """Return the number of clips, of their speakers where some have several, and what is mixed into them."""
    said = counted(len(clips), "clip")
    if speakers := known_speakers(manifest, clips):
        said += f" of {counted(len(set(speakers.values())), 'speaker')}"
    mixed = _mixed(_swept(manifest, ("speech",), (manifest.get("scenario") or {}).get("speech"), None))
    return f"{said} with {' and '.join(mixed)}" if mixed else said


def _mixed(parameters: Mapping[str, Any]) -> list[str]:
    """Return in words what the key `speech` mixes into clips: noise, talkers."""
    noises = [
        _NOISES.get(each, "recorded noise") if isinstance(each, str) else "recorded noise"
        for each in _several(parameters.get("noise"))
        if each is not None
    ]
    said = []
    if set(noises) - {_NOISES["none"]}:
        said.append(f"{_many(tuple(dict.fromkeys(noises)))} at {_many(parameters.get('snr_db'))} dB SNR")
    if any(each != 1 for each in _several(parameters.get("talkers", 1))):
        said.append(f"{_many(parameters['talkers'])} talkers")
    return said


def receiver(manifest: Mapping[str, Any], point: Mapping[str, Any] | None = None) -> str:
    """Return the waiting time of the receiver in words."""
    playouts = _playouts(manifest, point)
    said = []
    for key, words in _WAITS.items():
        values = [each for playout in playouts for each in _several(playout.get(key)) if each is not None]
        if values:
            said.append(words.format(_many(tuple(values))))
    found = policies(manifest, point)
    if ADAPTIVE in found:
        said.append(_adapts([each for each in playouts if ADAPTIVE in _several(each.get("policy"))]))
    said += [f"is {policy}" for policy in found if policy not in ("fixed", OFFLINE, ADAPTIVE)]
    if OFFLINE in found:
        said.append("waits without limit")
    return f"receiver {' or '.join(said)}" if said else NOT_RECORDED


def policies(manifest: Mapping[str, Any], point: Mapping[str, Any] | None = None) -> list[str]:
    """Return the playout policies at a point, of which there is one, or at all points; those recorded."""
    given = (each for playout in _playouts(manifest, point) for each in _several(playout.get("policy")))
    return list(dict.fromkeys(str(each) for each in given if each is not None))


def _playouts(manifest: Mapping[str, Any], point: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the receivers of the scenario, with the values of swept keys as of `_swept`."""
    scenario = manifest.get("scenario") or {}
    whole = _values(manifest, point).get("playout", (scenario.get("playout"),))
    return [_swept(manifest, ("playout",), _mapping(each), point) for each in whole]


def _adapts(playouts: Sequence[Mapping[str, Any]]) -> str:
    """Return ``adapts (preset signal, late splice)`` for adaptive receivers, or the number of settings."""
    settings = {
        ", ".join(
            labels.value(key, _many(tuple(map(labels.alone, _several(playout[key])))))
            for key in _TELLING
            if playout.get(key) is not None
        )
        for playout in playouts
    }
    only = settings.pop() if len(settings) == 1 else f"{len(settings)} settings"
    return f"adapts ({only})" if only else "adapts"


def _stage(name: str, parameters: Mapping[str, Any]) -> str:
    def given(key: str) -> str | None:
        return None if parameters.get(key) is None else _many(parameters[key])

    if name == "loss" and parameters.get("rate") is not None:
        burst = given("mean_burst_packets")
        return f"{_many(parameters['rate'], 100)} % loss" + (f" in bursts of {burst}" if burst else "")
    if name == "measured":
        intervals = parameters.get("intervals")
        several = intervals if isinstance(intervals, list) else []
        lengths_ms = [_mapping(each).get("duration_ms") for each in several]
        total_ms = sum(each for each in lengths_ms if isinstance(each, int | float))
        return f"network measured for {total_ms / 1000:.0f} s"
    for stage, key, words in (
        ("delay", "constant_ms", "{} ms delay"),
        ("jitter", "std_ms", "{} ms of jitter"),
        ("link", "rate_kbps", "{} kb/s link"),
    ):
        if name == stage and (shown := given(key)):
            return words.format(shown)
    file = parameters.get("file") or parameters.get("trace")
    if file is not None:
        files = " or ".join(PurePath(str(each)).name for each in _several(file))
        return f"{_REPLAYED.get(name, name)} {files}"
    return f"{model} {name}" if (model := given("model")) else name.replace("_", " ")


def _swept(
    manifest: Mapping[str, Any], keys: Sequence[str], parameters: Any, point: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return parameters with the point's values of swept keys, or tuples of all their values."""
    found = _mapping(parameters)
    for swept, values in _values(manifest, point).items():
        owner, _, key = swept.rpartition(".")
        if owner in keys:
            found[key] = values if point is None else values[0]
    return found


def _values(manifest: Mapping[str, Any], point: Mapping[str, Any] | None) -> dict[str, tuple[Any, ...]]:
    """Return the values of each swept key, at one point or at all points."""
    points = (manifest.get("points") or ()) if point is None else (point,)
    return {
        str(key): tuple(dict.fromkeys(each[key] for each in points if key in each))
        for key in (points[0] if points else ())
    }


def _mapping(thing: Any) -> dict[str, Any]:
    """Return a mapping as a dict; a point holds a swept mapping as JSON."""
    if isinstance(thing, str):
        try:
            thing = json.loads(thing)
        except ValueError:
            return {}
    return dict(thing) if isinstance(thing, Mapping) else {}


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _many(value: Any, factor: float = 1) -> str:
    """Return ``40``, for several values ``60, 120 or 250``, for many ``40 to 1000``."""
    values = _several(value)
    shown = [f"{factor * each:.4g}" if labels.is_number(each) else str(each) for each in values]
    if len(values) > 4 and all(labels.is_number(each) for each in values):
        return f"{factor * min(values):.4g} to {factor * max(values):.4g}"
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
