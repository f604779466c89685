"""Detection of the kind of a recording, for `trace inspect`, `trace`, `link: {trace}` and `recorded`.

Captures, dumps and error patterns begin with magic bytes. JSON holds the statistics of a call. Other text is
recognized by its numbers: flags of loss are 0 and 1; the times of a Mahimahi trace never fall; delays do, and
have -1 for a lost packet. A few short files fit two kinds. Then the file's suffix decides, or the reader of
the file names the kind.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from testbed.channels.recordings.foreign_files import refuse_foreign
from testbed.channels.recordings.parts import line_at, shown
from testbed.errors import ChannelError

CAPTURES = ("pcap", "rtpdump", "ogg_opus")
FATES = ("g192", "g192_bytes", "csv", "delay_profile", "digits", "plc_challenge", "opus_demo")
"""Kinds that hold the fate of each packet."""
CAPACITY = "mahimahi"
STATISTICS = ("webrtc_internals", "getstats")
"""Kinds that hold counters of a call, and not the fate of each packet: JSON."""

_FLAGS = ("plc_challenge", "opus_demo")
_MAGICS = {
    b"\xd4\xc3\xb2\xa1": "pcap",
    b"\xa1\xb2\xc3\xd4": "pcap",
    b"\x4d\x3c\xb2\xa1": "pcap",
    b"\xa1\xb2\x3c\x4d": "pcap",
    b"\x0a\x0d\x0d\x0a": "pcap",
    b"#!rtpplay": "rtpdump",
    b"#!RTPencode": "rtpdump",
    b"OggS": "ogg_opus",
    **dict.fromkeys((b"\x21\x6b", b"\x20\x6b", b"\x6b\x21", b"\x6b\x20"), "g192"),
    **dict.fromkeys((b"\x7f\x00", b"\x81\x00", b"\x00\x7f", b"\x00\x81"), "g192"),
}
_SUFFIXES = {
    CAPACITY: (".up", ".down", ".pps"),
    "plc_challenge": ("_is_lost.txt",),
    "opus_demo": (".loss",),
    "delay_profile": (".dat",),
    "g192": (".g192",),
    "g192_bytes": (".ep", ".g192b"),
}
_LOOKED_AT = 65_536
_FEW = 10
_LONG_MS = 2000
"""A number above all delays of a profile."""
_NUMBER = re.compile(rb"-?[0-9]{1,12}(\.[0-9]{1,9})?")
_DIGITS = re.compile(rb"[01]+")
_BINARY = re.compile(rb"[^\t\r\n -~\x80-\xff]")
_JSON = re.compile(rb"\s*[\[{]")
_TABLE = re.compile(rb"[^\n]*[,;\t|]")
_HEADER = re.compile(rb"\W*(sep=|send|sent|tx|arriv|recei|recv|rx)", re.IGNORECASE)


@dataclass(frozen=True)
class KindDecision:
    """The kind of a recording, and the other kinds that fit.

    Attributes
    ----------
    kind
        The likeliest kind; None where none is likelier than another.
    others
        The other kinds that the content fits.
    """

    kind: str | None
    others: tuple[str, ...] = ()

    def among(self, wanted: Collection[str]) -> str | None:
        """Return the first fitting kind that is in `wanted`, the likeliest first; None if there is none."""
        return next((kind for kind in (self.kind, *self.others) if kind in wanted), None)

    @property
    def doubt(self) -> str:
        """The other kinds that the file could be, and how to choose one; "" if there are none."""
        if not self.others:
            return ""
        others = " or ".join(
            f"{_MEANINGS[kind]} (--from {kind}, or the stage `{_STAGES[kind]}`)" for kind in self.others
        )
        if self.kind is None:
            return f"its numbers could be {others}: choose one"
        return f"read as {_MEANINGS[self.kind]}; it could be {others}"


_MEANINGS = {
    CAPACITY: "a Mahimahi delivery trace",
    "delay_profile": "delays in ms",
    "digits": "flags of loss without spaces",
    "plc_challenge": "flags of loss",
    "opus_demo": "flags of loss",
}
_STAGES = {kind: "link: {trace: FILE}" if kind == CAPACITY else "trace: {file: FILE}" for kind in _MEANINGS}


def plain(content: bytes) -> bytes:
    """Return text as UTF-8 without a byte-order mark, its lines ended by LF alone."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode()
    return content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def kind_by_magic(content: bytes) -> str | None:
    """Return the kind by a file's magic bytes; None if it has none, as text."""
    return next((kind for magic, kind in _MAGICS.items() if content.startswith(magic)), None)


def decide(content: bytes, where: str) -> KindDecision:
    """Return the kind of a recording.

    Parameters
    ----------
    content
        The file's bytes.
    where
        The file's name, whose suffix decides between kinds that fit equally.

    Raises
    ------
    ChannelError
        It is of no known kind; the message describes its content.
    """
    marked = kind_by_magic(content)
    if marked is not None:
        return KindDecision(marked)
    refuse_foreign(content, where)
    if b"\x21" in content and not content[:_LOOKED_AT].strip(b"\x20\x21"):
        return KindDecision("g192_bytes")
    start = plain(content[: 2 * _LOOKED_AT + 2])[: _LOOKED_AT + 1]
    if _JSON.match(start):
        return KindDecision("webrtc_internals" if b'"PeerConnections"' in content else "getstats")
    lines = [line.split() for line in start.split(b"\n") if line.strip()]
    if len(content) > _LOOKED_AT and len(lines) > 1:
        lines.pop()  # which may be half a number
    tokens = [token for line in lines for token in line]
    if not tokens or not all(map(_is_number, tokens)):
        return _of_words(start, where)
    meant = _by_suffix(where)
    if meant == CAPACITY:
        return KindDecision(CAPACITY)
    found = _of_numbers(tokens, len(lines) == len(tokens), where)
    fits = meant is not None and meant in (found.kind, *found.others)
    is_no_profile = meant in _FLAGS and found.kind == "delay_profile"
    return KindDecision(meant) if fits or is_no_profile else found


