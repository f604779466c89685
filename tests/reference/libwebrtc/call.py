"""A call to make, and the files of its folder."""

from dataclasses import dataclass
from typing import Literal

CALLS_FILE = "calls.json"
CHANNEL_FILE, SPEECH_FILE, FRAMES_FILE = "channel.yaml", "speech.wav", "frames.json"
REPORTS_FILE, RELAYED_FOLDER, RELAY_FILE, ENDED_FILE = "reports.jsonl", "relayed", "relay.txt", "ended.json"
SOUND_FILE = "sound.raw"
FRAME_TICKS, CLOCK_HZ = 960, 48_000

Sender = Literal["aiortc", "libwebrtc"]
Receiver = Literal["libwebrtc", "chromium"]


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes
    ----------
    folder
        Its folder. It holds the channel, the speech, and its Opus packets of 20 ms in hexadecimal. It gets
        what libwebrtc reports and plays, what the relay records and says, and when the last frame was sent.
    sender
        The client that sends: aiortc sends the packets, libwebrtc encodes the speech itself.
    receiver
        The client that receives.
    clock_ppm
        Error of aiortc's clock.
    """

    folder: str
    sender: Sender = "aiortc"
    receiver: Receiver = "libwebrtc"
    clock_ppm: float = 0.0
