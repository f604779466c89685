"""Recordings from RTP packets and RTP packets from recordings, for all packet formats."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.errors import ChannelError
from testbed.traces.capture_points import joined
from testbed.traces.contents import Contents
from testbed.traces.datagram import Datagram
from testbed.traces.format import StreamChoice
from testbed.traces.recording import Recording
from testbed.traces.rtp_choice import chosen
from testbed.traces.rtp_clock import clock_of
from testbed.traces.rtp_recording import recording_of
from testbed.traces.rtp_stream import RtpStream, streams

SSRC = 0x7E57BED


def streams_of(datagrams: Iterable[Datagram], where: str, contents: Contents) -> list[RtpStream]:
    """Return the RTP streams of a capture, at least one of them plausible.

    Raises
    ------
    ChannelError
        There is none; the message names the packets there are.
    """
    found = joined(streams(datagrams))
    if not any(stream.plausible() for stream in found):
        if mixed := next((stream for stream in found if stream.is_mixed()), None):
            raise ChannelError(
                f"{where}: has several senders under one SSRC on one way, {mixed}: their packets cannot be "
                "distinguished; capture before they are mixed"
            )
        raise ChannelError(f"{where}: holds no RTP stream over UDP, but {contents}")
    return found


def recording_from(
    datagrams: Iterable[Datagram], choice: StreamChoice, where: str, contents: Contents
) -> Recording:
    """Return the recording of the chosen stream, or of the only one.

    Parameters
    ----------
    datagrams
        In the order of arrival.
    choice
        The stream.
    where
        The file's name, for errors.
    contents
        Counts of the file's packets, updated while the datagrams are read.

    Raises
    ------
    ChannelError
        There is no such stream, or several; the message lists them.
    """
    found = streams_of(datagrams, where, contents)
    stream = chosen(found, choice.ssrc, where, choice.way)
    clock_hz = choice.clock_hz or clock_of(stream, where)
    recording = recording_of(stream, clock_hz, where, is_given=choice.clock_hz is not None)
    about = f"RTP stream {stream}, timestamps at {clock_hz} Hz"
    return replace(recording, notes=(about, *contents.lines(), *recording.notes))


def received(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield time of arrival in ns, from 0 on, and the bytes of each packet that arrived, in that order.

    Packets that were never captured become RTP headers without a payload: they carry the sequence number and
    the time of sending on the 48 kHz clock.
    """
    send_ns, delay_ns = recording.times("a capture of packets")
    start_ns = int(send_ns[0])
    for index in recording.arrival_order().tolist():
        sent_ns = int(send_ns[index]) - start_ns
        if recording.rtp is not None:
            rtp = recording.rtp[index]
        else:
            ticks = round(sent_ns * CLOCK_HZ / 10**9)
            rtp = RtpPacket(OPUS_PAYLOAD_TYPE, index & 0xFFFF, ticks & 0xFFFFFFFF, SSRC, b"").serialize()
        yield sent_ns + int(delay_ns[index]), rtp
