"""Opus packets: every framing of RFC 6716 is read, extensions are found, and no damage gets through."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs.opus import packet as opus_packet
from testbed.codecs.opus.extensions import MAX_EXTENSIONS, Extension, extensions
from testbed.errors import CodecError

CELT_20_MS = 19 << 3  # narrowband, mono
WIDEBAND_20_MS = 9 << 3
frames_of_equal_size = st.integers(1, 6).flatmap(
    lambda count: st.integers(0, 40).flatmap(
        lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=count, max_size=count)
    )
)
frames_of_any_size = st.lists(
    st.binary(max_size=20) | st.integers(250, 1275).map(lambda size: b"\x55" * size), min_size=1, max_size=6
)


def captured():
    lines = Path(__file__).with_name("captured_packets.txt").read_text(encoding="ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            name, _, rest = line.partition(": ")
            eighths, flags, saved, packet = rest.split(" ")
            yield pytest.param(int(eighths), flags, int(saved), bytes.fromhex(packet), id=name)


def coded_length(size):
    return bytes([size]) if size < 252 else bytes([252 + size % 4, (size - 252 - size % 4) // 4])


def framed(frames, variable, padding=None, toc=CELT_20_MS):
    """Write a packet of code 3."""
    head = bytes([toc | 3, len(frames) | 0x80 * variable | 0x40 * (padding is not None)])
    if padding is not None:
        full = max(0, len(padding) - 1) // 254
        head += b"\xff" * full + bytes([len(padding) - 254 * full])
    if variable:
        head += b"".join(coded_length(len(frame)) for frame in frames[:-1])
    return head + b"".join(frames) + (padding or b"")


@given(st.binary(max_size=1275))
def test_one_frame(frame):
    assert opus_packet.parse(bytes([CELT_20_MS]) + frame).frames == (frame,)


@given(st.integers(0, 1275).flatmap(lambda n: st.tuples(st.just(b"a" * n), st.just(b"b" * n))))
def test_two_frames_of_one_size(frames):
    assert opus_packet.parse(bytes([CELT_20_MS | 1]) + b"".join(frames)).frames == frames


@given(frames_of_any_size.filter(lambda frames: len(frames) >= 2).map(lambda frames: frames[:2]))
def test_two_frames(frames):
    packet = bytes([CELT_20_MS | 2]) + coded_length(len(frames[0])) + b"".join(frames)
    assert opus_packet.parse(packet).frames == tuple(frames)


@given(
    frames_of_any_size.map(lambda frames: (frames, True))
    | frames_of_equal_size.map(lambda frames: (frames, False)),
    st.none() | st.binary(max_size=10) | st.integers(250, 1100).map(bytes),
)
def test_counted_frames_with_padding(frames_and_kind, padding):
    frames, variable = frames_and_kind
    found = opus_packet.parse(framed(frames, variable, padding))
    assert found.frames == tuple(frames)
    assert found.padding == (padding or b"")
    assert found.frame_ms == 20 * len(frames)


@given(frames_of_any_size, st.none() | st.binary(max_size=10))
def test_a_packet_whose_frames_have_a_byte_at_most_is_a_pause(frames, padding):
    short = [frame[:1] for frame in frames]
    assert opus_packet.parse(framed(short, True, padding)).is_dtx
    longer = [*short[:-1], b"ab"]
    assert not opus_packet.parse(framed(longer, True, padding)).is_dtx


def test_every_configuration():
    """Table 2 of RFC 6716, section 3.1."""
    table = [
        ("silk", width, ms) for width in ("narrowband", "mediumband", "wideband") for ms in (10, 20, 40, 60)
    ]
    table += [("hybrid", width, ms) for width in ("superwideband", "fullband") for ms in (10, 20)]
    widths = ("narrowband", "wideband", "superwideband", "fullband")
    table += [("celt", width, ms) for width in widths for ms in (2.5, 5, 10, 20)]
    for number, expected in enumerate(table):
        for stereo in (0, 1):
            found = opus_packet.parse(bytes([number << 3 | stereo << 2]))
            assert (found.mode, found.bandwidth, found.frame_ms) == expected
            assert found.channels == 1 + stereo


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b"", "0 bytes"),
        (bytes([CELT_20_MS]) + bytes(1276), "frame of 1276 bytes"),
        (bytes([CELT_20_MS | 1]) + bytes(3), "2 equal frames has 3 bytes"),
        (bytes([CELT_20_MS | 2]), "ends in the length of frame 0"),
        (bytes([CELT_20_MS | 2, 252]), "ends in the length of frame 0"),
        (bytes([CELT_20_MS | 2, 5, 0, 0]), r"announces frames of \[5\] bytes"),
        (bytes([CELT_20_MS | 3]), "no frame count"),
        (bytes([CELT_20_MS | 3, 0]), "0 frames"),
        (bytes([CELT_20_MS | 3, 7]), "7 frames of 20 ms"),
        (bytes([16 << 3 | 3, 49]), "49 frames of 2.5 ms"),
        (bytes([CELT_20_MS | 3, 0x41]), "inside the length of its padding"),
        (bytes([CELT_20_MS | 3, 0x41, 255]), "inside the length of its padding"),
        (bytes([CELT_20_MS | 3, 0x41, 5, 0]), "announces 5 bytes of padding"),
        (bytes([CELT_20_MS | 3, 0x03, 0, 0]), "3 equal frames has 2 bytes"),
        (bytes([CELT_20_MS | 3, 0x83, 1, 3, 0, 0]), r"announces frames of \[1, 3\] bytes"),
    ],
)
def test_damage_is_refused(packet, message):
    with pytest.raises(CodecError, match=message):
        opus_packet.parse(packet)


def short(identifier, payload=b""):
    return bytes([identifier << 1 | len(payload)]) + payload


def long(identifier, payload):
    return (
        bytes([identifier << 1 | 1]) + b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255]) + payload
    )


def last(identifier, payload):
    return bytes([identifier << 1]) + payload


def test_extensions_one_after_the_other():
    padding = b"\x01" + short(5, b"x") + long(40, b"y" * 300) + short(6) + last(50, b"rest")
    assert list(extensions(padding, 1)) == [
        Extension(5, 0, 1, 2, 3),
        Extension(40, 0, 3, 6, 306),
        Extension(6, 0, 306, 307, 307),
        Extension(50, 0, 307, 308, 312),
    ]


def test_extensions_of_later_frames():
    padding = short(5) + short(1) + short(6) + short(1, b"\x02") + short(7) + b"\x00 anything"
    assert [(e.identifier, e.frame) for e in extensions(padding, 4)] == [(5, 0), (6, 1), (7, 3)]


def test_repeated_extensions():
    """Headers of frame 0 hold for frames 1 and 2; the last long payload takes what the short one leaves."""
    padding = long(40, b"aa") + short(5, b"b") + short(2) + b"\x01cd" + b"eeeef"
    found = [(e.identifier, e.frame, padding[e.payload_start : e.end]) for e in extensions(padding, 3)]
    assert found == [
        (40, 0, b"aa"),
        (5, 0, b"b"),
        (40, 1, b"c"),
        (5, 1, b"d"),
        (40, 2, b"eeee"),
        (5, 2, b"f"),
    ]


@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (b"\x0b", "extension 5 needs 1 bytes where 0"),
        (b"\x51", "extension 40 ends inside its length"),
        (b"\x51\xff", "extension 40 ends inside its length"),
        (b"\x51\x05abc", "extension 40 needs 5 bytes"),
        (b"\x02", "frame 1 of 1"),
        (b"\x03", "extension 1 needs 1 bytes"),
    ],
)
def test_damaged_extensions_are_refused(padding, message):
    with pytest.raises(CodecError, match=message):
        list(extensions(padding, 1))


def test_more_extensions_than_any_packet_has_are_refused():
    """Ten, repeated for 47 frames, are the most; an attacker repeats them as often as they fit."""
    most = b"".join(map(short, range(3, 13))) + short(2, b"")
    assert len(list(extensions(most, 48))) == MAX_EXTENSIONS
    packet = framed([b""] * 48, False, (b"\x06" * 100 + b"\x05") * 600, toc=16 << 3)
    taken = opus_packet.parse(packet)
    with pytest.raises(CodecError, match="more than 480 extensions"):
        list(extensions(taken.padding, len(taken.frames)))
    with pytest.raises(CodecError, match="more than 480 extensions"):
        opus_packet.split(packet)


@pytest.mark.parametrize("version", [10, 12])
@pytest.mark.parametrize("write", [last, long])
@pytest.mark.parametrize("depth_bytes", [1, 40, 251, 252, 253, 300, 600])
def test_dred_costs_all_that_goes_with_it(version, write, depth_bytes):
    """A packet of one frame has no frame count and no padding length without DRED."""
    frame = b"\x80" * 30
    dred = write(126, bytes([ord("D"), version]) + b"z" * depth_bytes)
    packet = framed([frame], False, dred)
    found = opus_packet.find_dred(opus_packet.parse(packet))
    assert (found.start, found.end) == (0, len(dred))
    assert opus_packet.split(packet).dred_bytes == len(packet) - (1 + len(frame))


def test_dred_beside_other_padding():
    """The other extension stays, with its frame count and one byte of padding length."""
    other, dred = long(40, b"other"), last(126, b"D\x0c" + b"z" * 400)
    packet = framed([b"\x80" * 30], False, other + dred)
    assert opus_packet.split(packet).dred_bytes == len(packet) - len(framed([b"\x80" * 30], False, other))


@pytest.mark.parametrize(
    "extension",
    [
        last(126, b"E\x0cabc"),
        last(126, b"D\x0babc"),
        last(126, b"D\x0c"),
        last(125, b"D\x0cabc"),
        b"\x00" * 9,
    ],
)
def test_an_extension_that_only_looks_like_dred_is_not_dred(extension):
    packet = framed([b"\x80" * 30], False, extension)
    assert opus_packet.find_dred(opus_packet.parse(packet)) is None
    assert opus_packet.split(packet).dred_bytes == 0


@pytest.mark.parametrize(("eighths", "flags", "saved", "packet"), list(captured()))
def test_captured_packets(eighths, flags, saved, packet):
    split = opus_packet.split(packet)
    assert split.lbrr_bytes * 64 == eighths
    assert "".join("01"[flag] for flag in split.lbrr_frames) == flags
    assert split.dred_bytes == saved
    assert split.primary_bytes + split.lbrr_bytes + split.dred_bytes == len(packet)
    assert opus_packet.announced_ms(packet[:2]) == split.frame_ms


@settings(deadline=None)  # the first example compiles the walk over LBRR
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda toc, count, rest: bytes([toc << 3 | 3, count]) + rest,
        st.integers(0, 31),
        st.sampled_from((0x01, 0x41, 0x42, 0xC2, 0xC3, 0x81)),
        st.binary(max_size=200),
    )
)
def test_any_bytes_are_split_exactly_or_refused(packet):
    try:
        split = opus_packet.split(packet)
    except CodecError:
        return
    assert split.primary_bytes + split.lbrr_bytes + split.dred_bytes == len(packet)
    assert opus_packet.announced_ms(packet[:2]) == split.frame_ms
    assert min(split.primary_bytes, split.lbrr_bytes, split.dred_bytes) >= 0
