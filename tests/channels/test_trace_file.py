"""Reading traces: what the formats mean, and that whatever is not a trace is refused with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.channels import trace_file
from testbed.channels.trace_file import LOST, ArrivalTrace, LossTrace, parse_trace, read_trace
from testbed.errors import ChannelError


def refusal(content):
    with pytest.raises(ChannelError) as caught:
        parse_trace(content, "x")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "lost"),
    [
        (b"0 1 0", [0, 1, 0]),
        (b"0\n1\n0\n", [0, 1, 0]),
        (b"  0\t1\r\n\n0   ", [0, 1, 0]),
        (b"0 2 -1 +1 007 0", [0, 1, 1, 1, 1, 0]),
        (b"1", [1]),
        (b"\xef\xbb\xbf0\n1\n", [0, 1]),
        (b"1 1 1 1", [1, 1, 1, 1]),
    ],
)
def test_losses(content, lost):
    trace = parse_trace(content, "x")
    assert isinstance(trace, LossTrace)
    assert list(trace.lost) == lost
    assert trace.mean_loss() == sum(lost) / len(lost)


@given(st.lists(st.booleans(), min_size=1), st.sampled_from([" ", "\n", "\r\n", "\t", " \n "]))
def test_written_losses_are_read_back(lost, between):
    content = between.join(str(int(packet)) for packet in lost)
    assert list(parse_trace(content.encode(), "x").lost) == [int(packet) for packet in lost]


def test_arrivals():
    trace = parse_trace(b"send_ms, arrival_ms\n0,9.982\n10.023,\n20.045,20.045\n\n30, 1e2\n", "x")
    assert isinstance(trace, ArrivalTrace)
    assert list(trace.send_ns) == [0, 10_023_000, 20_045_000, 30_000_000]
    assert list(trace.delay_ns) == [9_982_000, LOST, 0, 70_000_000]
    assert trace.mean_loss() == 0.25


@given(st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), st.integers(0, 500))), min_size=2))
def test_written_arrivals_are_read_back(packets):
    sent_ms, rows, delays_ns, sends_ns = 1, ["send_ms,arrival_ms"], [], []
    for gap_ms, delay_ms in [*packets, (1, None)]:
        sent_ms += gap_ms
        sends_ns.append(sent_ms * 1_000_000)
        delays_ns.append(LOST if delay_ms is None else delay_ms * 1_000_000)
        rows.append(f"{sent_ms},{'' if delay_ms is None else sent_ms + delay_ms}")
    trace = parse_trace("\n".join(rows).encode(), "x")
    assert (list(trace.send_ns), list(trace.delay_ns)) == (sends_ns, delays_ns)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["x:", "empty"]),
        (b" \n\n", ["x:", "empty"]),
        (b"0 1\n0 1\n0 lost\n", ["x:3:", "'lost'", "send_ms,arrival_ms"]),
        (b"0 1 0.5", ["x:1:", "'0.5'"]),
        (b"0 1 nan", ["x:1:", "'nan'"]),
        (b"0 99999999999", ["x:1:", "'99999999999'"]),
        (b"0\n\x00\x01", ["x:2:"]),
        (b"0\n48\n57\n57\n58\n", ["x:1:", "times", "capacity"]),
        (b"0,1\n1,2\n", ["x:1:", "'0,1'", "header"]),
        (b"a,b,c\n", ["x:1:", "'a,b,c'", "header send_ms,arrival_ms"]),
        (b"send_ms,arrival_ms\n", ["x:", "at least two packets"]),
        (b"send_ms,arrival_ms\n1,2\n1,3\n", ["x:", "different times"]),
        (b"send_ms,arrival_ms\n0,1\n20\n", ["x:3:", "two numbers"]),
        (b"send_ms,arrival_ms\n0,1\n20,21,22\n", ["x:3:", "two numbers"]),
        (b"send_ms,arrival_ms\n0,1\n,21\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,nan\n", ["x:3:", "'nan'", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,inf\n", ["x:3:", "'inf'", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,1e999\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n-1e13,2\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,1_000\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,21\n10,30\n", ["x:4:", "backward", "'10'"]),
        (b"send_ms,arrival_ms\n0,1\n20,19.9\n", ["x:3:", "before it is sent"]),
    ],
)
def test_what_is_not_a_trace_is_refused_with_its_place(content, words):
    message = refusal(content)
    for word in words:
        assert word in message
    assert len(message) < 300


VALID = [b"0 1 0 0 1 1 0\n0 0 1", b"send_ms,arrival_ms\n0,9.982\n10.023,29.9\n20.045,\n30.1,31\n"]


@settings(max_examples=500)
@given(st.data())
def test_damaged_traces_are_read_or_refused(data):
    content = bytearray(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 8)))
        content[start:end] = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b",", b"-", b"e9", b"\n"]))
        )
    try:
        trace = parse_trace(bytes(content), "x")
    except ChannelError as error:
        assert str(error).startswith("x:")
    else:
        assert 0 <= trace.mean_loss() <= 1
        if isinstance(trace, ArrivalTrace):
            assert list(trace.send_ns) == sorted(trace.send_ns)
            assert min(trace.delay_ns) >= LOST


def test_too_long_a_trace_is_refused(monkeypatch):
    monkeypatch.setattr(trace_file, "MAX_PACKETS", 3)
    assert list(parse_trace(b"0 1 1", "x").lost) == [0, 1, 1]
    assert "more than 3 packets" in refusal(b"0 1 1 0")
    assert "x:5: has more than 3 packets" in refusal(b"send_ms,arrival_ms\n0,1\n2,3\n3,4\n4,5\n")


def test_too_large_a_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(trace_file, "MAX_FILE_BYTES", 2**20)
    (tmp_path / "large.txt").write_bytes(b"0 " * 2**19 + b"0")
    with pytest.raises(ChannelError, match=r"large\.txt: is larger than 1 MiB"):
        read_trace(tmp_path / "large.txt")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    for name in ("missing.txt", ".", "nul\0.txt"):
        with pytest.raises(ChannelError, match=r"is not a file|cannot be read"):
            read_trace(tmp_path / name)


def test_a_file_that_changed_is_read_again(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("0 1")
    assert read_trace(path) is read_trace(path)
    path.write_text("0 1 1")
    assert list(read_trace(path).lost) == [0, 1, 1]
