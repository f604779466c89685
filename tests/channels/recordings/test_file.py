"""Reading of traces: meaning of the formats, and refusal of other files with the place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.channels.recordings import arrivals as trace_arrivals
from testbed.channels.recordings import delays as trace_delays
from testbed.channels.recordings import file as trace_file
from testbed.channels.recordings import losses as trace_losses
from testbed.channels.recordings.file import parse_trace, read_trace
from testbed.channels.recordings.parts import LOST, ArrivalTrace, LossTrace
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
        (b"1", [1]),
        (b"\xff\xfe0\0\n\x001\0\n\0", [0, 1]),
        (b"0001\n0010\n1", [0, 0, 0, 1, 0, 0, 1, 0, 1]),
        (b"000001000010100", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]),
        (b"00000001\r\n10000000\r\n", [0] * 7 + [1, 1] + [0] * 7),
        (b"\x21\x6b\x20\x6b", [0, 1]),
        (b"\x6b\x21\x6b\x20", [0, 1]),
        (b"\x21\x20\x21", [0, 1, 0]),
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


TABLES = {
    "plain": "send_ms,arrival_ms\n0,9.982\n10.023,\n20.045,20.045\n\n30, 1e2\n",
    "spaces": "send_ms, arrival_ms\r\n0, 9.982\r\n10.023,\r\n20.045,20.045\r\n30,100",
    "german": "\ufeffSend_ms;Arrival_ms\n0;9,982\n10,023;\n20,045;20,045\n30;100\n",
    "sep": "sep=;\nsend_ms;arrival_ms\n0;9.982\n10.023;\n20.045;20.045\n30;100\n",
    "quoted": '"send_ms","arrival_ms"\n"0","9.982"\n"10.023",""\n"20.045","20.045"\n"30","100"\n',
    "tabs": "sent (ms)\treceived (ms)\n0\t9.982\n10.023\t\n20.045\t20.045\n30\t100\n",
    "bars": "tx_time_ms|rx_time_ms\n0|9.982\n10.023|\n20.045|20.045\n30|100\n",
    "columns": "seq,arrival_ms,send_ms,size\n1,9.982,0,5\n2,,10.023,5\n3,20.045,20.045,5\n4,100,30,5\n",
    "seconds": "send_s,arrival_s\n0,0.009982\n0.010023,\n0.020045,0.020045\n0.03,0.1\n",
    "micros": "send_us,arrival_us\n0,9982\n10023,\n20045,20045\n30000,100000\n",
}


@pytest.mark.parametrize("dialect", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_of_any_dialect(dialect, encoding):
    trace = parse_trace(TABLES[dialect].encode(encoding), "x")
    assert isinstance(trace, ArrivalTrace)
    assert list(trace.send_ns) == [0, 10_023_000, 20_045_000, 30_000_000]
    assert list(trace.delay_ns) == [9_982_000, LOST, 0, 70_000_000]
    assert trace.mean_loss() == 0.25


def test_times_since_1970_are_exact():
    rows = [f"{1_700_000_000_000 + 20 * n},{1_700_000_000_035 + 20 * n}.123456" for n in range(30)]
    trace = parse_trace("\n".join(["send_ms,arrival_ms", *rows]).encode(), "x")
    assert set(trace.delay_ns) == {35_123_456}


def test_delay_profiles():
    trace = parse_trace(b"50\n47\n-1\n69\n51.5\n", "x")
    assert isinstance(trace, ArrivalTrace)
    assert list(trace.send_ns) == [20_000_000 * n for n in range(5)]
    assert list(trace.delay_ns) == [50_000_000, 47_000_000, LOST, 69_000_000, 51_500_000]
    assert trace.mean_loss() == 0.2


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
        (b"0 1 0.5", ["x:1:", "several numbers per line"]),
        (b"0 35\n20 58\n40 60", ["x:1:", "several numbers per line", "header"]),
        (b"0 1 nan", ["x:1:", "'nan'"]),
        (b"0 99999999999", ["x:1:", "several numbers"]),
        (b"0\n\x00\x01", ["x:2:"]),
        (b"0\n2\n0\n", ["x:", "up to 2", "flags of loss are 0 or 1"]),
        (b"30\n2400\n31\n", ["x:2:", "'2400'", "0 to 1999 ms"]),
        (b"30\n-2\n31\n", ["x:2:", "'-2'", "-1 for a lost packet"]),
        (b"0\n48\n57\n57\n58\n60\n61\n62\n63\n64\n", ["x:", "times", "capacity", "link: {trace: FILE}"]),
        (b"0,1\n1,2\n", ["x:1:", "header"]),
        (b"a,b,c\n", ["x:1:", "header send_ms,arrival_ms"]),
        (b"send,arrival\n0,1\n", ["x:1:", "unit", "send_s,arrival_s"]),
        (b"send_s,arrival_ms\n0,1\n", ["x:1:", "different units"]),
        (b"send_ms,sent_ms,arrival_ms\n0,1,2\n", ["x:1:", "two columns"]),
        (b"send_ms arrival_ms\n0 1\n", ["x:1:", "header"]),
        (b'send_ms,arrival_ms\n"0,1\n2,3\n', ["x:2:", "not a table"]),
        (b"send_ms,arrival_ms" + b"," * 20_000, ["x:1:", "a line of 20018 characters"]),
        (b"sep=x\nsend_msxarrival_ms\n", ["x:1:", "'x' between cells"]),
        (b"send_ms,arrival_ms\n0,1,5\n1,2,5\n", ["x:2:", "3 cells"]),
        (b"send_ms,arrival_ms\n" + b"".join(b"0.0%d,1\n" % n for n in range(10, 30)), ["send_s"]),
        (b"send_s,arrival_s\n" + b"".join(b"%d,999\n" % (20 * n) for n in range(30)), ["unit right"]),
        (b"s\0e\0n\0d\0", ["UTF-16"]),
        (b"\x21\x6b\xa0\x00\x7f\x00\x81\x00", ["bitstream of G.192"]),
        (b"\x0a\x0d\x0d\x0a", ["is a capture (pcap)", "trace convert"]),
        (b"#!rtpplay1.0 1.2.3.4/5\n", ["is a capture (rtpdump)", "trace convert"]),
        (b"send_ms,arrival_ms\n", ["x:", "at least two packets"]),
        (b"send_ms,arrival_ms\n1,2\n1,3\n", ["x:", "different times"]),
        (b"send_ms,arrival_ms\n0,1\n20\n", ["x:3:", "1 cells"]),
        (b"send_ms,arrival_ms\n0,1\n20,21,22\n", ["x:3:", "3 cells"]),
        (b"send_ms,arrival_ms\n0,1\n,21\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,nan\n", ["x:3:", "'nan'", "not a time"]),
        (b'send_ms,arrival_ms\n"0,0","1,5"\n', ["x:2:", "'0,0'", "decimal commas need semicolons"]),
        (b"send_ms,arrival_ms\n2024-01-01 12:00:00.1,\n", ["x:2:", "dates and times of day are not read"]),
        (b"send_ms;arrival_ms\n1.234,5;\n", ["x:2:", "'1.234,5'", "thousands without a separator"]),
        (b"send_ms,arrival_ms\n0,1\n20,lost\n", ["x:3:", "'lost'", "a lost packet's arrival is empty"]),
        (b"send_ms,arrival_ms\n0,1\n20,inf\n", ["x:3:", "'inf'", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,1e999\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n-1e13,2\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,1_000\n", ["x:3:", "not a time"]),
        (b"send_ms,arrival_ms\n0,1\n20,21\n10,30\n", ["x:4:", "backward", "'10'"]),
        (b"send_ms,arrival_ms\n0,1\n20,19.9\n", ["x:3:", "before it is sent"]),
        (b"send_ms,arrival_ms\n0,1\n20,-1\n", ["x:3:", "a lost packet's arrival is empty"]),
    ],
)
def test_a_file_that_is_not_a_trace_is_refused_with_its_place(content, words):
    message = refusal(content)
    for word in words:
        assert word in message
    assert len(message) < 400


VALID = [
    b"0 1 0 0 1 1 0\n0 0 1",
    b"31\n40\n-1\n35\n",
    b"00010\n01000\n",
    b"send_ms,arrival_ms\n0,9.982\n10.023,29.9\n20.045,\n30.1,31\n",
]


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
    for module in (trace_losses, trace_arrivals, trace_delays):
        monkeypatch.setattr(module, "MAX_PACKETS", 3)
    assert list(parse_trace(b"0 1 1", "x").lost) == [0, 1, 1]
    assert "more than 3 packets" in refusal(b"0 1 1 0")
    assert "more than 3 packets" in refusal(b"0110")
    assert "more than 3 packets" in refusal(b"30\n20\n50\n40\n")
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
