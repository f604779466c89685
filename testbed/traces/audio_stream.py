"""The audio stream of a call whose statistics become a network: which one, and what is known of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from testbed.errors import ChannelError
from testbed.traces.stats_series import StatsSeries, as_number

Quantity = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times in ms, and values."""
MOST_LISTED = 20
"""Most streams that a message lists."""
_NONE: Quantity = (np.empty(0), np.empty(0))


@dataclass(frozen=True)
class AudioStream:
    """An audio stream over time, at the end that counted.

    Attributes
    ----------
    way
        ``"received"`` here, or ``"sent"`` from here, as the other end reported.
    ssrc
        Its SSRC; None where that is not told.
    name
        Its name, for people.
    packets
        Number of packets received, or sent, so far.
    lost
        Number of packets lost so far, by RFC 3550: it decreases with duplicates and late packets.
    jitter_s, rtt_s
        Interarrival jitter by RFC 3550, and round-trip time, in s.
    octets
        Bytes received, or sent, so far.
    available_bps
        The sender's estimate of the bitrate that the path carries.
    concealments
        Number of concealments so far.
    repaired
        Whether packets for repair (FEC or RED) arrived, so that losses were not all concealed.
    """

    way: Literal["received", "sent"]
    ssrc: int | None
    name: str
    packets: Quantity
    lost: Quantity
    jitter_s: Quantity
    rtt_s: Quantity
    octets: Quantity
    available_bps: Quantity
    concealments: Quantity
    repaired: bool

    def __str__(self) -> str:
        ssrc = "without SSRC" if self.ssrc is None else f"SSRC {self.ssrc}"
        count = int(np.ptp(self.packets[1])) if len(self.packets[1]) else 0
        return f"{ssrc}: {self.way}, {count} packets ({self.name})"


def chosen_stream(series: Sequence[StatsSeries], ssrc: int | None, where: str) -> AudioStream:
    """Return the audio stream, of an SSRC if one is given: the one received or, if none is, the one sent.

    Raises
    ------
    ChannelError
        There is no such stream, or more than one; the message lists them.
    """
    streams = [stream for stream in audio_streams(series) if np.ptp(stream.packets[1]) > 0]
    if not streams:
        raise ChannelError(
            f"{where}: has no audio stream whose packets were counted twice or more: it needs reports over "
            "time with inbound-rtp, or outbound-rtp and remote-inbound-rtp"
        )
    listed = "; ".join(map(str, streams[:MOST_LISTED]))
    if len(streams) > MOST_LISTED:
        listed += f"; and {len(streams) - MOST_LISTED} more"
    if ssrc is not None:
        streams = [stream for stream in streams if stream.ssrc == ssrc]
        if not streams:
            raise ChannelError(f"{where}: has no audio stream of SSRC {ssrc}; it has {listed}")
    received = [stream for stream in streams if stream.way == "received"]
    candidates = received or streams
    if len(candidates) > 1:
        raise ChannelError(f"{where}: has several audio streams: choose one with --ssrc; it has {listed}")
    return candidates[0]


def audio_streams(series: Sequence[StatsSeries]) -> Iterator[AudioStream]:
    """Yield each audio stream of which packets and losses were counted."""
    connections: dict[str, list[StatsSeries]] = {}
    for each in series:
        connections.setdefault(each.connection, []).append(each)
    for members in connections.values():
        connection = _Connection.of(members)
        for each in filter(_is_audio, members):
            if each.type in ("inbound-rtp", "inboundrtp"):
                stream = _received(each, connection)
            elif each.type in ("outbound-rtp", "outboundrtp"):
                stream = _sent(each, connection)
            else:
                continue
            if len(stream.packets[0]) and len(stream.lost[0]):
                yield stream


