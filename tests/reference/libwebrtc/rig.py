"""Calls over the networks of the comparison."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import soundfile

from libwebrtc.call import CALLS_FILE, FRAMES_FILE, SPEECH_FILE, Call, Receiver, Sender
from libwebrtc.namespace import run_alone
from libwebrtc.networks import FRAME_MS, Network
from testbed.codecs.encoding import encode
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ, int16_from_float
from testbed.speech import list_clips

_CLIENTS = Path(__file__).parents[3] / "examples" / "live" / "node_modules"
ENCODER = EncoderSettings(bitrate_bps=24_000, complexity=5, frame_ms=FRAME_MS)
ENCODER_WITH_LBRR = replace(ENCODER, bitrate_bps=32_000, inband_fec=True, expected_loss_percent=20)


def prepare(
    name: str,
    network: Network,
    seconds: float,
    folder: Path,
    sender: Sender = "aiortc",
    receiver: Receiver = "libwebrtc",
    recordings: Path | None = None,
) -> Call:
    """Return a call over a network, with its files in a folder of its own in `folder`."""
    here = folder / re.sub(r"\W+", "-", name)
    here.mkdir(parents=True)
    speech = np.concatenate([clip.pcm for clip in list_clips()["packaged"]])
    pcm = int16_from_float(np.resize(speech, int(seconds * SAMPLE_RATE_HZ)))
    soundfile.write(here / SPEECH_FILE, pcm, SAMPLE_RATE_HZ)
    frames = encode(pcm, ENCODER_WITH_LBRR if network.has_lbrr else ENCODER).frames
    (here / FRAMES_FILE).write_text(json.dumps([frame.payload.hex() for frame in frames]))
    network.write(here, recordings)
    return Call(str(here), sender, receiver, network.clock_ppm)


def make(calls: Sequence[Call], folder: Path) -> None:
    """Make calls, all at once, in a network namespace of their own.

    Raises
    ------
    RuntimeError
        The clients are not installed, or the calls failed.
    """
    needs_clients = any("libwebrtc" in (call.sender, call.receiver) for call in calls)
    if needs_clients and not _CLIENTS.is_dir():
        raise RuntimeError(f"{_CLIENTS}: is missing: `make setup` installs the clients")
    (folder / CALLS_FILE).write_text(json.dumps([asdict(call) for call in calls]))
    run_alone([sys.executable, str(Path(__file__).with_name("calls.py")), str(folder)])
