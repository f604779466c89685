"""Stats objects of WebRTC over time: the shape to which dumps and `getStats()` series are read.

W3C, "Identifiers for WebRTC's Statistics API". The names before it (Chromium's ``goog...``) become its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from testbed.errors import ChannelError

LARGEST = 2.0**53
"""Largest number that is believed: the largest whole number that JavaScript counts to."""
_EPOCH_MS, _EPOCH_US = 1e11, 1e14
"""Least time stamp that is ms, or us, since 1970."""
_SECONDS_STEP, _US_STEP = 20.0, 3e5
"""Reports are seldom closer than 20 ms or farther apart than 5 min."""

Point = tuple[float, object]
"""A time, in any unit, and a value."""


@dataclass
class StatsSeries:
    """One stats object over time.

    Attributes
    ----------
    connection
        Its peer connection; "" where that is not told.
    id
        Its id.
    type
        Its type, as ``"inbound-rtp"``.
    points
        Points of each member, in order of time.
    """

    connection: str
    id: str
    type: str
    points: dict[str, list[Point]] = field(default_factory=dict)

    def add(self, name: str, time: float, value: object) -> None:
        """Append a value of a member."""
        self.points.setdefault(name, []).append((time, value))

    def last(self, name: str) -> object:
        """Return the last value of a member; None if there is none."""
        return next((value for _, value in reversed(self.points.get(name, [])) if value is not None), None)

    def numbers(self, *names: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and values of the first member that has numbers; values that are none are left out."""
        for name in names:
            found = {
                time: number
                for time, value in self.points.get(name, [])
                if (number := as_number(value)) is not None
            }
            if found:
                times = sorted(found)
                return np.array(times), np.array([found[time] for time in times])
        return np.empty(0), np.empty(0)


def json_of(text: str | bytes, where: str) -> object:
    """Return the value of JSON.

    Raises
    ------
    ChannelError
        It is not JSON, or too deeply nested; the message names place and reason.
    """
    try:
        return from_json(text, allow_inf_nan=True)
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"{where}: is not whole JSON: {error}") from None


def as_number(value: object) -> float | None:
    """Return a finite number of plausible size, also from text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and abs(number) <= LARGEST else None


def as_time(value: object) -> float | None:
    """Return a time stamp as a number: of any unit, or an ISO date in ms since 1970; None for all else."""
    number = as_number(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        return datetime.fromisoformat(value).timestamp() * 1000
    except (ValueError, OverflowError):
        return None


def in_ms(series: Iterable[StatsSeries]) -> list[StatsSeries]:
    """Return series with times in ms, whatever their unit: s, ms or us, since 1970 or since any start."""
    all_series = list(series)
    if all_series:
        scale = _unit(all_series)
        for each in all_series:
            each.points = {
                name: sorted(((time * scale, value) for time, value in points), key=lambda point: point[0])
                for name, points in each.points.items()
            }
    return all_series


def _unit(series: list[StatsSeries]) -> float:
    """Return the unit of times, in ms, by their size or, if they count from another start, their distance."""
    longest = max((points for each in series for points in each.points.values()), key=len, default=[])
    times = np.array([time for time, _ in longest])
    if not len(times):
        return 1.0
    if times.max() >= _EPOCH_MS:
        steps = np.diff(np.unique(times))
        is_us = times.max() >= _EPOCH_US or (len(steps) and float(np.median(steps)) >= _US_STEP)
        return 1e-3 if is_us else 1.0
    steps = np.diff(np.unique(times))
    step = float(np.median(steps)) if len(steps) else 1000.0
    return 1000.0 if step < _SECONDS_STEP else 1e-3 if step >= _US_STEP else 1.0


def with_todays_names(series: Iterable[StatsSeries]) -> list[StatsSeries]:
    """Return series with the types, members and units of today's `getStats()`."""
    return [new for old in series for new in _renamed(old)]


def _renamed(old: StatsSeries) -> list[StatsSeries]:
    if old.type in ("inbound-rtp", "inboundrtp") and old.last("isRemote") is True:
        return [StatsSeries(old.connection, old.id, "remote-inbound-rtp", old.points)]
    if old.type == "ssrc" and old.id.endswith("_recv"):
        return [_as(old, "inbound-rtp", _RECEIVED)]
    if old.type == "ssrc":
        heard = _as(old, "remote-inbound-rtp", _REPORTED)
        heard.id += "_remote"
        return [_as(old, "outbound-rtp", _SENT), heard]
    if old.type == "googCandidatePair":
        return [_as(old, "candidate-pair", _PAIR)]
    if old.type == "VideoBwe":
        return [_as(old, "candidate-pair", _BANDWIDTH)]
    return [old]


def _same(value: object) -> object:
    return value


def _seconds(value: object) -> object:
    number = as_number(value)
    return None if number is None or number < 0 else number / 1000


def _truth(value: object) -> object:
    return value in (True, "true")


_Renaming = dict[str, tuple[str, Callable[[object], object]]]
_STREAM: _Renaming = {name: (name, _same) for name in ("ssrc", "mediaType", "googTrackId", "packetsLost")}
_RECEIVED: _Renaming = {
    **_STREAM,
    **{name: (name, _same) for name in ("packetsReceived", "bytesReceived")},
    "googJitterReceived": ("jitter", _seconds),
}
_SENT: _Renaming = {**_STREAM, **{name: (name, _same) for name in ("packetsSent", "bytesSent")}}
_REPORTED: _Renaming = {
    **_STREAM,
    "googJitterReceived": ("jitter", _seconds),
    "googRtt": ("roundTripTime", _seconds),
}
_PAIR: _Renaming = {
    "googRtt": ("currentRoundTripTime", _seconds),
    "googActiveConnection": ("nominated", _truth),
    "bytesReceived": ("bytesReceived", _same),
}
_BANDWIDTH: _Renaming = {"googAvailableSendBandwidth": ("availableOutgoingBitrate", _same)}


def _as(old: StatsSeries, kind: str, names: _Renaming) -> StatsSeries:
    new = StatsSeries(old.connection, old.id, kind)
    for name, (new_name, changed) in names.items():
        if name in old.points:
            new.points[new_name] = [(time, changed(value)) for time, value in old.points[name]]
    return new
