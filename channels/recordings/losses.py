"""Flags of loss as text: 0 for a packet received, 1 for one lost.

opus_demo's ``-lossfile`` has them between white space; the Packet Loss Concealment Challenge's
``*_is_lost.txt`` one per line, for each 20 ms. ITU-T G.191's ``dlyerr_2_errpat`` writes digits without
spaces.
"""

import re

from testbed.channels.recordings.kind import plain
from testbed.channels.recordings.parts import MAX_PACKETS, LossTrace, line_at, shown
from testbed.errors import ChannelError

_FLAGS = {b"0": 0, b"1": 1}


def parse_losses(content: bytes, where: str) -> LossTrace:
    """Return the trace of flags between white space; `where` names the file in errors."""
    content = plain(content)
    lost = bytearray()
    for token in re.finditer(rb"\S+", content):
        if token[0] not in _FLAGS:
            raise ChannelError(
                f"{where}:{line_at(content, token.start())}: {shown(token[0])} is neither 0 (received) nor 1 "
                "(lost), as flags of loss are; delays in ms are one per line (-1: lost), a table of times "
                "begins with send_ms,arrival_ms"
            )
        if len(lost) == MAX_PACKETS:
            raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
        lost.append(_FLAGS[token[0]])
    if not lost:
        raise ChannelError(f"{where}: is empty: expected 0 or 1 for each packet")
    return LossTrace(bytes(lost))


def parse_digits(content: bytes, where: str) -> LossTrace:
    """Return the trace of digits 0 and 1; white space between them is ignored."""
    content = plain(content)
    wrong = re.search(rb"[^01\s]", content)
    if wrong:
        line = line_at(content, wrong.start())
        raise ChannelError(f"{where}:{line}: {shown(wrong[0])} is neither 0 (received) nor 1 (lost)")
    digits = content.translate(None, b" \t\r\n\v\f")
    if len(digits) > MAX_PACKETS:
        raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
    if not digits:
        raise ChannelError(f"{where}: is empty: expected a digit 0 or 1 for each packet")
    return LossTrace(digits.translate(bytes.maketrans(b"01", b"\x00\x01")))
