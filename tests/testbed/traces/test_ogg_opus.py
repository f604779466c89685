"""Ogg Opus: files of libsndfile are read completely; gaps, damage, cuts and other codecs are reported."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import ChannelError
from testbed.traces.format import StreamChoice
from testbed.traces.formats import read as read_file
from testbed.traces.ogg import pages
from testbed.traces.ogg_opus import OGG_OPUS, streams

from .ogg_files import HEAD, TAGS, ogg, page

TOC_20_MS = b"\x48"


def read(content):
    return OGG_OPUS.read(content, "x", StreamChoice())


@pytest.mark.parametrize("seconds", [0.5, 3])
def test_files_written_by_libsndfile_are_read(tmp_path, seconds):
    path = tmp_path / "noise.opus"
    noise = np.random.default_rng(1).normal(size=int(48_000 * seconds)) / 10
    soundfile.write(path, noise, 48_000, format="OGG", subtype="OPUS")
    kept_as, recording = read_file(path)
    assert kept_as is OGG_OPUS
    assert not recording.lost.any()
    # What the decoder leaves out at the beginning (RFC 7845, section 4.2) comes on top.
    assert len(recording) == -(-(48_000 * seconds + 312) // 960)


def test_gaps_are_losses_or_pauses():
    packets = [TOC_20_MS + bytes([n]) for n in range(9)]
    content = ogg([(packets[:3], 3 * 960), (packets[3:6], 8 * 960), (packets[6:], 11 * 960)])
    recording = read(content)
    assert np.flatnonzero(recording.lost).tolist() == [3, 4]
    assert len(recording) == 11
    assert any("2 packets that are missing: lost, or pauses" in note for note in recording.notes)


def test_a_cut_end_and_a_late_beginning_are_no_gaps():
    packets = [TOC_20_MS + bytes([n]) for n in range(6)]
    recording = read(ogg([(packets[:3], 10**9), (packets[3:], 10**9 + 2 * 960 + 7)]))
    assert not recording.lost.any()


def test_empty_packets_are_told():
    recording = read(ogg([([b"\x48ab", b"\x48", b"\x48", b"\x48cd"], 4 * 960)]))
    assert not recording.lost.any()
    assert any(note.startswith("2 packets are empty") for note in recording.notes)


def test_packets_go_on_over_pages():
    long = TOC_20_MS + bytes(range(256)) * 4
    parts = [
        page([HEAD], 0, 2),
        page([TAGS], 0),
        page([b"\x48ab", long[:510]], 960, goes_on=True),
        page([long[510:1020]], -1, 1, goes_on=True),
        page([long[1020:], b"\x48cd"], 3 * 960, 1),
    ]
    assert streams(b"".join(parts), "x", [])[0].packets == [b"\x48ab", long, b"\x48cd"]
    without_the_beginning = b"".join(parts[:2] + parts[3:])
    assert streams(without_the_beginning, "x", [])[0].packets == [b"\x48cd"]


def test_streams_one_after_the_other_and_beside_others():
    first = ogg([([b"\x48ab"] * 3, 3 * 960)])
    second = ogg([([b"\x48cd"] * 2, 960), ([b"\x48ef"], 4 * 960)], serial=10)
    other = page([b"\x80theora"], 0, 2, 11) + page([b"picture"], 0, 0, 11)
    recording = read(first + other + second)
    assert recording.lost.tolist() == [False] * 5 + [True] * 2 + [False]
    assert any("2 streams" in note for note in recording.notes)


def test_a_cut_file_gives_what_is_there():
    content = ogg([([b"\x48ab"] * 3, 3 * 960), ([b"\x48cd"] * 3, 6 * 960)])
    last = content.rindex(b"OggS")
    for end in range(last + 1, len(content)):
        recording = read(content[:end])
        assert len(recording) == 3
        assert recording.notes[0] == f"byte {last}: the file ends inside a page: it was cut"


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_damage_is_seen(place, flip):
    content = bytearray(ogg([([b"\x48ab"] * 3, 3 * 960)]))
    content[place % len(content)] ^= flip
    notes = []
    try:
        list(pages(bytes(content), "x", notes))
    except ChannelError as error:
        assert str(error).startswith("x: byte ")
    else:
        assert notes, "a page that became longer than the file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (page([b"\x01vorbis"], 0, 2) + page([b"sound"], 9), "is Ogg with Vorbis, no Opus"),
        (page([b"Speex   "], 0, 2), "is Ogg with Speex, no Opus"),
        (ogg([]), "no packets of Opus"),
        (ogg([([b"\x48"], 960)], head=HEAD[:-1] + b"\1\2\1\0\1"), "channel mapping family 1"),
        (ogg([([b"\x48ab"], 960), ([b"\x48ab"], 2**62)]), "more than 5000000 packets that are missing"),
        (ogg([]) + b"junk" * 99, "no page of Ogg begins here"),
    ],
)
def test_unsupported_ogg_files_are_refused(content, words):
    with pytest.raises(ChannelError, match=words):
        read(content)
