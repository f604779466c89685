"""Kinds of recordings: the detected kind, ambiguous files, and the choice between kinds."""

import pytest

from testbed.channels.recordings.kind import CAPACITY, FATES, decide
from testbed.errors import ChannelError


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (b"0\n48\n57\n", "x", "mahimahi"),
        (b"5\n5\n", "x.up", "mahimahi"),
        (b"12\n", "x", "mahimahi"),
        (b"6\n12\n", "x", "mahimahi"),
        (b"1\n", "x.down", "mahimahi"),
        (b"0\n1\n1\n", "x.up", "mahimahi"),
        (b"0\n9\n3\n4\n", "x.up", "mahimahi"),
        (b"0\n1\n1\n", "x.txt", "plc_challenge"),
        (b"1\n1\n", "x_is_lost.txt", "plc_challenge"),
        (b"0\n2\n0\n", "x_is_lost.txt", "plc_challenge"),
        (b"50\n47\n51\n", "x.loss", "opus_demo"),
        (b"0\n2\n0\n", "x.dat", "delay_profile"),
        (b"0 1 1 0", "x", "opus_demo"),
        (b"00010\n01000\n00", "x", "digits"),
        (b"0" * 300, "x", "digits"),
        (b"1000\n0100\n", "x", "digits"),
        (b"50\n47\n-1\n", "x", "delay_profile"),
        (b"50\n50\n", "x.dat", "delay_profile"),
        (b"-1\n0\n1\n", "x", "delay_profile"),
        (b"\x21\x6b\x20\x6b", "x", "g192"),
        (b"\x6b\x21", "x.txt", "g192"),
        (b"\x21\x20 \x21", "x", "g192_bytes"),
        (b"send_ms,arrival_ms\n", "x", "csv"),
        (b'"send_ms"\t"arrival_ms"\n', "x", "csv"),
        (b"#!rtpplay1.0 ", "x.pcap", "rtpdump"),
        (b"\x0a\x0d\x0d\x0a", "x", "pcap"),
    ],
)
def test_kinds_are_told(content: bytes, name: str, found: str) -> None:
    assert decide(content, name).kind == found


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (b"1\n", {"plc_challenge", "mahimahi"}),
        (b"1\n1\n1\n", {"plc_challenge", "mahimahi"}),
        (b"50\n50\n50\n", {"delay_profile", "mahimahi"}),
        (b"10\n10\n11\n", {"digits", "mahimahi"}),
    ],
)
def test_the_kind_is_not_guessed_if_two_fit(content: bytes, kinds: set[str]) -> None:
    decision = decide(content, "x")
    assert decision.kind is None
    assert set(decision.others) == kinds
    assert all(f"--from {kind}" in decision.doubt for kind in kinds)
    assert decision.among((CAPACITY,)) == CAPACITY
    assert decision.among(FATES) in kinds - {CAPACITY}


def test_a_likely_kind_says_what_else_it_could_be() -> None:
    decision = decide(b"0\n0\n1\n", "x")
    assert (decision.kind, decision.others) == ("plc_challenge", (CAPACITY,))
    assert "--from mahimahi" in decision.doubt
    assert decide(b"0\n1\n0\n", "x").doubt == ""


def test_delays_that_grow_are_told_from_times_that_begin_at_once() -> None:
    grow = "".join(f"{40 + index // 10}\n" for index in range(300)).encode()
    assert decide(grow, "x").others == ("delay_profile",)
    assert decide(grow, "x.up").others == ()
    assert decide("".join(f"{index}\n" for index in range(2, 1500, 3)).encode(), "x").others == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"63\n40\ninf\n", ["x:3", "'inf'", "not a plain number"]),
        (b"1\n5\n9\n# end\n", ["x:4", "'#'"]),
        (b"0.041\n-1\n0.062\n", ["0.062", "seconds", "--from delay_profile"]),
    ],
)
def test_a_cell_that_is_not_a_number_in_ms_is_named(content: bytes, words: list[str]) -> None:
    with pytest.raises(ChannelError) as caught:
        decide(content, "x")
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_lines_end_as_on_any_system(end: bytes) -> None:
    assert decide(end.join([b"50", b"47", b"-1", b""]), "x").kind == "delay_profile"


def test_numbers_that_are_neither_flags_nor_likely_delays_are_refused() -> None:
    with pytest.raises(ChannelError, match=r"x: holds numbers up to 2: .*--from delay_profile"):
        decide(b"0\n2\n0\n", "x")


def test_times_with_fractions_are_refused() -> None:
    with pytest.raises(ChannelError, match=r"x: holds ever larger numbers with fractions: .*whole ms"):
        decide(b"0.5\n1.5\n30\n", "x")


def test_a_number_cut_by_the_window_does_not_decide() -> None:
    """More than is looked at: the last line there may be half a number."""
    assert decide(b"\n".join(b"%d" % (100_000 + n) for n in range(20_000)), "x").kind == "mahimahi"
