"""Colour and shape of schemes by mechanism, the same in every report, and colours of the parts of a bar.

Plain concealment is grey, RED blue, LBRR amber, DRED green and darker with its depth, a combination of
redundancies violet. A vocoder other than libopus's makes the colour lighter. Each colour is given for white
and for a dark page, has a contrast of 4.5:1 there, and differs from those of other mechanisms for the
colour-blind, too.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.reports.shapes import SHAPES


@dataclass(frozen=True)
class Look:
    """Colour and shape of the marks of a scheme.

    Attributes
    ----------
    colour, dark
        The colour on white, and on a dark page.
    shape
        Index into `testbed.reports.shapes.SHAPES`.
    """

    colour: str
    dark: str
    shape: int


_TINTS = {
    "plc": (("#737373", "#3d3d3d"), ("#8c8c8c", "#d9d9d9")),
    "red": (("#0077ae", "#002b5c"), ("#4b82f5", "#9fc2ff")),
    "lbrr": (("#ad6205", "#5f3c00"), ("#bb7215", "#ffc41c")),
    "dred": (("#15773f", "#0b3a18"), ("#3abc6c", "#bdffa8")),
    "mixed": (("#8440e6", "#3a0a8c"), ("#a673ae", "#e3b1de")),
    "other": (("#00767a", "#00484b"), ("#22b8c0", "#a8f0f2")),
}
"""Colours of the weakest and the strongest redundancy of each mechanism, on white and on a dark page."""
_FAMILIES = tuple(_TINTS)
CEILING = Look("#1c2128", "#e6edf3", 0)
PALETTE = tuple(
    Look(on_white[end], on_dark[end], index % len(SHAPES))
    for index, (end, (on_white, on_dark)) in enumerate(
        (end, ends) for end in (0, 1) for family, ends in _TINTS.items() if family != "plc"
    )
)
"""Looks of lines that are no schemes."""

PARTS = {
    "primary": ("its own packet", "#9aa7b5", "#57606a"),
    "speech": ("speech", "#57606a", "#a9b4c0"),
    "red": ("RED copy", "#0077ae", "#4b82f5"),
    "lbrr": ("LBRR", "#ad6205", "#bb7215"),
    "dred": ("DRED", "#15773f", "#3abc6c"),
    "plc": ("concealed (PLC)", "#3d3d3d", "#e6edf3"),
    "dtx": ("pause, not sent (DTX)", "#e3e8ed", "#252b33"),
    "late": ("late", "#c2348b", "#f28ac4"),
    "headers": ("headers (RTP, UDP, IPv4)", "#b3bcc6", "#57606a"),
    "lost": ("lost", "#1c2128", "#ffffff"),
    "arrived": ("arrived in time", "#d0d7de", "#3d444d"),
    "short": ("less than 80 % sent", "#b42318", "#ff8a80"),
}
"""Parts of a bar or a strip: label, and colour on white and on a dark page. Redundancy has the colours of its
mechanism; what is lost or concealed has the greatest contrast."""


def looks(names: Sequence[str], entries: Sequence[Any], ceiling: str | None) -> dict[str, Look]:
    """Return the look of each scheme.

    The colour follows from the scheme alone. The shape tells schemes of one mechanism apart, by their order.

    Parameters
    ----------
    entries
        The scenario's ``schemes:``, as the manifest has them. A scheme that is not among them, as in a sweep
        over its parameters, is known by the words of its name.
    ceiling
        Name of the scheme that loses nothing.
    """
    given = {str(entry.get("name")): entry for entry in entries if isinstance(entry, Mapping)}
    seen: Counter[str] = Counter()
    found = {}
    for name in names:
        if name == ceiling:
            found[name] = CEILING
            continue
        parts = _parts(name, given)
        family, strength = _mechanism(name, parts)
        strength *= _share_of_vocoder(parts)
        shape = (_FAMILIES.index(family) + seen[family]) % len(SHAPES)
        seen[family] += 1
        on_white, on_dark = (_mixed(*ends, strength) for ends in _TINTS[family])
        found[name] = Look(on_white, on_dark, shape)
    return found


def looks_in_order(names: Sequence[str], ceiling: str | None = None) -> dict[str, Look]:
    """Return the looks of lines that are no schemes, by their order."""
    others = [name for name in names if name != ceiling]
    found = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(others)}
    return found if ceiling is None else {ceiling: CEILING} | found


def tints(found: Sequence[Look]) -> str:
    """Return the style sheet of colours (``--scheme-0``, ``--part-red``) and of marks (``.m0``)."""
    names = [f"--scheme-{index}" for index in range(len(found))] + [f"--part-{part}" for part in PARTS]
    on_white = [look.colour for look in found] + [colour for _, colour, _ in PARTS.values()]
    on_dark = [look.dark for look in found] + [dark for _, _, dark in PARTS.values()]
    bright, dim = (
        ";".join(f"{name}:{colour}" for name, colour in zip(names, colours, strict=True))
        for colours in (on_white, on_dark)
    )
    marks = "".join(
        f".m{index}{{background:var(--scheme-{index});clip-path:polygon({_corners(look.shape)})}}"
        for index, look in enumerate(found)
    )
    return f":root{{{bright}}}@media screen and (prefers-color-scheme:dark){{:root{{{dim}}}}}{marks}"


def _corners(shape: int) -> str:
    return ",".join(f"{50 + 50 * x:.0f}% {50 - 50 * y:.0f}%" for x, y in SHAPES[shape])


def _parts(name: str, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the parts of a scheme with their parameters, as far as they are known."""
    for entry in sorted(given, key=len, reverse=True):
        if name == entry or (name.startswith(f"{entry} ") and "+" not in name[len(entry) :]):
            return {key: value for key, value in given[entry].items() if isinstance(value, Mapping)}
    words = re.split(r"[^a-z]+", name.lower())
    return {key: {} for key in ("plc", "red", "lbrr", "dred") if key in words}


