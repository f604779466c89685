"""Measures how late `testbed live` sends packets, at 50 packets per second each way.

Run it with ``.venv/bin/python benchmarks/live_timing.py``, on a machine that does nothing else. A packet is
late by the time from when the stages let it go to when it was handed to the system. Beside it stands the time
that a bare sleep in this process ends late: what the machine itself allows.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from testbed.codecs.rtp.packet import RtpPacket
from testbed.live.log import SENT, read_log

CHANNEL = """
channel:
  - loss: {model: gilbert_elliott, rate: 0.05, mean_burst_packets: 3}
  - jitter: {model: gamma, mean_ms: 30, std_ms: 15}
"""
SECONDS, INTERVAL_S, PAYLOAD_BYTES = 60, 0.02, 80
LOOPBACK = "127.0.0.1"


def main() -> None:
    """Print a table and, last, one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "channel.yaml").write_text(CHANNEL)
        sleeps_ms = call(Path(folder))
        log = list(read_log(Path(folder) / "rec" / "relay.csv"))
    late_ms = [(fate.sent_ns - fate.due_ns) / 1e6 for fate in log if fate.decision == SENT]
    figures = {}
    print(f"{'':<16}{'times':>8}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'most ms':>10}")
    for name, times_ms in (("relay", late_ms), ("bare sleep", sleeps_ms)):
        quantiles = [float(np.quantile(times_ms, share)) for share in (0.5, 0.95, 0.99, 1)]
        print(f"{name:<16}{len(times_ms):>8}" + "".join(f"{value:10.2f}" for value in quantiles))
        key = name.replace(" ", "_")
        figures |= {f"{key}_late_p50_ms": quantiles[0], f"{key}_late_p99_ms": quantiles[2]}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def call(folder: Path) -> list[float]:
    """Make a call through the relay; return how late the sleeps between its packets ended, in ms."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee,
    ):
        callee.bind((LOOPBACK, 0))
        command = [str(Path(sys.executable).with_name("testbed")), "live", "channel.yaml", "--both-ways"]
        command += ["--listen", f"{LOOPBACK}:0", "--to", f"{LOOPBACK}:{callee.getsockname()[1]}"]
        command += ["--record", "rec"]
        relay = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert relay.stdout is not None
        near, far = (int(port) for port in re.findall(rb":(\d+)", relay.stdout.readline()))
        sleeps_ms = []
        start_s = time.monotonic()
        for number in range(round(SECONDS / INTERVAL_S)):
            due_s = start_s + number * INTERVAL_S
            if due_s > time.monotonic():
                time.sleep(max(0.0, due_s - time.monotonic()))
                sleeps_ms.append(1000 * (time.monotonic() - due_s))
            packet = RtpPacket(111, number & 0xFFFF, 960 * number, 1, bytes(PAYLOAD_BYTES)).serialize()
            caller.sendto(packet, (LOOPBACK, near))
            callee.sendto(packet, (LOOPBACK, far))
        time.sleep(0.5)
        relay.terminate()
        relay.communicate()
    return sleeps_ms


if __name__ == "__main__":
    main()
