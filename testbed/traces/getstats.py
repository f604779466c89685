"""Series of WebRTC's `getStats()`: a JSON array or lines of JSON, each a report or one stats object.

A report is a list of stats objects or a mapping of them by id, also inside other objects: whatever has a
``type`` of the W3C's list, an ``id`` and a ``timestamp`` is a stats object, wherever it stands. A line of
rtcstats, ``["getstats", CONNECTION, REPORT, TIME]``, may hold only what changed since the one before.
"""

from collections.abc import Iterator, Mapping

from testbed.channels.recordings.kind import plain
from testbed.errors import ChannelError
from testbed.traces.stats_series import StatsSeries, as_time, in_ms, json_of, with_todays_names

_TYPES = frozenset(
    {
        "VideoBwe",
        "candidate-pair",
        "codec",
        "googCandidatePair",
        "inbound-rtp",
        "inboundrtp",
        "outbound-rtp",
        "outboundrtp",
        "remote-inbound-rtp",
        "remote-outbound-rtp",
        "ssrc",
        "track",
        "transport",
    }
)
_DEPTH = 6
"""Number of lists and mappings around a stats object, at most."""


def series_of(content: bytes, where: str) -> list[StatsSeries]:
    """Return the stats objects of a series of reports.

    Raises
    ------
    ChannelError
        It is not JSON, or holds no stats objects; the message names `where`.
    """
    found: dict[tuple[str, str], StatsSeries] = {}
    for record in _whole(_records(plain(content), where)):
        for connection, stats, stamp in _stats_in(record, "", None, _DEPTH):
            time = as_time(stats.get("timestamp", stamp))
            if time is None:
                continue
            identity, kind = str(stats.get("id", stats.get("ssrc", ""))), str(stats["type"])
            one = found.setdefault((connection, identity), StatsSeries(connection, identity, kind))
            for name, value in stats.items():
                if isinstance(value, bool | int | float | str):
                    one.add(name, time, value)
    if not found:
        raise ChannelError(
            f"{where}: is JSON without stats objects, which have type (as inbound-rtp), id and timestamp; "
            "give what getStats() returned, a report per line"
        )
    return with_todays_names(in_ms(found.values()))


def _records(content: bytes, where: str) -> Iterator[object]:
    """Yield each report: the lines of a file of several lines that are whole, or all of it."""
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]
    if len(lines) < 2 or not _is_whole(lines[0][1]):
        yield json_of(content, where)
        return
    for number, line in lines:
        # A logger that was stopped leaves its last line unfinished.
        if number == lines[-1][0] and not _is_whole(line):
            return
        yield json_of(line, f"{where}:{number}")


def _whole(records: Iterator[object]) -> Iterator[object]:
    """Yield records, those of rtcstats with what did not change."""
    known: dict[str, dict[str, dict[str, object]]] = {}
    for record in records:
        if not (isinstance(record, list) and len(record) > 2 and record[0] in ("getstats", "getStats")):
            yield record
            continue
        connection, changes = str(record[1]), record[2]
        stats = known.setdefault(connection, {})
        for identity, changed in changes.items() if isinstance(changes, Mapping) else ():
            if isinstance(changed, Mapping):
                stamp = changed.get("timestamp") or changes.get("timestamp", record[-1])
                stats.setdefault(identity, {"id": identity}).update(changed, timestamp=stamp)
        yield {connection: list(stats.values())}


def _is_whole(line: bytes) -> bool:
    try:
        return bool(json_of(line, "") or True)
    except ChannelError:
        return False


def _stats_in(
    value: object, connection: str, stamp: object, depth: int
) -> Iterator[tuple[str, Mapping[str, object], object]]:
    """Yield each stats object in a value, with its connection and the time stamp around it."""
    if isinstance(value, Mapping):
        kind = value.get("type")
        if isinstance(kind, str) and kind in _TYPES:
            yield connection, value, stamp
            return
        stamp = next((value[name] for name in ("timestamp", "time", "ts") if name in value), stamp)
        inner = list(value.values())
    else:
        inner = value if isinstance(value, list) else []
    if depth:
        for each in inner:
            yield from _stats_in(each, connection, stamp, depth - 1)