@dataclass(frozen=True)
class _Connection:
    """What a peer connection tells beside its streams, found once: a dump may hold thousands of streams.

    Attributes
    ----------
    pair
        The candidate pair in use.
    round_trip_s
        The round-trip time that the other end reported first.
    available_bps
        The first estimate of the bitrate that may be sent.
    tracks
        The tracks by id.
    reports
        The first report of the other end on each SSRC.
    """

    pair: StatsSeries
    round_trip_s: Quantity
    available_bps: Quantity
    tracks: Mapping[str, StatsSeries]
    reports: Mapping[int | None, StatsSeries]

    @classmethod
    def of(cls, series: Sequence[StatsSeries]) -> "_Connection":
        """Return what the stats objects of a connection tell."""
        pair = _pair(series)
        heard = [each for each in series if each.type in ("remote-inbound-rtp", "remote-outbound-rtp")]
        estimate = next((each for each in series if "availableOutgoingBitrate" in each.points), pair)
        reports = [each for each in series if each.type == "remote-inbound-rtp"]
        return cls(
            pair=pair,
            round_trip_s=_first(_NONE, *(each.numbers("roundTripTime") for each in heard)),
            available_bps=estimate.numbers("availableOutgoingBitrate"),
            tracks={each.id: each for each in reversed(series) if each.type == "track"},
            reports={_ssrc(each): each for each in reversed(reports)},
        )


def _is_audio(series: StatsSeries) -> bool:
    kind = series.last("kind") or series.last("mediaType")
    if kind is None:
        return "video" not in series.id.lower() and "framesDecoded" not in series.points
    return kind == "audio"


def _received(stream: StatsSeries, connection: _Connection) -> AudioStream:
    pair = connection.pair
    track = connection.tracks.get(str(stream.last("trackId")), stream)
    holder = stream if "concealmentEvents" in stream.points else track
    return AudioStream(
        way="received",
        ssrc=_ssrc(stream),
        name=_name(stream),
        packets=stream.numbers("packetsReceived"),
        lost=stream.numbers("packetsLost"),
        jitter_s=stream.numbers("jitter"),
        rtt_s=_first(pair.numbers("currentRoundTripTime"), connection.round_trip_s),
        octets=stream.numbers("bytesReceived"),
        available_bps=pair.numbers("availableIncomingBitrate"),
        concealments=holder.numbers("concealmentEvents"),
        repaired=bool(as_number(stream.last("fecPacketsReceived"))),
    )


def _sent(stream: StatsSeries, connection: _Connection) -> AudioStream:
    pair = connection.pair
    nothing = StatsSeries(stream.connection, "", "remote-inbound-rtp")
    reported = connection.reports.get(_ssrc(stream), nothing)
    return AudioStream(
        way="sent",
        ssrc=_ssrc(stream),
        name=_name(stream),
        packets=stream.numbers("packetsSent"),
        lost=reported.numbers("packetsLost"),
        jitter_s=reported.numbers("jitter"),
        rtt_s=_first(reported.numbers("roundTripTime"), pair.numbers("currentRoundTripTime")),
        octets=stream.numbers("bytesSent"),
        available_bps=_first(pair.numbers("availableOutgoingBitrate"), connection.available_bps),
        concealments=_NONE,
        repaired=False,
    )


def _pair(series: Sequence[StatsSeries]) -> StatsSeries:
    """Return the candidate pair in use: named by the transport, else nominated; the busiest of several."""
    pairs = [each for each in series if each.type == "candidate-pair"]
    wanted = {each.last("selectedCandidatePairId") for each in series if each.type == "transport"}
    named = [each for each in pairs if each.id in wanted]
    nominated = [each for each in pairs if each.last("nominated") is True or each.last("selected") is True]
    busiest = max(
        named or nominated or pairs, key=lambda each: as_number(each.last("bytesReceived")) or 0, default=None
    )
    return busiest or StatsSeries("", "", "candidate-pair")


def _first(*quantities: Quantity) -> Quantity:
    return next((each for each in quantities if len(each[0])), quantities[0])


def _ssrc(series: StatsSeries) -> int | None:
    number = as_number(series.last("ssrc"))
    return None if number is None else int(number)


def _name(series: StatsSeries) -> str:
    known = (series.last(name) for name in ("mid", "trackIdentifier", "googTrackId"))
    words = [str(word)[:40] for word in known if word not in (None, "")]
    return " ".join(" ".join([f"id {series.id[:60]}", *words[:1]]).split())
