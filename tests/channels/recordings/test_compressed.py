"""Compressed recordings: gzip is unpacked without change; bombs and damage are refused within bounds."""

import bz2
import gzip
import lzma
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.channels.recordings.compressed import unpacked
from testbed.channels.recordings.file import MAX_FILE_BYTES, read_content, read_trace
from testbed.errors import ChannelError

MIB = 2**20


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.binary(max_size=9))
def test_members_are_unpacked_and_padding_is_left(parts, zeros):
    packed = b"".join(map(gzip.compress, parts)) + bytes(len(zeros))
    assert unpacked(packed, "x", MIB) == b"".join(parts)


@given(st.binary(max_size=50))
def test_an_uncompressed_file_is_not_changed(content):
    assert unpacked(b"0" + content, "x", MIB) == b"0" + content


def test_a_file_compressed_twice_is_refused():
    with pytest.raises(ChannelError, match="gzip twice"):
        unpacked(gzip.compress(gzip.compress(b"0")), "x", MIB)


def test_traces_are_read_packed(tmp_path):
    path = tmp_path / "losses.txt.gz"
    path.write_bytes(gzip.compress(b"0 1 0 0\n"))
    assert read_content(path) == b"0 1 0 0\n"
    assert read_trace(path).lost == b"\0\1\0\0"


def test_more_than_the_bound_is_not_unpacked():
    whole = gzip.compress(bytes(MIB))
    assert len(unpacked(whole, "x", MIB)) == MIB
    bomb = gzip.compress(bytes(50 * MIB)) + gzip.compress(bytes(50 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(ChannelError, match="x: is larger than 1 MiB when unpacked"):
            unpacked(bomb, "x", MIB)
        with pytest.raises(ChannelError, match="x: is larger than 1 MiB when unpacked"):
            unpacked(whole + gzip.compress(b"more"), "x", MIB)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_endless_empty_members_are_refused():
    with pytest.raises(ChannelError, match="more than 100000 gzip members"):
        unpacked(gzip.compress(b"") * 100_001, "x", MAX_FILE_BYTES)


def test_a_file_that_was_cut_is_refused():
    whole = gzip.compress(b"0 1\n" * 1000)
    for end in (2, 9, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ChannelError, match="x: the gzip file ends early"):
            unpacked(whole[:end], "x", MIB)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_damage_is_refused_or_changes_nothing_but_names(place, flip):
    """The header has a time, a name, a comment; all else is guarded by its checksum."""
    packed = bytearray(gzip.compress(b"0 1 0\n" * 9))
    packed[2 + place % (len(packed) - 2)] ^= flip
    try:
        assert unpacked(bytes(packed), "x", MIB) == b"0 1 0\n" * 9
    except ChannelError as error:
        assert str(error).startswith("x: ")


@pytest.mark.parametrize(("packed", "name"), [(bz2.compress(b"0"), "bzip2"), (lzma.compress(b"0"), "xz")])
def test_other_compressions_are_named(packed, name):
    with pytest.raises(ChannelError, match=f"x: is compressed with {name}; only gzip can be read"):
        unpacked(packed, "x", MIB)
