"""DRED that we write ourselves beside that of libopus: the same steps, nearly all symbols, the same sound."""

import struct
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from testbed import errors
from testbed.codecs.dred import network, packet, payload, writer
from testbed.codecs.encoding import encode
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.recovery import Action

CLIPS = Path(errors.__file__).with_name("clips")
GENEROUS = EncoderSettings(bitrate_bps=120_000, expected_loss_percent=30, dred_depth_ms=1000)


@cache
def speech():
    samples, rate = soundfile.read(CLIPS / "en-allison-1.flac", dtype="float32")
    assert rate == 16_000
    return np.round(samples[: 6 * rate] * 32767).astype(np.int16)


@pytest.mark.parametrize(
    ("frame_ms", "application"), [(10, "voip"), (20, "voip"), (20, "audio"), (40, "voip"), (60, "voip")]
)
def test_we_send_what_libopus_sends(frame_ms, application):
    """Wherever it does not wait for speech it has the same offset and step; few symbols differ."""
    settings = replace(GENEROUS, frame_ms=frame_ms, application=application)
    encoding = encode(speech(), settings)
    whole = np.zeros(len(encoding) * settings.frame_samples, np.int16)
    whole[: len(speech())] = speech()
    latents = network.encode(writer.feature_frames(whole, application))
    same = different = 0
    waited = compared = 0
    for index, frame in enumerate(encoding.frames):
        carried = packet.find(frame.payload)
        if carried is None:
            continue
        theirs = payload.parse(carried.payload)
        step, offset = writer.newest(index, frame_ms)
        if theirs.header.offset != offset:
            waited += 1
            continue
        quantizer = theirs.header.q0, theirs.header.dq, theirs.header.qmax
        ours = network.payload(latents, step, theirs.chunks, *quantizer, offset)
        difference = np.concatenate(
            [ours.state - theirs.state, (ours.latents[: theirs.chunks] - theirs.latents).ravel()]
        )
        same += int(np.sum(difference == 0))
        different += int(np.sum(difference != 0))
        compared += 1
        assert theirs.chunks <= (step + 1) // 2
    assert compared > 4 * waited
    assert different < 0.025 * same


def losses(count):
    """Return which packets are lost: one in five, in bursts of four."""
    return np.arange(count) % 20 >= 16


def play(payloads, deep):
    """Return what libopus makes of a stream with the losses; of DRED, where it may use it."""
    lost = losses(len(payloads))
    actions = np.full(len(payloads), Action.DECODE, np.uint8)
    sources = np.arange(len(payloads), dtype=np.int32)
    for frame in np.flatnonzero(lost):
        following = np.flatnonzero(~lost[frame:])
        actions[frame] = Action.DECODE_DRED if deep and following.size else Action.CONCEAL
        sources[frame] = frame + following[0] if following.size else -1
    held = [None if gone else data for gone, data in zip(lost, payloads, strict=True)]
    return decode_one(LibopusEngine(), Job(tuple(payloads), held, actions, sources, 320, 10))


def log_spectral_distance_db(a, b):
    """Return the distance of two signals over their loud frames of 20 ms, in dB."""
    frames = [np.lib.stride_tricks.sliding_window_view(x.astype(float), 320)[::160] for x in (a, b)]
    powers = [np.abs(np.fft.rfft(each * np.hanning(320))) ** 2 for each in frames]
    loud = powers[0].sum(axis=1) > 1e-3 * powers[0].sum(axis=1).max()
    bands = [
        10 * np.log10(power[loud].reshape(loud.sum(), -1)[:, :160].reshape(-1, 16, 10).sum(2) + 1)
        for power in powers
    ]
    return float(np.mean(np.abs(bands[0] - bands[1])))


def test_lost_frames_sound_as_with_libopuss_own():
    """Same quantizer, same losses: as near to the clean decode as libopus's own DRED, and nearer than PLC."""
    own = encode(speech(), GENEROUS)
    header = payload.parse(packet.find(own.frames[60].payload).payload).header
    plain = encode(speech(), replace(GENEROUS, bitrate_bps=32_000, dred_depth_ms=0))
    ours = writer.DredWriter(speech(), plain, 26).encoding(
        WrittenDred(1000, header.q0, header.dq, header.qmax)
    )
    bare = [packet.remove(frame.payload) for frame in own.frames]
    same_speech = [
        packet.add(speech_alone, packet.find(full.payload).payload)
        if packet.find(full.payload)
        else speech_alone
        for speech_alone, full in zip(bare, ours.frames, strict=True)
    ]
    received = np.zeros(len(bare), np.uint8)
    clean = decode_one(
        LibopusEngine(), Job(tuple(bare), bare, received, np.arange(len(bare), dtype=np.int32), 320, 10)
    )
    theirs = log_spectral_distance_db(clean, play([frame.payload for frame in own.frames], deep=True))
    with_ours = log_spectral_distance_db(clean, play(same_speech, deep=True))
    concealed = log_spectral_distance_db(clean, play(bare, deep=False))
    assert with_ours < 0.8 * concealed
    assert abs(with_ours - theirs) < 0.1 * theirs


def test_opus_demo_plays_it(tmp_path):
    """A bitstream of packets with our DRED, 30 % lost: opus_demo says nothing and gives sound."""
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    plain = encode(speech(), EncoderSettings(24_000, expected_loss_percent=20))
    made = writer.DredWriter(speech(), plain, 51).encoding(WrittenDred(2000, 6, 5, 15))
    stream, pcm = tmp_path / "in.bit", tmp_path / "out.pcm"
    stream.write_bytes(
        b"".join(struct.pack(">II", len(frame.payload), 0) + frame.payload for frame in made.frames)
    )
    command = [build.opus_demo, "-d", "16000", "1", "-dec_complexity", "7", "-loss", "30", stream, pcm]
    done = subprocess.run(command, check=True, capture_output=True)
    assert b"error" not in done.stderr.lower()
    heard = np.frombuffer(pcm.read_bytes(), "<i2")
    assert heard.size >= len(speech())
    assert np.abs(heard.astype(int)).max() > 1000
