"""A relay refuses strangers, floods and garbage, and counts them by reason."""

import random
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dpkt
import pytest

from testbed.channels import STAGES, StageSpec
from testbed.errors import ResultsError, ScenarioError
from testbed.live import direction, recording
from testbed.live.addresses import read_address
from testbed.live.log import read_log
from testbed.live.network import LiveNetwork
from testbed.live.relay import Relay, in_thread

from .clients import LOOPBACK, RTCP, STUN, client, received, rtp

DELAY = LiveNetwork([StageSpec("delay", STAGES["delay"](constant_ms=1))])
LONG_DELAY = LiveNetwork([StageSpec("delay", STAGES["delay"](constant_ms=60_000))])


def wait_for(relay: Relay, refused: int) -> None:
    """Wait until a number of datagrams has been refused."""
    end = time.monotonic() + 60
    while relay.counts.refused.total() < refused and time.monotonic() < end:
        time.sleep(0.001)
    assert relay.counts.refused.total() == refused


def test_datagrams_of_strangers_are_refused_at_both_ends() -> None:
    with (
        client() as one,
        client() as other,
        client() as stranger,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname()) as relay,
        in_thread(relay),
    ):
        one.sendto(rtp(0), relay.listens_at)
        assert other.recv(100) == rtp(0)
        stranger.sendto(rtp(1), relay.listens_at)
        stranger.sendto(rtp(1), relay.answers_at)
        wait_for(relay, 2)
        assert relay.counts.refused == {"another sender": 2}
        one.sendto(rtp(2), relay.listens_at)
        other.sendto(rtp(3), relay.answers_at)
        assert received(other) == [rtp(2)]
        assert received(one) == [rtp(3)]
        assert received(stranger, 0.01) == []


def test_garbage_makes_nobody_the_client() -> None:
    with (
        client() as one,
        client() as other,
        client() as stranger,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname()) as relay,
        in_thread(relay),
    ):
        stranger.sendto(b"\xffhello", relay.listens_at)
        wait_for(relay, 1)
        one.sendto(rtp(0), relay.listens_at)
        assert other.recv(100) == rtp(0)


def test_without_to_the_callee_is_who_sends_first() -> None:
    with (
        client() as one,
        client() as other,
        Relay(DELAY, (LOOPBACK, 0)) as relay,
        in_thread(relay),
    ):
        one.sendto(STUN, relay.listens_at)
        wait_for(relay, 1)
        assert relay.counts.refused == {"no other client yet": 1}
        other.sendto(STUN, relay.answers_at)
        assert one.recv(100) == STUN
        one.sendto(RTCP, relay.listens_at)
        assert other.recv(100) == RTCP


@pytest.mark.parametrize(("most", "most_bytes"), [(10, 1 << 20), (1000, 1000)])
def test_the_channel_holds_a_limited_number_of_packets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int, most_bytes: int
) -> None:
    monkeypatch.setattr(direction, "MOST_WAITING", most)
    monkeypatch.setattr(direction, "MOST_WAITING_BYTES", most_bytes)
    with client() as one, client() as other:
        with (
            Relay(LONG_DELAY, (LOOPBACK, 0), other.getsockname(), record=tmp_path / "rec") as relay,
            in_thread(relay),
        ):
            for number in range(30):
                one.sendto(rtp(number), relay.listens_at)
            wait_for(relay, 20)
            assert relay.counts.refused == {"channel full": 20}
        log = list(read_log(tmp_path / "rec" / "relay.csv"))
    assert [fate.number for fate in log if fate.decision == "waiting"] == list(range(10))


