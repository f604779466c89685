"""RED: what goes in comes out, the fields' limits hold, damage is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.codecs.rtp import red
from testbed.codecs.rtp.red import RedBlock
from testbed.errors import CodecError

blocks = st.lists(
    st.builds(
        RedBlock,
        payload_type=st.integers(0, 127),
        timestamp_offset=st.integers(0, red.MAX_TIMESTAMP_OFFSET),
        data=st.binary(max_size=60) | st.just(bytes(red.MAX_BLOCK_BYTES)),
    ),
    max_size=5,
)


@given(blocks, st.integers(0, 127), st.binary(max_size=100))
def test_round_trip(redundant, primary_type, primary):
    payload = red.serialize(redundant, primary_type, primary)
    assert len(payload) == 1 + len(primary) + sum(4 + len(block.data) for block in redundant)
    assert red.parse(payload) == (redundant, primary_type, primary)


def test_layout_of_rfc_2198():
    payload = red.serialize([RedBlock(111, 960, b"old")], 111, b"new")
    # F=1, PT=111, offset 960 = 0b00001111000000, length 3; F=0, PT=111
    assert payload == bytes([0x80 | 111, 0b00001111, 0b00000000, 3, 111]) + b"oldnew"


def test_reach_is_that_of_14_bits_at_48_khz():
    assert pytest.approx(341.3125) == red.MAX_DISTANCE_MS


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (RedBlock(128, 0, b""), "block 0: payload type 128"),
        (RedBlock(111, 16384, b""), "block 0: timestamp offset 16384 .* 341.3 ms"),
        (RedBlock(111, -1, b""), "timestamp offset -1"),
        (RedBlock(111, 960, bytes(1024)), "1024 bytes do not fit"),
    ],
)
def test_blocks_that_do_not_fit(block, message):
    with pytest.raises(CodecError, match=message):
        red.serialize([block], 111, b"new")


def test_primary_type_that_does_not_fit():
    with pytest.raises(CodecError, match="RED primary: payload type 128"):
        red.serialize([], 128, b"new")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no primary header after 0"),
        (b"\xef\x0f\x00", "inside the header of block 0"),
        (b"\xef\x0f\x00\x03", "no primary header after 1"),
        (b"\xef\x0f\x00\x03\x6fol", "block 0 announces 3 bytes where 2 are left"),
    ],
)
def test_damage_is_refused(payload, message):
    with pytest.raises(CodecError, match=message):
        red.parse(payload)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_or_written_back_the_same(payload):
    try:
        parsed = red.parse(payload)
    except CodecError:
        return
    assert red.serialize(*parsed) == payload
