"""Our reading of captures beside Wireshark's: the same RTP stream, losses and jitter, in pcap and pcapng."""

import re
import subprocess

import numpy as np
import pytest

from testbed.channels.recordings.parts import LOST
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ChannelError
from testbed.pcap import write_pcap
from testbed.traces.formats import read, write
from testbed.traces.recording import from_times
from testbed.traces.summary import jitter_ms

MS = 1_000_000
PORT = "udp.port==5004,rtp"


@pytest.fixture(scope="module")
def call():
    """Two minutes with loss, jitter and reordering."""
    rng = np.random.default_rng(1)
    send_ns = np.arange(6000, dtype=np.int64) * 20 * MS
    delay_ns = np.rint(rng.gamma(2, 6 * MS, 6000)).astype(np.int64)
    delay_ns[rng.random(6000) < 0.05] = LOST
    delay_ns[[0, -1]] = 0
    return from_times(send_ns, delay_ns)


@pytest.fixture
def run(tshark):
    """Return what tshark says when it is given some arguments."""

    def say(*arguments):
        return subprocess.run(
            [tshark, *map(str, arguments)], capture_output=True, check=True, text=True
        ).stdout

    return say


def test_the_same_packets_at_the_same_times(tmp_path, run, call):
    path = tmp_path / "call.pcap"
    write(path, call)
    fields = ("frame.time_epoch", "rtp.seq", "rtp.timestamp")
    columns = [word for field in fields for word in ("-e", field)]
    rows = [line.split("\t") for line in run("-r", path, "-d", PORT, "-T", "fields", *columns).splitlines()]
    _, ours = read(path, remove_skew=False)
    order = ours.arrival_order()
    assert [int(sequence) for _, sequence, _ in rows] == order.tolist()
    assert [int(ticks) for _, _, ticks in rows] == (order * 960).tolist()
    arrivals_ns = [int(seconds.replace(".", "")) for seconds, _, _ in rows]
    assert arrivals_ns == (ours.send_ns + ours.delay_ns)[order].tolist()


@pytest.mark.parametrize("kind", ["pcapng", "nsecpcap", "pcap", "modpcap"])
def test_files_written_by_wireshark_are_read(tmp_path, run, call, kind):
    """modpcap is a patched libpcap's, which is refused by name; the others hold the same call."""
    write(tmp_path / "ours.pcap", call)
    run("-r", tmp_path / "ours.pcap", "-F", kind, "-w", tmp_path / "theirs")
    if kind == "modpcap":
        with pytest.raises(ChannelError, match="theirs: is a capture of a patched libpcap; `editcap"):
            read(tmp_path / "theirs")
        return
    _, ours = read(tmp_path / "ours.pcap", remove_skew=False)
    _, theirs = read(tmp_path / "theirs", remove_skew=False)
    assert (theirs.lost == ours.lost).all()
    assert theirs.rtp == ours.rtp
    precision_ns = 1000 if kind == "pcap" else 1
    assert np.abs(theirs.delay_ns - ours.delay_ns)[~ours.lost].max() <= precision_ns


def test_loss_and_jitter_are_wiresharks(tmp_path, run, call):
    """Wireshark's RTP stream analysis: what it expects, what it misses, and RFC 3550's running jitter.

    It needs a static payload type to know the clock: the call is sent as PCMU, a tick each 0.125 ms.
    """
    path = tmp_path / "call.pcap"
    arrivals_ns = call.send_ns + call.delay_ns
    write_pcap(
        path,
        [
            (int(arrivals_ns[n]), RtpPacket(0, 60_000 + n & 0xFFFF, 160 * n, 7, b"").serialize())
            for n in call.arrival_order().tolist()
        ],
    )
    _, ours = read(path, remove_skew=False)
    table = run("-r", path, "-d", PORT, "-q", "-z", "rtp,streams").splitlines()
    (line,) = (line for line in table if "0x00000007" in line)
    packets, lost, numbers = re.search(r"0x00000007\s+\S+\s+(\d+)\s+(-?\d+) \([\d.]+%\)(.*)", line).groups()
    assert (int(packets), int(lost)) == (int((~ours.lost).sum()), int(ours.lost.sum()))
    *_, mean_ms, greatest_ms = map(float, numbers.replace("X", "").split())
    jitter = jitter_ms(ours)
    assert (mean_ms, greatest_ms) == pytest.approx((jitter.mean(), jitter.max()), rel=0.01)