def send_garbage(count: int, target: tuple[str, int], relay: Relay, one: socket.socket) -> int:
    """Send random datagrams, no faster than the relay counts them; return how many it forwarded."""
    random_ = random.Random(1)
    way = relay.counts.ways["forward"]

    def counted() -> int:
        return relay.counts.refused.total() + way.taken + way.passed.total()

    before, end = counted(), time.monotonic() + 300
    for sent in range(count):
        if sent % 100 == 0:
            while counted() - before < sent and time.monotonic() < end:
                time.sleep(0)
        one.sendto(random_.randbytes(random_.choice((0, 1, 8, 13, 60, 1200))), target)
    while counted() - before < count and time.monotonic() < end:
        time.sleep(0.001)
    assert counted() - before == count, "a datagram was not counted"
    return way.taken + way.passed.total()


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_random_datagrams_are_counted_and_the_call_goes_on(count: int) -> None:
    with (
        client() as one,
        client() as other,
        client() as stranger,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname()) as relay,
        in_thread(relay),
    ):
        one.sendto(rtp(0), relay.listens_at)
        assert other.recv(100) == rtp(0)
        assert send_garbage(count // 2, relay.listens_at, relay, stranger) == 1
        forwarded = send_garbage(count // 2, relay.listens_at, relay, one)
        assert 0 < forwarded < count // 2
        assert set(relay.counts.refused) == {
            "another protocol",
            "another sender",
            "malformed DTLS",
            "malformed RTP",
            "malformed RTCP",
            "malformed STUN",
            "too short",
        }
        received(other, 0.05)
        one.sendto(rtp(1), relay.listens_at)
        other.sendto(rtp(2), relay.answers_at)
        assert received(other) == [rtp(1)]
        assert received(one) == [rtp(2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.0.0.0:5004", "--allow-remote"),
        ("192.168.1.2:5004", "--allow-remote"),
        ("[::]:5004", "--allow-remote"),
        ("5004", "as in 127.0.0.1:5004"),
        ("127.0.0.1", "as in"),
        ("127.0.0.1:70000", "as in"),
        ("127.0.0.1:-1", "as in"),
        ("example.org:5004", "as in"),
        ("::1:5004:", "as in"),
    ],
)
def test_an_address_that_is_not_of_this_machine_alone_is_refused(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_address(text, "--listen", allow_remote=False)


def test_addresses_are_read() -> None:
    assert read_address("localhost:1", "--to", allow_remote=False) == ("127.0.0.1", 1)
    assert read_address("[::1]:2", "--to", allow_remote=False) == ("::1", 2)
    assert read_address("192.0.2.1:3", "--to", allow_remote=True) == ("192.0.2.1", 3)


def test_a_folder_of_others_is_not_recorded_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ResultsError, match="not empty"):
        Relay(DELAY, (LOOPBACK, 0), record=tmp_path)
    with pytest.raises(ResultsError, match="is a file"):
        Relay(DELAY, (LOOPBACK, 0), record=tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_address_in_use_is_named_and_nothing_is_recorded(tmp_path: Path) -> None:
    with client() as one:
        host, port = one.getsockname()
        with pytest.raises(ScenarioError, match=rf"{host}:{port}: cannot be bound"):
            Relay(DELAY, (host, port), record=tmp_path / "rec")
    assert not (tmp_path / "rec").exists()


def test_a_full_recording_ends_and_the_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_PACKETS", 3)
    with (
        client() as one,
        client() as other,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname(), record=tmp_path / "rec") as relay,
        in_thread(relay),
    ):
        for number in range(5):
            one.sendto(rtp(number), relay.listens_at)
            assert other.recv(100) == rtp(number)
    assert relay.recording is not None
    assert relay.recording.left_out == 2
    assert [fate.number for fate in read_log(tmp_path / "rec" / "relay.csv")] == [0, 1, 2]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 30 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_ends_the_recording_and_the_call_goes_on(tmp_path: Path) -> None:
    with (
        client() as one,
        client() as other,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname(), record=tmp_path / "rec") as relay,
        in_thread(relay),
    ):
        for number in range(400):
            one.sendto(rtp(number, bytes(100)), relay.listens_at)
            assert len(other.recv(200)) == 112
    assert relay.recording is not None
    assert relay.recording.failure == "File too large"
    log = list(read_log(tmp_path / "rec" / "relay.csv"))
    assert [fate.number for fate in log] == list(range(len(log)))
    assert 100 < len(log) < 400
    assert (tmp_path / "rec" / "arrivals-forward.csv").is_file()


def test_log_and_capture_stay_below_their_limit(tmp_path: Path) -> None:
    with (
        client() as one,
        client() as other,
        Relay(DELAY, (LOOPBACK, 0), other.getsockname(), record=tmp_path / "rec", record_mb=1) as relay,
        in_thread(relay),
    ):
        for number in range(30):
            one.sendto(rtp(number, bytes(60_000)), relay.listens_at)
            assert len(other.recv(65_535)) == 60_012
    assert relay.recording is not None
    assert relay.recording.left_out == 14
    size = sum((tmp_path / "rec" / name).stat().st_size for name in ("relay.csv", "call.pcap"))
    assert 900_000 < size <= 1_000_000


def test_a_datagram_that_the_system_does_not_send_is_counted(tmp_path: Path) -> None:
    with client() as one, Relay(DELAY, (LOOPBACK, 0), (LOOPBACK, 0)) as relay, in_thread(relay):
        one.sendto(rtp(0), relay.listens_at)
        wait_for(relay, 1)
        assert relay.counts.refused == {"not sent by the system": 1}


def test_the_relay_forwards_from_ipv4_to_ipv6(tmp_path: Path) -> None:
    with client() as one, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", 0))
        other.settimeout(5)
        to = other.getsockname()[:2]
        with (
            Relay(DELAY, (LOOPBACK, 0), to, record=tmp_path / "rec") as relay,
            in_thread(relay),
        ):
            one.sendto(rtp(0), relay.listens_at)
            datagram, sender = other.recvfrom(100)
            assert (datagram, sender[:2]) == (rtp(0), relay.answers_at)
            other.sendto(rtp(1), sender)
            assert one.recv(100) == rtp(1)
    with (tmp_path / "rec" / "call.pcap").open("rb") as file:
        packets = [packet for _, packet in dpkt.pcap.Reader(file)]
    there = dpkt.ip6.IP6(packets[0])
    assert (there.src, there.data.data) == (socket.inet_pton(socket.AF_INET6, "::1"), rtp(0))
    assert (there.data.sport, there.data.dport) == (sender[1], to[1])
    assert dpkt.ip.IP(packets[1]).data.data == rtp(1)
