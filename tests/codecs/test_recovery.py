"""Recovery of missing frames, compared with libopus's output."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES, EncodedFrame
from testbed.codecs.encoding import encode
from testbed.codecs.engines import replay
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Action, Recovery, recover
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

ENCODERS: dict[str, dict[str, Any]] = {
    "silk narrowband": {"bandwidth": "narrowband", "bitrate_bps": 50_000, "inband_fec": True},
    "silk wideband": {"bitrate_bps": 60_000, "inband_fec": True},
    "silk wideband without LBRR": {"bitrate_bps": 60_000},
    "celt wideband": {"bitrate_bps": 160_000},
}
FRAMES_MS = (10, 20, 40, 60)
BEGIN_MS, DECODED_MS = 600, 480


@cache
def spoken(encoder: str, frame_ms: int, dred_ms: int) -> list[EncodedFrame]:
    """Return 1.2 s of continuous speech, encoded."""
    pcm = int16_from_float(load_clips(Speech(corpus="packaged"), Path())[0].pcm)[16 * BEGIN_MS :]
    told = EncoderSettings(
        complexity=0, expected_loss_percent=20, dred_depth_ms=dred_ms, frame_ms=frame_ms, **ENCODERS[encoder]
    )
    return list(encode(pcm[: 16 * 1200], told).frames)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(list(ENCODERS)),
    st.sampled_from(list(ENCODERS)),
    st.sampled_from(FRAMES_MS),
    st.sampled_from([100, 300, 1000]),
    st.integers(1, 8),
)
def test_a_frame_counts_as_recovered_if_libopus_plays_more_than_concealment(
    before: str, after: str, frame_ms: int, dred_ms: int, lost: int
) -> None:
    first = DECODED_MS // frame_ms
    carrier = first + lost
    frames = [
        *spoken(before, frame_ms, dred_ms)[:first],
        *spoken(after, frame_ms, dred_ms)[first : carrier + 1],
    ]
    size = 16 * frame_ms
    decided = [
        recover(frames[first - 1], frames[carrier], carrier - frame, size, DRED_LIMIT_SAMPLES)
        for frame in range(first, carrier)
    ]
    actions = np.full(len(frames), Action.DECODE, np.uint8)
    actions[first:carrier] = [action for _, action in decided]
    sources = np.arange(len(frames), dtype=np.int32)
    sources[first:carrier] = carrier
    sent = tuple(frame.payload for frame in frames)
    job = Job(sent, sent, actions, sources, size, decoder_complexity=10)
    concealed = np.where(actions == Action.DECODE, actions, np.uint8(Action.CONCEAL))
    heard, without = (sound(each)[first:carrier] for each in (job, replace(job, actions=concealed)))
    is_same = (heard == without).all(axis=1)
    for place, (recovery, _) in enumerate(decided):
        if recovery != Recovery.PLC:
            assert not is_same[place]
        elif is_same[:place].all():
            # libopus plays the part of a frame that DRED covers, to within a feature vector of 10 ms.
            covered = frames[carrier].dred_samples - (lost - place - 1) * size
            assert is_same[place] or -160 < covered < size // 2


def sound(job: Job) -> NDArray[np.int16]:
    pcm = decode_one(LibopusEngine(), job)
    return pcm.reshape(-1, job.frame_samples)


def test_exchange_c_numbers_the_actions_as_python_does() -> None:
    """Every number above those it names conceals."""
    source = Path(replay.__file__).with_name("exchange.c").read_text("utf-8")
    (names,) = re.findall(r"^enum \{ (.*) \};", source, re.MULTILINE)
    assert names.split(", ") == [action.name for action in list(Action)[:2]]
    assert list(Action)[:2] == [0, 1]
