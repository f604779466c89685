"""Candidates: addresses of clients give way to the relay's, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.live.candidates import with_relay

RELAY = ("127.0.0.1", 5004)
OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 54321 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 192.168.1.7
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2122260223 192.168.1.7 54321 typ host generation 0 network-id 1
a=candidate:2 1 udp 2122260222 0a1b2c3d-0000-4000-8000-000000000000.local 54322 typ host
a=candidate:3 1 tcp 1518280447 fe80::1 9 typ host tcptype active
a=candidate:4 1 udp 1686052607 203.0.113.5 61000 typ srflx raddr 0.0.0.0 rport 0
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:efghefghefghefghefghefgh
a=mid:0
a=rtpmap:111 opus/48000/2
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
""".replace("\n", "\r\n")


def test_an_offer_has_the_relay_as_its_only_address() -> None:
    lines = with_relay(OFFER, RELAY).split("\r\n")
    assert [line for line in lines if "candidate" in line] == [
        "a=candidate:1 1 udp 2147483647 127.0.0.1 5004 typ host",
        "a=end-of-candidates",
    ]
    assert "m=audio 5004 UDP/TLS/RTP/SAVPF 111 63" in lines
    assert "m=video 0 UDP/TLS/RTP/SAVPF 96" in lines
    assert lines.count("c=IN IP4 127.0.0.1") == 2
    assert "a=rtcp:5004 IN IP4 127.0.0.1" in lines
    untouched = ("v=", "o=", "s=", "t=", "a=group", "a=ice", "a=mid", "a=rtpmap")
    assert [line for line in lines if line.startswith(untouched)] == [
        line for line in OFFER.split("\r\n") if line.startswith(untouched)
    ]
    own = ("192.168.1.7", ".local", "fe80", "203.0.113.5")
    assert not any(address in line for address in own for line in lines)


def test_the_candidate_belongs_to_the_medium_in_use() -> None:
    lines = with_relay(OFFER, RELAY).split("\r\n")
    where = lines.index("a=candidate:1 1 udp 2147483647 127.0.0.1 5004 typ host")
    assert lines.index("a=mid:0") < where < lines.index("a=mid:1")


def test_rewriting_twice_is_rewriting_once() -> None:
    once = with_relay(OFFER, RELAY)
    assert with_relay(once, RELAY) == once


def test_an_offer_without_candidates_gets_one() -> None:
    bare = "".join(line + "\r\n" for line in OFFER.split("\r\n") if line and "candidate" not in line)
    assert with_relay(bare, RELAY) == with_relay(OFFER, RELAY)


def test_an_address_of_ipv6_is_written_as_one() -> None:
    rewritten = with_relay(OFFER, ("::1", 5004))
    assert "c=IN IP6 ::1\r\n" in rewritten
    assert "udp 2147483647 ::1 5004 typ host" in rewritten


@pytest.mark.parametrize(
    "line",
    [
        "candidate:2 1 udp 2122260222 0a1b.local 54322 typ host generation 0 ufrag abcd network-id 1",
        "candidate:3 1 TCP 1518280447 fe80::1 9 typ host tcptype active ufrag abcd",
    ],
)
def test_a_trickled_candidate_becomes_the_relay(line: str) -> None:
    rewritten = "candidate:1 1 udp 2147483647 127.0.0.1 5004 typ host ufrag abcd"
    assert with_relay(line, RELAY) == rewritten
    assert with_relay(f"a={line}\r\n", RELAY) == f"a={rewritten}"


@pytest.mark.parametrize("line", ["", "a=end-of-candidates", "end-of-candidates"])
def test_the_end_of_candidates_stays(line: str) -> None:
    assert with_relay(line, RELAY) == line


@pytest.mark.parametrize("text", ["hello", "candidate:", "a=candidate:1 1 udp", "<html>", '{"sdp": 1}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither SDP nor a line"):
        with_relay(text, RELAY)


@given(st.text(st.sampled_from("vmca=:candidate \r\n0123456789.udp typ host\u2028"), max_size=200))
def test_any_text_is_refused_or_names_no_address_but_the_relay(text: str) -> None:
    try:
        lines = with_relay(text, RELAY).split("\r\n")
    except ValueError:
        return
    named = [line for line in lines if line.startswith("a=candidate:")]
    assert set(named) <= {"a=candidate:1 1 udp 2147483647 127.0.0.1 5004 typ host"}
    assert {line for line in lines if line.startswith("c=")} <= {"c=IN IP4 127.0.0.1"}
