"""Files in formats that cannot be read, or that are not recordings, recognized for their error message."""

import re

from testbed.errors import ChannelError

_EDITCAP = "`editcap -F pcap IN OUT` (Wireshark) converts it"
_TCPDUMP = "capture the packets themselves: `tcpdump -s 0 -w call.pcap`"
_NONE = "not a recording of a network"
_RTPDUMP = "`rtpdump -F dump` writes a format that can be read"
_BEGINNINGS = {
    b"snoop\0\0\0": f"a capture of snoop; {_EDITCAP}",
    b"GMBU": f"a capture of Microsoft's Network Monitor; {_EDITCAP}",
    b"RTSS": f"a capture of Microsoft's Network Monitor; {_EDITCAP}",
    b"\x34\xcd\xb2\xa1": f"a capture of a patched libpcap; {_EDITCAP}",
    b"\xa1\xb2\xcd\x34": f"a capture of a patched libpcap; {_EDITCAP}",
    b"XCP\0": f"a capture of a Sniffer; {_EDITCAP}",
    b"TRSNIFF data": f"a capture of a Sniffer; {_EDITCAP}",
    b"RTCStatsDump": "a compressed dump of rtcstats; what getStats() returned can be read, a report per line",
    b"<?xml": f"XML; {_TCPDUMP}",
    b"RIFF": f"sound or pictures (RIFF), {_NONE}",
    b"fLaC": f"sound (FLAC), {_NONE}",
    b"ID3": f"sound (MP3), {_NONE}",
    b"caff": f"sound (CAF), {_NONE}",
    b"\x1aE\xdf\xa3": f"Matroska or WebM, {_NONE}",
    b"PAR1": f"a table in Parquet, {_NONE}",
    b"\x7fELF": f"a program, {_NONE}",
    b"#!/": f"a program, {_NONE}",
    b"%PDF": f"PDF, {_NONE}",
}
_TEXTS = {
    rb"-?[0-9]+\.[0-9]+ (RTP|RTCP|VAT) len=": f"rtpdump's ascii or hex format; {_RTPDUMP}",
    rb"-?[0-9]+\.[0-9]{6} [0-9]{1,10} [0-9]{1,5}\r?\n": f"rtpdump's short format; {_RTPDUMP}",
    rb"([0-9-]+ )?[0-9]+[:.][0-9:.]+ IP6? ": f"tcpdump's text; {_TCPDUMP}",
    rb" *[0-9]+ +[0-9.]+ +\S+ (\xe2\x86\x92|->) \S+ ": f"tshark's text; {_TCPDUMP}",
}


def refuse_foreign(content: bytes, where: str) -> None:
    """Refuse a file that is not a recording, or has a known format that cannot be read.

    Raises
    ------
    ChannelError
        The file is one of those known here; the message says what to do.
    """
    found = [about for beginning, about in _BEGINNINGS.items() if content.startswith(beginning)]
    found += [about for pattern, about in _TEXTS.items() if re.match(pattern, content[:200])]
    if found:
        raise ChannelError(f"{where}: is {found[0]}")
