"""DRED of our own in packets: as deep and as fine as asked, the speech as it was, every depth of one pass."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.codecs.dred import network, packet, payload, writer
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.encoding import dred_distortion, encode
from testbed.codecs.opus.codec import DredDecoder
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.schemes.dred import DEEPEST_MS

SETTINGS = EncoderSettings(bitrate_bps=24_000, expected_loss_percent=20)
DEPTHS_MS = (20, 40, 100, 200, 500, 1000, 2000)
SECONDS = 3


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """Make 3 s of a voice-like sound: pulses of a wandering pitch through noise that comes and goes."""
    rng = np.random.default_rng(1)
    time_s = np.arange(SECONDS * 16_000) / 16_000
    phase = np.cumsum(120 + 40 * np.sin(3 * time_s)) / 16_000
    pulses = np.exp(-((phase % 1) ** 2) / 0.003)
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * time_s)
    return (8000 * loudness * (pulses + 0.05 * rng.normal(size=time_s.size))).astype(np.int16)


@pytest.fixture(scope="module")
def plain(pcm):
    return encode(pcm, SETTINGS)


@pytest.fixture(scope="module")
def made(pcm, plain):
    return writer.DredWriter(pcm, plain, WrittenDred(max(DEPTHS_MS), 6, 5, 15).chunks)


def asked(depth_ms: int, q0: int = 6) -> WrittenDred:
    return WrittenDred(depth_ms, q0, 5, 15)


@pytest.mark.parametrize("depth_ms", DEPTHS_MS)
def test_every_packet_has_the_depth_asked_and_the_speech_it_had(plain, made, depth_ms):
    encoding = made.encoding(asked(depth_ms))
    assert encoding.settings == plain.settings
    for index, (frame, before) in enumerate(zip(encoding.frames, plain.frames, strict=True)):
        assert packet.remove(frame.payload) == packet.remove(before.payload)
        assert frame.primary_bytes + frame.lbrr_bytes + frame.dred_bytes == len(frame.payload)
        assert frame.primary_bytes == before.primary_bytes
        assert frame.dred_bytes == len(frame.payload) - len(before.payload)
        if index == 0:
            assert frame == before  # nothing was said before it
            continue
        data = packet.find(frame.payload).payload
        chunks = min(asked(depth_ms).chunks, (index + 1) // 2)
        found = payload.parse(data).chunks
        assert frame.dred_depth_samples == 640 * found
        assert frame.dred_samples == 640 * found - 400
        # the last may hide in the last 7 bits, where no reader looks
        assert chunks - 4 <= found <= chunks
        assert payload.write(payload.parse(data + bytes(8), chunks)) == data
    assert abs(asked(depth_ms).chunks * 40 - 25 - depth_ms) <= 25


@pytest.mark.parametrize("q0", [3, 12])
def test_a_shallower_depth_is_the_deepest_payload_cut(made, q0):
    deepest = made.encoding(asked(2000, q0))
    for depth_ms in DEPTHS_MS[:-1]:
        shallow, chunks = made.encoding(asked(depth_ms, q0)), asked(depth_ms, q0).chunks
        compared = 0
        for full, short in zip(deepest.frames, shallow.frames, strict=True):
            if full.dred_depth_samples >= 640 * chunks and short.dred_samples:
                whole = payload.parse(packet.find(full.payload).payload)
                assert payload.write(whole.cut(chunks)) == packet.find(short.payload).payload
                compared += 1
        assert compared > (len(shallow) - 2 * chunks) // 2


def test_asking_for_more_than_was_announced_makes_the_same(pcm, plain, made):
    unprepared = writer.DredWriter(pcm, plain, 0)
    for depth_ms in (40, 1000, 200):
        assert unprepared.encoding(asked(depth_ms)).frames == made.encoding(asked(depth_ms)).frames


def test_one_pass_of_the_networks_serves_all_depths(pcm, plain, monkeypatch):
    passes = {"encode": 0, "decode": 0}

    def counted(name):
        inner = getattr(network, name)

        def count(*arguments):
            passes[name] += 1
            return inner(*arguments)

        return count

    for name in passes:
        monkeypatch.setattr(network, name, counted(name))
    one = writer.DredWriter(pcm, plain, 51)
    for q0 in (4, 8):
        for depth_ms in DEPTHS_MS:
            one.encoding(asked(depth_ms, q0))
    blocks = -(-len(plain) // 256)
    assert passes == {"encode": 1, "decode": 2 * blocks}


def test_libopus_finds_as_much_as_we_say(made):
    decoder = DredDecoder()
    for depth_ms in DEPTHS_MS:
        for frame in made.encoding(asked(depth_ms)).frames:
            expected = frame.dred_samples - max(0, frame.dred_depth_samples - 26 * 640)
            assert decoder.parse(frame.payload, 26 * 640, defer=True).samples == expected


def test_distortion_is_what_the_decoded_features_differ_by(pcm, made):
    encoding = made.encoding(asked(500))
    whole = np.zeros(len(encoding) * 320, np.int16)
    whole[: len(pcm)] = pcm
    meant = writer.feature_frames(whole, "voip")
    for index in (5, 60, 149):
        frame = encoding.frames[index]
        (decoded,) = network.decode([payload.parse(packet.find(frame.payload).payload)])
        difference = decoded - meant[2 * index + 1 :: -1][: len(decoded)]
        assert frame.dred_distortion == pytest.approx(np.sqrt(np.mean(difference**2)), rel=1e-5)


def test_distortion_grows_with_coarseness_and_with_age(made):
    by_level = [dred_distortion(made.encoding(asked(500, q0)).frames) for q0 in (0, 6, 12)]
    by_depth = [dred_distortion(made.encoding(asked(depth_ms)).frames) for depth_ms in (100, 500, 2000)]
    assert by_level == sorted(by_level)
    assert by_depth == sorted(by_depth)
    assert np.isnan(dred_distortion([EncodedFrame(b"x")]))


def test_silence_that_dtx_does_not_send_stays_unsent():
    silent = encode(np.zeros(SECONDS * 16_000, np.int16), replace(SETTINGS, dtx=True))
    short = [index for index, frame in enumerate(silent.frames) if len(frame.payload) <= 2]
    assert short
    encoding = writer.DredWriter(np.zeros(SECONDS * 16_000, np.int16), silent, 13).encoding(asked(500))
    for index in short:
        assert encoding.frames[index] == silent.frames[index]
    assert any(frame.dred_samples for frame in encoding.frames)


def test_padding_of_a_constant_bitrate_gives_way(pcm):
    padded = encode(pcm, replace(SETTINGS, rate_mode="cbr"))
    encoding = writer.DredWriter(pcm, padded, 13).encoding(asked(500))
    for frame, before in zip(encoding.frames[1:], padded.frames[1:], strict=True):
        assert packet.remove(frame.payload) == packet.remove(before.payload)
        assert frame.dred_bytes == len(frame.payload) - len(packet.remove(before.payload))


@pytest.mark.parametrize(
    ("frame_ms", "expected"),
    [
        (10, [(-1, 14), (0, 10), (0, 14), (1, 10), (1, 14)]),
        (20, [(0, 6), (1, 6), (2, 6)]),
        (40, [(0, 6), (2, 6), (4, 6)]),
        (60, [(0, 6), (3, 6), (6, 6)]),
    ],
)
def test_the_newest_step(frame_ms, expected):
    assert [writer.newest(index, frame_ms) for index in range(len(expected))] == expected


def test_the_deepest_that_a_scenario_may_ask_is_the_deepest_payload():
    assert asked(DEEPEST_MS["testbed"]).chunks == payload.MAX_CHUNKS
    assert asked(DEEPEST_MS["testbed"] + 10).chunks == payload.MAX_CHUNKS + 1
    assert asked(DEEPEST_MS["libopus"]).chunks == 26


def test_the_input_of_the_dred_encoder_has_no_rumble():
    seconds = np.arange(16_000) / 16_000
    level = {}
    for hz in (2, 20, 1000):
        tone = (8000 * np.sin(2 * np.pi * hz * seconds)).astype(np.int16)
        for application in ("voip", "audio"):
            heard = writer.encoder_input(tone, application)
            assert heard.shape == (16_011,)
            assert not heard[:11].any()
            level[application, hz] = np.sqrt(np.mean(heard[8011:] ** 2)) / np.sqrt(np.mean(tone**2.0))
    assert level["voip", 20] < 0.3
    assert level["audio", 20] > 0.9
    assert level["audio", 2] < 0.6
    assert level["voip", 1000] == pytest.approx(1, abs=0.02)
