"""The command `live` as its user meets it: ports, recording, summary, exit codes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dpkt
import pytest
from typer.testing import CliRunner, Result

from testbed.cli import app
from testbed.live.counts import RelayCounts, WayCounts
from testbed.live.display import line, rows, summary
from testbed.traces.formats import read
from testbed.traces.rtp_choice import choice

from .clients import DTLS, LOOPBACK, RTCP, STUN, client, received, send_paced

TESTBED = Path(sys.executable).with_name("testbed")
CHANNEL = "channel:\n  - loss: {model: bernoulli, rate: 0.3}\n  - delay: {constant_ms: 5}\nseed: 2\n"


@contextmanager
def running(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Run the command, and give the ports of both ends once it listens."""
    (folder / "channel.yaml").write_text(CHANNEL)
    command = [TESTBED, "live", "channel.yaml", "--listen", f"{LOOPBACK}:0", *options]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        near, _, far = said.removeprefix("listening on ").strip().partition(", callee's packets on ")
        try:
            yield process, int(near.rpartition(":")[2]), int(far.rpartition(":")[2])
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_call_and_completes_its_recording(tmp_path: Path, number: signal.Signals) -> None:
    with client() as one, client() as other:
        to = f"{LOOPBACK}:{other.getsockname()[1]}"
        with running(tmp_path, "--to", to, "--record", "rec") as (process, port, _):
            for datagram in (STUN, DTLS, RTCP, b"\xff garbage"):
                one.sendto(datagram, (LOOPBACK, port))
            send_paced(one, (LOOPBACK, port), 50)
            arrived = received(other, 1.0)
            process.send_signal(number)
            said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    media = [datagram for datagram in arrived if datagram not in (STUN, DTLS, RTCP)]
    assert len(arrived) == len(media) + 3
    assert f"forward: 50 packets taken, {len(media)} sent, {50 - len(media)} (loss" in said
    assert "refused: 1 another protocol" in said
    _, trace = read(tmp_path / "rec" / "arrivals-forward.csv")
    assert len(trace.lost) == 50
    assert trace.lost.sum() == 50 - len(media)
    with (tmp_path / "rec" / "call.pcap").open("rb") as file:
        captured = [dpkt.ip.IP(content).data.data for _, content in dpkt.pcap.Reader(file)]
    assert captured == arrived
    _, call = read(tmp_path / "rec" / "call.pcap", choice=choice(None, None))
    assert not call.lost[0] and call.lost.sum() <= 50 - len(media)


def in_process(*options: str) -> Result:
    return CliRunner().invoke(app, ["live", "channel.yaml", "--listen", f"{LOOPBACK}:0", *options])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "channel.yaml").write_text(CHANNEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_call_ends_after_its_time(folder: Path) -> None:
    done = in_process("--seconds", "0.1")
    assert done.exit_code == 0
    assert "forward: 0 packets taken" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--listen", "0.0.0.0:5004"], "--allow-remote"),
        (["--to", "192.0.2.1:5004"], "--allow-remote"),
        (["--to", "127.0.0.1:0"], "port 0 is no port to send to"),
        (["--listen", "127.0.0.1:5004", "--to", "127.0.0.1:5004"], "where the relay listens"),
        (["--ice", "--ice-at", "0.0.0.0:5080"], "--allow-remote"),
        (["--record", "."], "not empty"),
        (["--set", "channel.loss.rate=3"], "at most 1"),
    ],
)
def test_bad_input_ends_with_2_and_leaves_nothing(folder: Path, options: list[str], message: str) -> None:
    done = in_process(*options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert [path.name for path in folder.iterdir()] == ["channel.yaml"]


def counts() -> RelayCounts:
    way = WayCounts(taken=100, sent=90, sent_bytes=9000, delay_ns=90 * 40_000_000, waiting=2)
    way.lost["loss"] = 8
    way.passed["rtcp"] = 5
    made = RelayCounts({"forward": way, "reverse": WayCounts()})
    made.refused["another sender"] = 3
    for late_ns in range(1_000_000):
        if late_ns % 10_000 == 0:
            made.lateness.add(late_ns)
    return made


def test_the_display_shows_what_has_changed_since_the_last_one() -> None:
    before = json.loads(json.dumps(counts().as_data(1.0)))
    now = counts()
    now.ways["forward"].taken += 50
    now.ways["forward"].sent += 50
    now.ways["forward"].sent_bytes += 5000
    now.ways["forward"].delay_ns += 50 * 20_000_000
    after = json.loads(json.dumps(now.as_data(3.0)))
    assert rows(after, before)[0] == ("forward", "150", "20.0", "8 (5.3 %)", "20.0 ms", "2", "5")
    assert rows(after, None)[0] == ("forward", "150", "37.3", "8 (5.3 %)", "32.9 ms", "2", "5")
    assert line(after, before) == (
        "3 s; forward: 150 packets, 20.0 kb/s, 8 (5.3 %) lost, delay 20.0 ms, queue 2, 5 of other kinds; "
        "refused: 3 another sender"
    )


def test_the_summary_has_the_quantiles_of_lateness() -> None:
    assert "sent after the due time: p50 0.50 ms, p99 0.99 ms" in summary(counts())
