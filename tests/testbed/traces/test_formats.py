"""Formats: files are read back, detected by their content, and refused if impossible."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.channels.recordings.file import read_trace
from testbed.channels.recordings.parts import LOST, ArrivalTrace, LossTrace
from testbed.errors import ChannelError, UnknownNameError
from testbed.traces.format import StreamChoice
from testbed.traces.formats import FORMATS, of_suffix, read, write
from testbed.traces.recording import Recording, evenly_spaced, from_times, losses
from testbed.traces.rtp_choice import choice

MS = 1_000_000
LOSSES = ("opus_demo", "plc_challenge", "g192", "g192_bytes")
DUMP = b"#!rtpplay1.0 1.2.3.4/5\n" + bytes(16)
TIMES = ("csv", "rtpdump", "pcap")


def recording(fates):
    """Packets 20 ms apart, of (delay in ms or None)."""
    delays = [LOST if delay is None else round(delay * MS) for delay in fates]
    return from_times(np.arange(len(fates), dtype=np.int64) * 20 * MS, np.array(delays, np.int64))


CALL = recording([0, 5, None, 41, 3, None, None, 2.5, 60, 0])


@pytest.mark.parametrize("name", LOSSES)
@given(lost=st.lists(st.booleans(), min_size=1, max_size=200))
def test_losses_are_read_back(tmp_path_factory, name, lost):
    path = tmp_path_factory.mktemp("losses") / f"x{FORMATS[name].suffixes[0]}"
    write(path, Recording(np.array(lost)), name)
    _, again = read(path, name)
    assert again.lost.tolist() == lost


@pytest.mark.parametrize("name", TIMES)
@given(
    fates=st.lists(st.none() | st.integers(0, 300), max_size=60),
    start=st.integers(0, 100),
    end=st.integers(0, 100),
)
def test_times_are_read_back(tmp_path_factory, name, fates, start, end):
    """A capture begins and ends with packets that arrived, and knows delays up to a constant."""
    path = tmp_path_factory.mktemp("times") / f"x{FORMATS[name].suffixes[0]}"
    call = recording([start, *fates, end])
    write(path, call)
    found, again = read(path, choice=StreamChoice(clock_hz=48_000), remove_skew=False)
    assert found.name == name
    assert (again.lost == call.lost).all()
    assert again.send_ns.tolist() == call.send_ns.tolist()
    smallest = 0 if name == "csv" else call.delay_ns[~call.lost].min()
    assert again.delay_ns[~call.lost].tolist() == (call.delay_ns[~call.lost] - smallest).tolist()
    assert again.reordered() == call.reordered()


def test_csv_is_exact_to_the_nanosecond(tmp_path):
    call = from_times(np.array([-3_000_001, 0, 1]), np.array([1, LOST, 10**15 + 1]))
    write(tmp_path / "x.csv", call)
    assert (tmp_path / "x.csv").read_text() == (
        "send_ms,arrival_ms\n-3.000001,-3\n0,\n0.000001,1000000000.000002\n"
    )
    _, again = read(tmp_path / "x.csv")
    assert again.send_ns.tolist() == call.send_ns.tolist()
    assert again.delay_ns.tolist() == call.delay_ns.tolist()


def test_rtp_packets_are_kept_whole(tmp_path):
    write(tmp_path / "a.pcap", CALL)
    _, captured = read(tmp_path / "a.pcap")
    write(tmp_path / "b.rtp", captured)
    _, again = read(tmp_path / "b.rtp")
    assert again.rtp == captured.rtp
    assert sum(map(bool, again.rtp)) == 7


@pytest.mark.parametrize("name", [*LOSSES, *TIMES])
def test_content_tells_the_format_whatever_the_name(tmp_path, name):
    write(tmp_path / "x", CALL, name)
    found, again = read(tmp_path / "x")
    assert found.keeps == FORMATS[name].keeps
    assert (found.name == name) or (name == "opus_demo")
    assert again.lost.tolist() == CALL.lost.tolist()


def test_the_stage_replays_what_is_written(tmp_path):
    for name, kind in (("opus_demo", LossTrace), ("plc_challenge", LossTrace), ("csv", ArrivalTrace)):
        write(tmp_path / name, CALL, name)
        replayed = read_trace(tmp_path / name)
        assert isinstance(replayed, kind)
        assert replayed.mean_loss() == pytest.approx(0.3)


def test_suffixes(tmp_path):
    names = {"A_IS_LOST.TXT": "plc_challenge", "a.txt": "opus_demo", "a.PcapNg": "pcap", "a.csv": "csv"}
    for name, expected in names.items():
        assert of_suffix(tmp_path / name).name == expected
    assert of_suffix(tmp_path / "a.wav") is None


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"hello", "x", ["has no known format", "pcap"]),
        (b"", "x.txt", ["empty"]),
        (b"\x21\x6b\x20", "x", ["byte 2", "16-bit word"]),
        (b"\x21\x6b\x20\x6b\x7f\x00", "x", ["byte 4", "0x7F", "soft bit"]),
        (b"\x7f\x00\x81\x00", "x.g192", ["bit errors"]),
        (b"\x21\x20\x22", "x.ep", ["byte 2", "0x22", "neither 0x21 (good) nor 0x20"]),
        (b"1 2 3", "x.csv", ["x.csv"]),
        (b"1\n", "x", ["flags of loss (--from plc_challenge", "delivery trace (--from mahimahi"]),
        (b"50\n50\n", "x", ["delivery trace (--from mahimahi", "delays in ms (--from delay_profile"]),
        (b"0\n9\n3\n4\n", "x.up", ["x.up:3", "runs backward"]),
        (b"#!rtpplay2.0 a/1\n", "x", ["x:1", "#!rtpplay1.0"]),
        (b"#!rtpplay1.0 1.2.3.4/5\nabc", "x", ["byte 26", "inside the header"]),
        (DUMP + b"\0\x07\0\x07\0\0\0\0", "x", ["byte 39", "shorter than its own header"]),
        (DUMP, "x", ["no RTP stream"]),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_place(tmp_path, content, name, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ChannelError) as caught:
        read(tmp_path / name)
    for word in words:
        assert word in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_rtpdump_as_documented():
    """Bytes by hand, from the layout that rtpdump(1) gives; RTCP has no payload length."""
    header = b"#!rtpplay1.0 224.2.0.1/3456\n" + struct.pack(">IIIHH", 10, 20, 0xE0020001, 3456, 0)
    packets = b""
    for offset_ms, sequence, media in ((0, 1, 0), (25, 2, 160), (95, 5, 640), (70, 4, 480)):
        rtp = struct.pack(">BBHII", 0x80, 0, sequence, media, 99) + b"payload"
        # Only the first 16 bytes were kept of 19: the length says what is there, not what was.
        packets += struct.pack(">HHI", 8 + 16, len(rtp), offset_ms) + rtp[:16]
    rtcp = struct.pack(">HHI", 8 + 8, 0, 30) + b"\x81\xc9\x00\x01\x00\x00\x00\x63"
    dump = FORMATS["rtpdump"]
    trace = dump.read(header + rtcp + packets, "x", StreamChoice())
    assert trace.lost.tolist() == [False, False, True, False, False]
    assert trace.send_ns.tolist() == [0, 20 * MS, 40 * MS, 60 * MS, 80 * MS]
    assert trace.delay_ns.tolist() == [0, 5 * MS, LOST, 10 * MS, 15 * MS]
    cut = dump.read(header + rtcp + packets[:-3], "x", StreamChoice())
    assert len(cut) == 5
    assert "cut" in cut.notes[1]
    assert (
        dump.read(header + packets + b"\0\x20", "x", StreamChoice())
        .notes[1]
        .startswith("byte 140: the dump ends")
    )


def test_conversions_say_what_they_do_not_keep(tmp_path):
    (tmp_path / "link.up").write_bytes(b"1\n5\n9\n")
    found, capacity = read(tmp_path / "link.up")
    assert found.name == "mahimahi" and isinstance(capacity, DeliveryTrace)
    with pytest.raises(ChannelError, match=r"a\.txt: a delivery trace holds the capacity of a link"):
        write(tmp_path / "a.txt", capacity)
    with pytest.raises(ChannelError, match=r"delivery trace.*no losses"):
        losses(capacity, "link.up")
    with pytest.raises(ChannelError, match=r"a\.up: mahimahi holds a link's capacity"):
        write(tmp_path / "a.up", CALL)
    assert write(tmp_path / "a.g192", CALL) == [
        "g192 holds losses only: times of sending and arrival are not kept"
    ]
    _, bare = read(tmp_path / "a.g192")
    for name in ("a.csv", "a.rtp", "a.pcap"):
        with pytest.raises(ChannelError, match=r"holds losses without times.*--interval-ms"):
            write(tmp_path / name, bare)
    assert write(tmp_path / "a.csv", bare, interval_ms=20) == []
    _, spaced = read(tmp_path / "a.csv")
    assert spaced.send_ns.tolist() == CALL.send_ns.tolist()
    assert (spaced.lost == CALL.lost).all()
    with pytest.raises(ChannelError, match="its suffix names no format: give --to"):
        write(tmp_path / "a", CALL)
    with pytest.raises(UnknownNameError, match="unknown format 'g191'; did you mean g192"):
        write(tmp_path / "a", CALL, "g191")
    left = write(tmp_path / "b.rtp", recording([None, 1, 2, None]))
    assert any("lost before the first arrival" in note for note in left)
    one = from_times(np.array([0, 0]), np.array([1, 1]))
    with pytest.raises(ChannelError, match=r"c\.csv: .*sent at different times"):
        write(tmp_path / "c.csv", one)
    assert not (tmp_path / "c.csv").exists()


def test_delays_without_losses_have_no_loss_model():
    with pytest.raises(ChannelError, match=r"x: has delays only"):
        losses(evenly_spaced(np.zeros(3, bool), 20 * MS), "x")
    assert not losses(Recording(np.zeros(3, bool)), "x").any()


def test_skew_goes_from_captures_and_stays_in_csv(tmp_path):
    rng = np.random.default_rng(1)
    send_ns = np.arange(3000, dtype=np.int64) * 20 * MS
    delay_ns = np.rint(send_ns * 100e-6 + rng.exponential(2 * MS, 3000)).astype(np.int64)
    call = from_times(send_ns, delay_ns)
    for name, removed in (("a.csv", False), ("a.pcap", True)):
        write(tmp_path / name, call)
        for wanted, expected in ((None, removed), (True, True), (False, False)):
            _, again = read(tmp_path / name, remove_skew=wanted)
            assert again.skew_removed == expected
            assert again.skew_ppm == pytest.approx(100, abs=2)


@pytest.mark.parametrize("word", ["0x", "-1", "4294967296", "abc", "1e3"])
def test_an_ssrc_is_a_number_of_32_bits(word):
    with pytest.raises(ChannelError, match="--ssrc"):
        choice(word, None)


def test_an_ssrc_in_either_notation():
    assert choice("0x10", 8000) == StreamChoice(16, 8000)
    assert choice("16", None) == StreamChoice(16, None)
    assert choice(None, None) == StreamChoice()
