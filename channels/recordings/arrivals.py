"""Tables of send and arrival times: a header such as ``send_ms,arrival_ms``, then one line per packet.

Packets are in the order of sending; an empty arrival is a lost packet. Dialects of spreadsheets are read:
semicolons, tabs or bars between cells, decimal commas beside semicolons, quotes, other columns, names such as
``Sent (s)``. The names must hold the unit: numbers do not distinguish seconds from milliseconds.
"""

import csv
import io
import re
from array import array
from collections.abc import Iterator
from decimal import Decimal

from testbed.channels.recordings.kind import plain
from testbed.channels.recordings.parts import LOST, MAX_PACKETS, ArrivalTrace, shown
from testbed.errors import ChannelError

HEADER = "send_ms,arrival_ms"
_NAME = re.compile(
    r"(time|timestamp)?"
    r"(?P<what>send|sent|sender|tx|transmit|arrival|arrive|arrived|recv|receive|received|receiver|rx)"
    r"(time|timestamp|at)?(?P<unit>ms|msec|milliseconds|s|sec|seconds|us|usec|microseconds|ns)?"
)
_SENDING = ("send", "sent", "sender", "tx", "transmit")
_UNITS_NS = {"ms": 10**6, "mi": 10**6, "s": 10**9, "se": 10**9, "us": 10**3, "ns": 1}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LATEST_NS = 2**62
_SHORTEST_INTERVAL_NS = 200_000
_LONGEST_INTERVAL_NS = 10 * 10**9
_ENOUGH_PACKETS = 10
_LONGEST_LINE = 10_000


def parse_arrivals(content: bytes, where: str) -> ArrivalTrace:
    """Return the trace of a table; `where` names the file in errors."""
    text = plain(content).decode("utf-8", "replace")
    rows = _rows(text, where)
    line, header = next(rows, (1, []))
    if header and header[0].lower().startswith("sep="):
        line, header = next(rows, (1, []))
    send_place, arrival_place, unit_ns = _columns(header, f"{where}:{line}")
    comma = "," if _separator(text) != "," else ""
    send_ns, delay_ns = array("q"), array("q")
    for line, cells in rows:
        here = f"{where}:{line}"
        if len(send_ns) == MAX_PACKETS:
            raise ChannelError(f"{here}: has more than {MAX_PACKETS} packets")
        if len(cells) != len(header):
            raise ChannelError(f"{here}: has {len(cells)} cells, the header has {len(header)}")
        sent = _nanoseconds(cells[send_place], unit_ns, comma, here)
        if send_ns and sent < send_ns[-1]:
            raise ChannelError(
                f"{here}: runs backward: sent at {_shown(cells[send_place])}, before the line above"
            )
        delay = LOST
        if cells[arrival_place]:
            delay = _nanoseconds(cells[arrival_place], unit_ns, comma, here) - sent
            if delay < 0:
                raise ChannelError(
                    f"{here}: arrives at {_shown(cells[arrival_place])}, before it is sent; "
                    "a lost packet's arrival is empty"
                )
        send_ns.append(sent)
        delay_ns.append(delay)
    if len(send_ns) < 2 or send_ns[0] == send_ns[-1]:
        raise ChannelError(f"{where}: needs at least two packets sent at different times")
    _check_pace(send_ns, where)
    return ArrivalTrace(send_ns, delay_ns)


def _separator(text: str) -> str:
    """Return the separator of cells: the most frequent one in the header, a comma if it has none."""
    start = text.lstrip()
    if start[:4].lower() == "sep=":
        return start[4:5]
    header = start.split("\n", 1)[0]
    return max(",;\t|", key=header.count)


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty."""
    separator = _separator(text)
    if separator not in (",", ";", "\t", "|"):
        raise ChannelError(
            f"{where}:1: {separator!r} between cells is not known; comma, semicolon, tab, | are"
        )
    for number, line in enumerate(io.StringIO(text), 1):
        if len(line) > _LONGEST_LINE:
            raise ChannelError(
                f"{where}:{number}: a line of {len(line)} characters is too long for a table of times"
            )
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True), [])]
        except csv.Error as error:
            raise ChannelError(f"{where}:{number}: not a table: {error}") from None
        if any(cells):
            yield number, cells


def _columns(header: list[str], here: str) -> tuple[int, int, int]:
    """Return the columns of sending and arrival, and their unit in ns."""
    places: dict[bool, int] = {}
    units: list[str | None] = []
    for place, cell in enumerate(header):
        match = _NAME.fullmatch(re.sub(r"[\W_]+", "", cell).lower())
        if match is None:
            continue
        sending = match["what"] in _SENDING
        if sending in places:
            raise ChannelError(f"{here}: two columns are times of {'sending' if sending else 'arrival'}")
        places[sending] = place
        units.append(match["unit"])
    if len(places) < 2:
        shown_header = _shown(", ".join(header))
        raise ChannelError(
            f"{here}: {shown_header} should be the header {HEADER}; for losses alone, "
            "write 0 or 1 (lost) per packet, one per line, without a header"
        )
    if None in units:
        raise ChannelError(
            f"{here}: the header does not state the unit of its times: name the columns {HEADER}, or "
            "send_s,arrival_s for seconds"
        )
    sent, arrived = (_UNITS_NS[str(unit)[:2]] for unit in units)
    if sent != arrived:
        raise ChannelError(f"{here}: the times of sending and arrival have different units")
    return places[True], places[False], sent


def _nanoseconds(cell: str, unit_ns: int, comma: str, here: str) -> int:
    number = cell.replace(comma, ".", 1) if comma else cell
    if not _NUMBER.fullmatch(number):
        hint = "; a lost packet's arrival is empty"
        if re.search(r"[0-9][-/:][0-9]", cell):
            hint = ": dates and times of day are not read, only numbers, such as ms since 1970"
        elif re.search(r"[0-9][.,' \u2009\u202f\xa0][0-9]{3}\b", cell):
            hint = ": write thousands without a separator"
        elif "," in cell and not comma:
            hint = ": decimal commas need semicolons between cells"
        raise ChannelError(f"{here}: {_shown(cell)} is not a time{hint}")
    time_ns = Decimal(number) * unit_ns
    if abs(time_ns) > _LATEST_NS:
        raise ChannelError(f"{here}: {_shown(cell)} is not a time: it is centuries away from 0")
    return round(time_ns)


def _check_pace(send_ns: "array[int]", where: str) -> None:
    interval_ns = (send_ns[-1] - send_ns[0]) / (len(send_ns) - 1)
    if len(send_ns) >= _ENOUGH_PACKETS and not _SHORTEST_INTERVAL_NS <= interval_ns <= _LONGEST_INTERVAL_NS:
        raise ChannelError(
            f"{where}: has one packet per {interval_ns / 1e6:g} ms, which cannot be a call: is the header's "
            "unit right? send_s, send_ms, send_us and send_ns are known"
        )


def _shown(cell: str) -> str:
    return shown(cell.encode("utf-8", "replace"))
