"""Escaping of control characters in text of others, for terminals, SVG and HTML."""

import re

_HARMFUL = re.compile(
    "\r(?!\n)|"
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # a terminal obeys these, XML forbids them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction, which make text read as another
    "\u2028\u2029\ufffe\uffff\ud800-\udfff]"  # separators of lines; what is no character
)


def printable(text: str) -> str:
    r"""Return text with control characters escaped, as ``\x1b``; newlines and tabs stay."""
    return _HARMFUL.sub(lambda found: repr(found[0])[1:-1], text)


def is_printable(text: str) -> bool:
    """Return True if text has nothing that `printable` escapes."""
    return _HARMFUL.search(text) is None
