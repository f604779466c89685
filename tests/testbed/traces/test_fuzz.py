"""Every reader on thousands of damaged files: read or refused with the file's name, never anything else."""

import struct

import numpy as np
import pytest
from pydantic import TypeAdapter

from testbed.channels import StageSpec
from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.channels.recordings.kind import decide
from testbed.channels.recordings.parts import LOST
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ChannelError
from testbed.randomness import generator
from testbed.traces.format import StreamChoice
from testbed.traces.formats import FORMATS
from testbed.traces.measured import stages
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.skew import with_skew

from .ogg_files import ogg
from .stats_files import Counted, dump_of, lines_of, reports_of

MUTATIONS = 100_000
STAGE = TypeAdapter(StageSpec)
CALL = [Counted(1000 * second, 50 * second, second, 0.004) for second in range(4)]
LARGEST_GROWTH = 70_000
"""A few packets can claim gaps of sequence numbers, of which RTP has 65 536; nothing else grows."""


def rtp(number):
    return RtpPacket(0, 65535 + number & 0xFFFF, 160 * number, 7, b"ab").serialize()


def packet(number):
    udp = struct.pack(">HHHH", 1, 2, 22, 0) + rtp(number)
    return struct.pack(">BBHHHBBHII", 0x45, 0, 42, 0, 0, 9, 17, 0, 1, 2) + udp


def captured():
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 99, 101)
    return head + b"".join(struct.pack("<IIII", 0, 20_000 * n, 42, 42) + packet(n) for n in range(3))


def blocks():
    content = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    content += struct.pack("<IIHHIHHBxxxI", 1, 28, 101, 0, 0, 9, 1, 6, 28)
    for n in range(3):
        content += struct.pack("<IIIIIII", 6, 76, 0, 0, 20_000 * n, 42, 42) + packet(n) + bytes(2)
        content += struct.pack("<I", 76)
    return content


def dumped():
    records = [struct.pack(">HHI", 22, 14, 20 * n) + rtp(n) for n in range(4)]
    return b"#!rtpplay1.0 1.2.3.4/5\n" + bytes(16) + b"".join(records)


SAMPLES = {
    "opus_demo": [b"0 1 0 0 1 1 0\n0 0 1"],
    "plc_challenge": [b"0\n1\n0\n0\n1\n"],
    "g192": [b"\x21\x6b\x20\x6b\x21\x6b", b"\x6b\x21\x6b\x20"],
    "g192_bytes": [b"\x21\x20\x21\x21"],
    "csv": [b"send_ms,arrival_ms\n0,9.982\n10.023,29.9\n20.045,\n30.1,31\n"],
    "delay_profile": [b"31\n40\n-1\n35.5\n"],
    "digits": [b"000100\n010000\n1"],
    "mahimahi": [b"0\n3\n3\n14\n"],
    "rtpdump": [dumped()],
    "pcap": [captured(), blocks()],
    "webrtc_internals": [dump_of(CALL)],
    "getstats": [lines_of(CALL), reports_of(CALL)],
    "ogg_opus": [ogg([([b"\x48ab", b"\x48cd"], 1920), ([b"\x48ef"], 3840)])],
}
TOKENS = [b",", b"-", b"e9", b"\n", b"\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\x80", b"1e", b"9" * 9]


def damaged(samples, rng):
    """Endless damaged samples: up to four places overwritten, inserted, removed, doubled, or all cut off."""
    while True:
        draws = rng.integers(0, 2**31, (1000, 4, 4)).tolist()
        counts = rng.integers(1, 5, 1000).tolist()
        for places, count in zip(draws, counts, strict=True):
            content = bytearray(samples[places[0][0] % len(samples)])
            for kind, at, what, length in places[:count]:
                start = at % (len(content) + 1)
                end = start + length % 9
                match kind // 16 % 6:
                    case 0 | 1:
                        content[start : start + 1] = bytes([what & 0xFF])
                    case 2:
                        token = TOKENS[what % len(TOKENS)]
                        content[start : start + len(token)] = token
                    case 3:
                        content[start:start] = TOKENS[what % len(TOKENS)]
                    case 4:
                        content[start:end] = content[start:end] * (what % 3)
                    case _:
                        content[start:] = content[start:start] if what % 4 == 0 else content[end:]
            yield bytes(content)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_read_or_refused(name):
    reader, choice = FORMATS[name].read, StreamChoice()
    read = refused = 0
    count = MUTATIONS // 25 if FORMATS[name].keeps == "statistics" else MUTATIONS
    for _, content in zip(range(count), damaged(SAMPLES[name], generator(1, "fuzz", name)), strict=False):
        try:
            trace = reader(content, "x", choice)
        except ChannelError as error:
            assert str(error).startswith("x:")
            assert len(str(error)) < 1000
            refused += 1
            continue
        read += 1
        if isinstance(trace, DeliveryTrace):
            assert 0 < len(trace.times_ns) <= len(content)
        elif isinstance(trace, MeasuredCall):
            assert 0 < len(trace.loss) <= len(content)
            assert ((trace.loss >= 0) & (trace.loss <= 1)).all()
            assert STAGE.validate_python(stages(trace)[0])
        elif trace.send_ns is None:
            assert 0 < len(trace) <= len(content)
        else:
            assert len(trace) <= len(content) + LARGEST_GROWTH
            assert len(trace.send_ns) == len(trace.delay_ns) == len(trace.lost)
            if read % 16 == 0:
                assert (np.diff(trace.send_ns) >= 0).all()
                assert ((trace.delay_ns == LOST) == trace.lost).all()
                assert with_skew(trace, remove=True).delay_ns.min() >= LOST
    assert read > count / 50 and refused > count / 50, "damage that does nothing, or leaves nothing"


@pytest.mark.parametrize("name", FORMATS)
def test_noise_is_told_from_every_format_or_refused(name):
    """The deciding itself meets damage, and files of pure chance."""
    rng = generator(1, "noise", name)
    count = 500 if FORMATS[name].keeps == "statistics" else 5000
    for _, content in zip(range(count), damaged(SAMPLES[name], rng), strict=False):
        try:
            kind = decide(content, "x").kind
            if kind is not None:
                FORMATS[kind].read(content, "x", StreamChoice())
        except ChannelError as error:
            assert str(error).startswith("x:")
