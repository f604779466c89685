"""Candidates of ICE (RFC 8839): those of a client give way to the relay's address."""

import re

from testbed.live.addresses import Address

_CANDIDATE = re.compile(
    r"(?P<begin>(a=)?candidate:)\S+ \d+ \S+ \d+ \S+ \d+ typ \S+(?P<rest>.*)", re.IGNORECASE
)
_NO_MORE = ("", "end-of-candidates", "a=end-of-candidates")
_REMOVED = ("a=candidate:", "a=remote-candidates:", "a=end-of-candidates")
_HIGHEST_PRIORITY = 2**31 - 1
_LINE_END = "\r\n"


def with_relay(text: str, relay: Address) -> str:
    """Return what one client says, with the relay's address in place of its own.

    Parameters
    ----------
    text
        SDP, a part of it (RFC 8840), a line with a candidate, or the end of candidates.
    relay
        The address that the other client sends to.

    Raises
    ------
    ValueError
        It is none of these.
    """
    lines = re.split("\r\n|\r|\n", text.strip())
    if any(line.startswith("m=") for line in lines):
        return "".join(line + _LINE_END for line in _described(lines, relay))
    if text.strip().lower() in _NO_MORE:
        return text
    match = _CANDIDATE.fullmatch(text.strip())
    if match is None:
        raise ValueError("is neither SDP nor a line with a candidate, such as candidate:1 1 udp ...")
    user = re.search(r" ufrag \S+", match["rest"])
    return match["begin"] + _value(relay) + (user[0] if user else "")


def _described(lines: list[str], relay: Address) -> list[str]:
    """Return the lines of a description; each medium that is in use gets one candidate."""
    version = "IP6" if ":" in relay[0] else "IP4"
    said: list[str] = []
    in_use = False
    for line in lines:
        if line.startswith("m="):
            said += _only_candidate(relay) if in_use else []
            kind, port, rest = (*line.split(" ", 2), "", "")[:3]
            in_use = port not in ("0", "")
            said.append(f"{kind} {relay[1]} {rest}" if in_use else line)
        elif line.startswith("c="):
            said.append(f"c=IN {version} {relay[0]}")
        elif line.startswith("a=rtcp:"):
            said.append(f"a=rtcp:{relay[1]} IN {version} {relay[0]}")
        elif not line.startswith(_REMOVED):
            said.append(line)
    return said + (_only_candidate(relay) if in_use else [])


def _only_candidate(relay: Address) -> list[str]:
    return [f"a=candidate:{_value(relay)}", "a=end-of-candidates"]


def _value(relay: Address) -> str:
    return f"1 1 udp {_HIGHEST_PRIORITY} {relay[0]} {relay[1]} typ host"