def _is_number(token: bytes) -> bool:
    return bool(_NUMBER.fullmatch(token) or _DIGITS.fullmatch(token))


def _by_suffix(where: str) -> str | None:
    name = Path(where).name.lower().removesuffix(".gz")
    return next((kind for kind, ends in _SUFFIXES.items() if name.endswith(ends)), None)


def _of_words(start: bytes, where: str) -> KindDecision:
    text = start.lstrip()
    if not text:
        raise ChannelError(f"{where}: is empty")
    is_text = not _BINARY.search(text.split(b"\n", 1)[0])
    if b"\0" in text[:2] and not _BINARY.search(text[:64].replace(b"\0", b"")):
        raise ChannelError(f"{where}: looks like UTF-16 without its byte-order mark: save it as UTF-8")
    if is_text and (_TABLE.match(text) or _HEADER.match(text)):
        return KindDecision("csv")
    meant = _by_suffix(where)
    if meant is not None:
        return KindDecision(meant)
    if is_text and re.match(rb"[+-]?[0-9]", text):
        wrong = next(word for word in re.finditer(rb"\S+", start) if not _is_number(word[0]))
        raise ChannelError(
            f"{where}:{line_at(start, wrong.start())}: {shown(wrong[0])} is not a plain number: flags of "
            "loss are 0 or 1; delays in ms (-1: lost) and the times of a delivery trace are one per line; a "
            "table of times begins with send_ms,arrival_ms"
        )
    kinds = ", ".join((*CAPTURES, *FATES, CAPACITY))
    raise ChannelError(f"{where}: has no known format ({kinds}); a table begins with send_ms,arrival_ms")


def _of_numbers(tokens: list[bytes], is_a_column: bool, where: str) -> KindDecision:
    if all(token in (b"0", b"1") for token in tokens):
        return _of_flags(tokens, is_a_column)
    if all(map(_DIGITS.fullmatch, tokens)) and (found := _of_digits(tokens, is_a_column)) is not None:
        return found
    if not is_a_column:
        raise ChannelError(
            f"{where}:1: holds several numbers per line, not all 0 or 1: a table of times needs the header "
            "send_ms,arrival_ms; delays and the times of a delivery trace are one per line"
        )
    values = [float(token) for token in tokens]
    if values == sorted(values) and all(token.isdigit() for token in tokens):
        return _of_rising(values)
    _refuse_other_numbers(values, where)
    return KindDecision("delay_profile")


def _of_rising(values: list[float]) -> KindDecision:
    """Return the kind of whole numbers that never fall: times, or growing delays."""
    if values[0] == values[-1] and len(values) > 1:
        return KindDecision(None, (CAPACITY, "delay_profile"))
    # Delays that grow are seldom near 0, where most delivery traces begin.
    can_be_delays = len(values) > 1 and values[-1] < _LONG_MS
    is_doubtful = can_be_delays and (len(values) < _FEW or values[0] > values[-1] / 4)
    return KindDecision(CAPACITY, ("delay_profile",) if is_doubtful else ())


def _refuse_other_numbers(values: list[float], where: str) -> None:
    """Refuse numbers that are hardly delays in ms."""
    if min(values) >= 0 and max(values) < _FEW and _by_suffix(where) not in ("delay_profile", *_FLAGS):
        raise ChannelError(
            f"{where}: holds numbers up to {max(values):g}: flags of loss are 0 or 1; if these are "
            "delays in ms, `testbed trace convert --from delay_profile` makes a table of them"
        )
    if values == sorted(values) and len(values) > 1 and values[0] >= 0:
        raise ChannelError(
            f"{where}: holds ever larger numbers with fractions: the times of a Mahimahi delivery trace "
            "are whole ms, and a table of times needs the header send_ms,arrival_ms"
        )
    if 0 < max(values) < 1:
        raise ChannelError(
            f"{where}: holds numbers up to {max(values):g}, as delays in seconds: those of a profile are in "
            "ms; if these are, `testbed trace convert --from delay_profile` makes a table of them"
        )


def _of_flags(tokens: list[bytes], is_a_column: bool) -> KindDecision:
    flags = "plc_challenge" if is_a_column else "opus_demo"
    if not is_a_column or tokens[-1] == b"0" or tokens != sorted(tokens):
        return KindDecision(flags)
    # Ever larger, and more than 0 at the end: the times of a link of 12 Mb/s and more look like this.
    return KindDecision(None, (flags, CAPACITY)) if tokens[0] == b"1" else KindDecision(flags, (CAPACITY,))


def _of_digits(tokens: list[bytes], is_a_column: bool) -> KindDecision | None:
    """Return the kind of strings of 0 and 1; None for numbers that have no other digits by chance."""
    lengths = {len(token) for token in tokens[:-1]} or {len(tokens[0])}
    if len(lengths) > 1 or len(tokens[-1]) > max(lengths):
        return None
    if any(len(token) > 1 and token.startswith(b"0") for token in tokens) or max(lengths) > 12:
        return KindDecision("digits")
    times = [int(token) for token in tokens]
    if times == sorted(times) and is_a_column:
        return KindDecision(None, ("digits", CAPACITY))
    return KindDecision("digits", ("delay_profile",) if max(lengths) < 5 and is_a_column else ())
