"""Synthetic media: the rate that was asked for, cut into packets, when it should be and not otherwise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.channels.clock import Clock
from testbed.flows.source import MediaSource
from testbed.scenario.flow_media import LEAST_PACKET_BYTES, Audio, Video, Voice, cut

S = 1_000_000_000


def sent(media, target_kbps, spans_s, seed=1):
    env, packets = Clock(), []
    target = target_kbps if callable(target_kbps) else lambda now_s: target_kbps
    source = MediaSource(
        env,
        media,
        lambda: target(env.now / S),
        lambda size: packets.append((env.now / S, size)),
        np.random.default_rng(seed),
    )
    env.process(source.run([(round(a * S), round(b * S)) for a, b in spans_s]))
    env.run()
    return packets


def kbps(packets, begin_s, end_s):
    return sum(size for at_s, size in packets if begin_s <= at_s < end_s) * 8e-3 / (end_s - begin_s)


@given(st.integers(0, 10**6), st.integers(LEAST_PACKET_BYTES, 1500))
def test_a_frame_is_cut_into_few_and_equal_packets(frame_bytes, packet_bytes):
    sizes = cut(frame_bytes, packet_bytes)
    assert sum(sizes) == max(frame_bytes, LEAST_PACKET_BYTES)
    assert max(sizes) <= packet_bytes
    assert max(sizes) - min(sizes) <= 1
    assert (len(sizes) - 1) * packet_bytes < sum(sizes)


@pytest.mark.parametrize("rate", [150, 700, 1500])
def test_video_has_its_rate_its_frame_rate_and_its_variation(rate):
    packets = sent(Video(), rate, [(0, 100)])
    assert max(size for _, size in packets) <= 1200
    frames = 2500
    # A frame's size is uniform within 5 %, so the mean of 2500 deviates by 0.05 / sqrt(3 * 2500).
    assert kbps(packets, 0, 100) == pytest.approx(rate, rel=4 * 0.05 / np.sqrt(3 * frames) + 1 / frames)
    for second in range(99):
        assert kbps(packets, second, second + 1) == pytest.approx(rate, rel=0.05 + 1 / 25)


def test_a_voice_call_is_a_packet_a_frame_and_audio_is_constant():
    voice = sent(Voice(), 64, [(0, 10)])
    assert len(voice) == 500
    assert kbps(voice, 0, 10) == pytest.approx(64, rel=0.01)
    assert {size for _, size in sent(Audio(), 20, [(0, 10)])} == {50}


@pytest.mark.parametrize("media", [Video(), Voice(min_kbps=24, max_kbps=1500)])
def test_a_new_target_is_followed_after_the_response_and_a_frame(media):
    packets = sent(media, lambda now_s: 1000 if now_s < 5 else 200, [(0, 10)])
    late_s = media.response_ms / 1000 + 2 * media.frame_ns / S
    assert kbps(packets, 4, 5) > 900
    assert kbps(packets, 5 + late_s, 10) == pytest.approx(200, rel=0.05)
    assert kbps(packets, 5, 5 + media.response_ms / 1000 - media.frame_ns / S) > 600


def test_nothing_is_sent_in_a_pause():
    packets = sent(Video(), 1500, [(1, 4), (6, 9)])
    assert all(1 <= at_s < 4 or 6 <= at_s < 9 for at_s, _ in packets)
    assert kbps(packets, 1, 4) == pytest.approx(kbps(packets, 6, 9), rel=0.05)