def _mechanism(name: str, parts: Mapping[str, Mapping[str, Any]]) -> tuple[str, float]:
    """Return the mechanism of a scheme and the strength of its redundancy, from 0 to 1."""
    redundancies = [key for key in parts if key not in ("plc", "neural_plc")]
    if not redundancies and parts:
        return "plc", 1.0 if "neural" in name.lower() or "neural_plc" in parts else 0.3
    strengths = {
        "dred": _log(_deepest(name, parts.get("dred", {})), 20, 2000),
        "red": _log(_farthest(name, parts.get("red", {})), 1, 8),
        "lbrr": _log(_amount(parts.get("lbrr", {}).get("bitrate_kbps"), 16), 4, 64),
    }
    known = [key for key in strengths if key in redundancies]
    if len(redundancies) > 1 and known:
        return "mixed", strengths[known[0]]
    if known:
        return known[0], strengths[known[0]]
    return "other", zlib.crc32(name.encode("utf-8")) % 5 / 4


def _share_of_vocoder(parts: Mapping[str, Mapping[str, Any]]) -> float:
    """Return 1 with libopus's vocoder, and with another 0 to 0.8 by its name."""
    names = {str(part.get("vocoder", "fargan")) for part in parts.values()} - {"fargan"}
    return zlib.crc32(min(names).encode("utf-8")) % 5 / 5 if names else 1.0


def _deepest(name: str, dred: Mapping[str, Any]) -> float:
    depths = dred.get("depth_ms")
    if isinstance(depths, Sequence) and len(depths) == 1:
        return _amount(depths[0], 500)
    return _said(name, r"(\d{1,5}) ms", 500)


def _farthest(name: str, red: Mapping[str, Any]) -> float:
    distances = red.get("at_distances")
    if isinstance(distances, Sequence) and distances:
        return max(_amount(distance, 1) for distance in distances)
    return _amount(red.get("copies"), _said(name, r"(\d{1,2})", 1))


def _said(name: str, pattern: str, default: float) -> float:
    found = re.search(pattern, name)
    return float(found[1]) if found else default


def _amount(value: Any, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    return float(value) if is_number else default


def _log(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, math.log(max(value, low) / low) / math.log(high / low)))


def _mixed(first: str, last: str, share: float) -> str:
    pairs = ((int(first[at : at + 2], 16), int(last[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
