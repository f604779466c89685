"""Dumps of Chromium's page chrome://webrtc-internals: each member of each stats object over time.

``PeerConnections``, then the connection, ``stats`` and ``ID-MEMBER`` has ``values``, a list as a string of
JSON, with ``startTime`` and ``endTime``. Since Chromium 117, ``ID-timestamp`` has the time of each value;
before, values are evenly spaced. The page keeps the last 1000 values.
"""

from collections.abc import Iterator, Mapping

from testbed.channels.recordings.kind import plain
from testbed.errors import ChannelError
from testbed.traces.stats_series import Point, StatsSeries, as_time, in_ms, json_of, with_todays_names

_MEMBERS = frozenset(
    {
        "availableIncomingBitrate",
        "availableOutgoingBitrate",
        "bytesReceived",
        "bytesSent",
        "concealmentEvents",
        "currentRoundTripTime",
        "fecPacketsReceived",
        "framesDecoded",
        "googActiveConnection",
        "googAvailableSendBandwidth",
        "googJitterReceived",
        "googRtt",
        "googTrackId",
        "isRemote",
        "jitter",
        "kind",
        "mediaType",
        "mid",
        "nominated",
        "packetsLost",
        "packetsReceived",
        "packetsSent",
        "roundTripTime",
        "selected",
        "selectedCandidatePairId",
        "ssrc",
        "trackId",
        "trackIdentifier",
    }
)
"""Members that are read: a dump holds many more."""


def series_of(content: bytes, where: str) -> list[StatsSeries]:
    """Return the stats objects of a dump.

    Raises
    ------
    ChannelError
        It is not such a dump; the message names `where`.
    """
    dump = json_of(plain(content), where)
    connections = dump.get("PeerConnections") if isinstance(dump, Mapping) else None
    if not isinstance(connections, Mapping):
        raise ChannelError(f"{where}: has no PeerConnections: it is not a dump of webrtc-internals")
    found: list[StatsSeries] = []
    for name, connection in connections.items():
        stats = connection.get("stats") if isinstance(connection, Mapping) else None
        if isinstance(stats, Mapping):
            found += _of_connection(str(name), stats, where)
    if not found:
        raise ChannelError(
            f"{where}: its {len(connections)} peer connections have no stats: open chrome://webrtc-internals "
            "before the call, and create the dump before it ends"
        )
    return with_todays_names(in_ms(found))


def _of_connection(connection: str, stats: Mapping[str, object], where: str) -> Iterator[StatsSeries]:
    found: dict[str, StatsSeries] = {}
    times_of: dict[str, list[float | None]] = {}
    for key, entry in stats.items():
        identity, _, member = key.rpartition("-")
        if member not in _MEMBERS or not identity or not isinstance(entry, Mapping):
            continue
        if identity not in found:
            found[identity] = StatsSeries(connection, identity, str(entry.get("statsType", "")))
            stamps = stats.get(f"{identity}-timestamp")
            values = _values(stamps, f"{where}: {identity}-timestamp") if isinstance(stamps, Mapping) else []
            times_of[identity] = [as_time(value) for value in values]
        values = _values(entry, f"{where}: {key}")
        found[identity].points[member] = list(_points(values, times_of[identity], entry))
    return iter(found.values())


def _values(entry: Mapping[str, object], where: str) -> list[object]:
    values = entry.get("values", "[]")
    if isinstance(values, str):
        values = json_of(values, where)
    if not isinstance(values, list):
        raise ChannelError(f"{where}: its values are not a list")
    return values


def _points(values: list[object], stamps: list[float | None], entry: Mapping[str, object]) -> Iterator[Point]:
    """Yield values with their times: the time stamps, or even steps from the start to the end."""
    if len(stamps) >= len(values):
        # A member that began after the object has the last of its times.
        for stamp, value in zip(stamps[len(stamps) - len(values) :], values, strict=True):
            if stamp is not None:
                yield stamp, value
        return
    start, end = as_time(entry.get("startTime")), as_time(entry.get("endTime"))
    if start is None or end is None:
        return
    step = (end - start) / max(1, len(values) - 1)
    for place, value in enumerate(values):
        yield start + place * step, value
