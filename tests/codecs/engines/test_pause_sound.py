"""The sound of pauses that were not sent: libopus's comfort noise, and no network's voice."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.codec import Decoder, DredDecoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_24_bit, int16_from_float
from testbed.codecs.recovery import Action
from testbed.scenario.loading import Speech
from testbed.sender import MAX_UNSENT_BYTES
from testbed.speech import load_clips

HZ = 16_000
NOISE_DB = 30.0
ENCODERS: dict[str, dict[str, Any]] = {
    "silk": {},
    "silk at complexity 0": {"complexity": 0},
    "silk, constant bitrate": {"rate_mode": "cbr"},
    "silk 10 ms": {"frame_ms": 10},
    "silk 40 ms": {"frame_ms": 40},
    "silk 60 ms": {"frame_ms": 60},
    "silk narrowband": {"bandwidth": "narrowband", "bitrate_bps": 12_000},
    "any bandwidth": {"bandwidth": "auto", "bitrate_bps": 64_000},
    "celt": {"application": "audio", "bitrate_bps": 100_000},
    "celt 60 ms": {"application": "audio", "bitrate_bps": 100_000, "frame_ms": 60},
    "lbrr": {"inband_fec": True, "bitrate_bps": 40_000, "expected_loss_percent": 20},
    "dred": {"dred_depth_ms": 500, "bitrate_bps": 64_000, "expected_loss_percent": 20},
}


@cache
def recording() -> NDArray[np.int16]:
    """Return speech with two pauses in it, over a room's noise of `NOISE_DB` below which nothing is said."""
    speech = int16_from_float(load_clips(Speech(corpus="packaged"), Path())[0].pcm)
    rest = np.zeros(HZ * 3 // 2, np.int16)
    parts = np.concatenate([speech[:HZ], rest, speech[HZ : 2 * HZ], rest])
    noise = np.random.default_rng(1).normal(0, 10 ** (NOISE_DB / 20), len(parts))
    return (parts + noise).astype(np.int16)


@cache
def encoded(name: str) -> tuple[Encoding, NDArray[np.bool_]]:
    """Return the recording's packets, and which of them need not be sent."""
    made = encode(recording(), EncoderSettings(**{"bitrate_bps": 24_000, "dtx": True, **ENCODERS[name]}))
    return made, np.array([len(frame.payload) <= MAX_UNSENT_BYTES for frame in made.frames])


def job(made: Encoding, actions: NDArray[np.uint8], sources: NDArray[np.int32], complexity: int) -> Job:
    sent = tuple(frame.payload for frame in made.frames)
    return Job(sent, sent, actions, sources, made.settings.frame_samples, complexity)


def played(name: str, pause: int, complexity: int) -> NDArray[np.int16]:
    """Return what is heard, frame by frame, if all that was sent arrives."""
    made, unsent = encoded(name)
    actions = np.where(unsent, pause, Action.DECODE).astype(np.uint8)
    sources = np.where(unsent, -1, np.arange(len(unsent))).astype(np.int32)
    pcm = decode_one(LibopusEngine(), job(made, actions, sources, complexity))
    return pcm.reshape(len(unsent), -1)


def level_db(pcm: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean(pcm.astype(np.float64) ** 2) + 1e-9))


@pytest.mark.parametrize("name", ENCODERS)
def test_a_pause_begins_only_after_a_packet_without_voice(name: str) -> None:
    """The receiver uses the voice flag until the next packet comes; CELT has none."""
    made, unsent = encoded(name)
    assert 0.3 < unsent.mean() < 0.7
    begins = np.flatnonzero(unsent[1:] & ~unsent[:-1])
    assert len(begins) >= 2
    assert not any(made.frames[before].has_voice for before in begins)
    for frame, is_unsent in zip(made.frames, unsent.tolist(), strict=True):
        assert is_unsent == frame.is_dtx
        assert (frame.has_voice is None) == (frame.mode == "celt")
        assert not is_unsent or not (frame.has_lbrr or frame.dred_samples)
    if all(frame.mode == "silk" for frame in made.frames):
        speech = made.frames[: HZ // made.settings.frame_samples]
        assert np.mean([frame.has_voice for frame in speech]) > 0.5


@pytest.mark.parametrize("name", ENCODERS)
def test_a_pause_sounds_as_its_packets_would_to_a_decoder_without_networks(name: str) -> None:
    made, unsent = encoded(name)
    with Decoder(0) as decoder:
        out = np.zeros((len(unsent), made.settings.frame_samples), np.int32)
        for frame, pcm in zip(made.frames, out, strict=True):
            decoder.decode(frame.payload, pcm)
    assert np.array_equal(played(name, Action.FILL_PAUSE, 0), int16_from_24_bit(out))


@pytest.mark.parametrize("name", ENCODERS)
def test_in_pauses_there_is_noise_as_in_the_recording(name: str) -> None:
    _, unsent = encoded(name)
    for complexity in (0, 5, 10):
        noise = [level_db(frame) for frame in played(name, Action.FILL_PAUSE, complexity)[unsent]]
        assert NOISE_DB - 12 < np.mean(noise) < NOISE_DB + 1
        assert max(noise) < NOISE_DB + 2


@pytest.mark.parametrize("name", ["silk", "silk 10 ms", "celt"])
def test_networks_would_speak_into_pauses(name: str) -> None:
    _, unsent = encoded(name)
    assert max(level_db(frame) for frame in played(name, Action.CONCEAL, 10)[unsent]) > NOISE_DB + 2


def test_dred_that_was_heard_before_leaves_no_network_at_work_in_a_pause() -> None:
    """At complexity 0 only DRED that libopus was given makes its networks conceal."""
    frames, size, lost = encoded("dred")[0].frames, 320, 39

    def after_dred(*ways: str) -> NDArray[np.int32]:
        out = np.zeros((len(ways), size), np.int32)
        with Decoder(0) as decoder, DredDecoder() as reader:
            for frame in frames[:lost]:
                decoder.decode(frame.payload, out[0])
            dred = reader.parse(frames[lost + 1].payload, HZ)
            decoder.decode_dred(dred, size, out[0])
            for way, pcm in zip(ways, out, strict=True):
                getattr(decoder, way)(pcm)
        return out

    paused = after_dred("fill_pause", "fill_pause")
    assert not np.array_equal(after_dred("conceal")[0], paused[0])
    assert np.array_equal(after_dred("fill_pause", "conceal"), paused)


def test_the_numba_engine_leaves_pauses_to_libopus() -> None:
    made = encode(recording()[:HZ], EncoderSettings(24_000, complexity=0))
    actions = np.full(len(made.frames), Action.DECODE, np.uint8)
    actions[20:30] = Action.FILL_PAUSE
    work = job(made, actions, np.arange(len(actions), dtype=np.int32), 10)
    numba, libopus = (decode_one(engine, work) for engine in (NumbaEngine(), LibopusEngine()))
    assert np.array_equal(numba, libopus)
