"""DRED in packets: framing is kept, everything else of the packet too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.codecs.dred import packet
from testbed.codecs.opus import packet as opus_packet
from testbed.errors import CodecError

PAYLOAD = b"D\x0c" + bytes(range(60))
FRAMES = st.lists(st.binary(max_size=300), min_size=1, max_size=6) | st.integers(1, 6).flatmap(
    lambda n: st.binary(max_size=40).map(lambda frame: [frame] * n)
)


def framed(frames, toc=0x48):
    """Frame as plainly as possible: code 3 with all lengths."""
    lengths = b"".join(
        bytes([n]) if n < 252 else bytes([252 + n % 4, (n - 252) // 4]) for n in map(len, frames[:-1])
    )
    return bytes([toc | 3, len(frames) | 0x80]) + lengths + b"".join(frames)


@given(FRAMES, st.binary(min_size=1, max_size=700))
def test_put_in_and_taken_out(frames, body):
    toc = 0x08  # SILK, narrowband, 20 ms
    whole = framed(frames, toc)
    payload = b"D\x0c" + body
    added = packet.add(whole, payload)
    bare = packet.remove(added)
    assert packet.find(added) == opus_packet.CarriedDred(payload, 0, 20, len(added) - len(bare))
    assert packet.add(added, PAYLOAD) == packet.add(whole, PAYLOAD)
    taken = opus_packet.parse(added)
    assert taken.frames == tuple(frames)
    assert opus_packet.parse(bare).frames == tuple(frames)
    assert packet.find(bare) is None
    assert len(bare) <= len(whole)
    dred_bytes = opus_packet.dred_bytes_of(taken, opus_packet.find_dred(taken))
    assert len(added) - dred_bytes == len(bare)


def test_other_extensions_are_not_lost_in_silence():
    padding = bytes([40 << 1]) + b"something else"
    other = bytes([0x08 | 3, 0x41, len(padding)]) + b"speech" + padding
    with pytest.raises(CodecError, match="40"):
        packet.add(other, PAYLOAD)
    assert opus_packet.parse(packet.remove(other)).frames == (b"speech",)


@pytest.mark.parametrize("damaged", [b"", b"\x0b", b"\x0b\x00", b"\x0b\x41\xff"])
def test_no_opus_packet(damaged):
    for function in (packet.find, packet.remove, lambda data: packet.add(data, PAYLOAD)):
        with pytest.raises(CodecError):
            function(damaged)
