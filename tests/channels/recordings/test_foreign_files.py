"""Files in formats that are not read are named; recordings are not taken for them."""

import pytest

from testbed.channels.recordings.file import read_trace
from testbed.channels.recordings.foreign_files import refuse_foreign
from testbed.channels.recordings.kind import decide
from testbed.errors import ChannelError

ASCII = (
    b"844525628.240592 RTP len=176 from=192.0.2.1:46196 v=2 p=0 x=0 cc=0 m=0 pt=5 (IDVI,1,8000) seq=28178\n"
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"snoop\0\0\0\0\0\0\2\0\0\0\4", "is a capture of snoop; `editcap"),
        (b"GMBU\1\2" + bytes(90), "is a capture of Microsoft's Network Monitor; `editcap"),
        (ASCII, "is rtpdump's ascii or hex format; `rtpdump -F dump`"),
        (b"0.020123 954052737 28178\n-0.040123 954053697 28179\n", "is rtpdump's short format; `rtpdump"),
        (b"12:01:02.123456 IP 192.0.2.1.5004 > 192.0.2.2.5006: UDP, length 172\n", "is tcpdump's text; "),
        (
            b"1700000000.123456 IP6 2001:db8::1.5004 > 2001:db8::2.5006: UDP, length 9\n",
            "is tcpdump's text; ",
        ),
        ("    1   0.000000    192.0.2.1 → 192.0.2.2 UDP 214 5004 → 5006\n".encode(), "is tshark's text; "),
        (b'<?xml version="1.0"?><pdml/>', "is XML; "),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is sound or pictures"),
    ],
)
def test_other_files_are_named(tmp_path, content, words):
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    with pytest.raises(ChannelError, match=f"file.txt: {words}"):
        read_trace(path)


@pytest.mark.parametrize(
    "content",
    [
        b"0 1 0 0\n",
        b"47.5\n51.2\n-1\n",
        b"send_ms,arrival_ms\n0,40\n20,61\n",
        b"0\n6\n12\n",
        b"0.020 40 41\n",
    ],
)
def test_recordings_are_not_taken_for_them(content):
    refuse_foreign(content, "x")
    if not content.startswith(b"0.0"):
        assert decide(content, "x").kind is not None
