"""Jobs for tests of engines: packets of real speech, and losses."""

from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from testbed.codecs.encoding import encode
from testbed.codecs.engines.engine import Job
from testbed.codecs.opus.packet import split
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Action
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

CLASSIC, DEEP_PLC, ENHANCED = 0, 5, 10


@cache
def packets(frame_ms: int = 20, dred_ms: int = 1000, bandwidth: str = "wideband", seconds: int = 4):
    clip = load_clips(Speech(corpus="packaged"), Path())[0]
    told = EncoderSettings(
        bitrate_bps=24_000 + (16_000 + 80 * dred_ms if dred_ms else 0),
        frame_ms=frame_ms,
        bandwidth=bandwidth,
        expected_loss_percent=20,
        inband_fec=True,
        dred_depth_ms=dred_ms,
    )
    return tuple(f.payload for f in encode(int16_from_float(clip.pcm)[: 16_000 * seconds], told).frames)


def job(sent, lost, complexity: int = DEEP_PLC, lbrr: bool = False, dred: bool = True, frame_ms: int = 20):
    """Return a job in which frames are lost and recovered as far as possible from the next packet."""
    actions = np.full(len(sent), Action.DECODE, np.uint8)
    sources = np.arange(len(sent), dtype=np.int32)
    held = [None if frame in lost else packet for frame, packet in enumerate(sent)]
    for frame in lost:
        following = next((later for later in range(frame, len(sent)) if later not in lost), None)
        actions[frame] = Action.CONCEAL
        sources[frame] = -1
        if following is None:
            continue
        if lbrr and following == frame + 1 and any(split(sent[following]).lbrr_frames):
            actions[frame], sources[frame] = Action.DECODE_LBRR, following
        elif dred:
            actions[frame], sources[frame] = Action.DECODE_DRED, following
    return Job(sent, held, actions, sources, 16 * frame_ms, complexity)


@st.composite
def losses(draw):
    """Draw which frames of a call are lost, in bursts."""
    lost: set[int] = set()
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, 90))
        lost |= set(range(start, start + draw(st.integers(1, 9))))
    return sorted(lost)
