"""Statistics of made calls, as the files that browsers and loggers write of them."""

import json
from typing import NamedTuple

EPOCH_MS = 1_700_000_000_000.0


class Counted(NamedTuple):
    """Counters of a received stream at a time."""

    time_ms: float
    received: int | None
    lost: int | None
    jitter_s: float | None = None
    octets: int = 0
    concealments: int | None = None
    rtt_s: float | None = None


def report_of(count: Counted, ssrc: int = 77, kind: str = "audio") -> dict[str, dict[str, object]]:
    """One report: the stream and the candidate pair, by id."""
    stamp = EPOCH_MS + count.time_ms
    members = {
        "packetsReceived": count.received,
        "packetsLost": count.lost,
        "jitter": count.jitter_s,
        "bytesReceived": count.octets,
        "concealmentEvents": count.concealments,
    }
    told = {name: value for name, value in members.items() if value is not None}
    about = {"kind": kind, "ssrc": ssrc, "timestamp": stamp}
    report: dict[str, dict[str, object]] = {
        f"IT01A{ssrc}": {"id": f"IT01A{ssrc}", "type": "inbound-rtp", **about, **told}
    }
    if count.rtt_s is not None:
        pair = {"nominated": True, "currentRoundTripTime": count.rtt_s, "timestamp": stamp}
        report["CP1"] = {"id": "CP1", "type": "candidate-pair", **pair}
    return report


def lines_of(counts: list[Counted], ssrc: int = 77, kind: str = "audio") -> bytes:
    """A logger's file: a line of JSON per report."""
    return b"".join(json.dumps(report_of(count, ssrc, kind)).encode() + b"\n" for count in counts)


def reports_of(counts: list[Counted], ssrc: int = 77, kind: str = "audio") -> bytes:
    """A list of reports, each a list of stats objects, on several lines."""
    return json.dumps([list(report_of(count, ssrc, kind).values()) for count in counts], indent=1).encode()


def dump_of(counts: list[Counted], with_times: bool = True, ssrc: int = 77, kind: str = "audio") -> bytes:
    """A dump of webrtc-internals; without times of its own, as before Chromium 117."""
    series: dict[str, list[object]] = {}
    types = {}
    for count in counts:
        for identity, stats in report_of(count, ssrc, kind).items():
            types[identity] = stats["type"]
            for name, value in stats.items():
                if name not in ("id", "type") and (with_times or name != "timestamp"):
                    series.setdefault(f"{identity}-{name}", []).append(value)
    stats = {
        key: {
            "startTime": _iso(counts[-len(values)].time_ms),
            "endTime": _iso(counts[-1].time_ms),
            "statsType": types[key.rpartition("-")[0]],
            "values": json.dumps(values),
        }
        for key, values in series.items()
    }
    connection = {"pid": 7, "url": "https://example.org", "stats": stats, "updateLog": []}
    return json.dumps({"getUserMedia": [], "PeerConnections": {"7-1": connection}}).encode()


def _iso(time_ms: float) -> str:
    seconds, milliseconds = divmod(round(time_ms), 1000)
    return f"2026-01-01T10:{seconds // 60:02}:{seconds % 60:02}.{milliseconds:03}Z"
