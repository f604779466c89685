"""Laws of the adaptive receiver: what holds for any network, and what theory says of some."""

import random
from math import ceil

import numpy as np
import pytest

import testbed.adaptive.receiver
from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.played import EditKind, Played
from testbed.adaptive.receiver import AdaptiveReceiver
from testbed.codecs.opus.codec import Decoder
from testbed.codecs.pcm import int16_from_24_bit
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.playout.adaptive import AdaptivePlayout
from tests.codecs.engines.jobs import packets

from . import laws
from .streams import MS, PER_MS, QuietDecoder, at_random, steady

PRESETS = ("neteq", "neteq_m106", "signal")
LATE = ("drop", "splice", "stall", {"wait": {"most_ms": 100}})
POLICIES = [
    AdaptivePlayout.model_validate(
        {"policy": "adaptive", "preset": preset, "late": late, "concealer": concealer}
    )
    for preset in PRESETS
    for late in LATE
    for concealer in ("codec", "neteq")
]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testbed.adaptive.receiver, "PacketDecoder", QuietDecoder)


def play(policy: AdaptivePlayout, media: MediaClock, arrivals: list[tuple[int, bytes]]) -> Played:
    return AdaptiveReceiver(policy, media, 0, policy.concealer).play(arrivals)


def preset(name: str) -> AdaptivePlayout:
    return AdaptivePlayout.model_validate({"policy": "adaptive", "preset": name})


def check_patterns(seeds: range) -> set[str]:
    """Check calls over random networks; return the names of all that was decoded, and of all edits."""
    seen: set[str] = set()
    for seed in seeds:
        generator = random.Random(seed)
        media, arrivals = at_random(generator)
        played = play(generator.choice(POLICIES), media, arrivals)
        decoded = QuietDecoder.decoded
        try:
            laws.check_order(decoded)
            laws.check_length(played, media)
            laws.check_frames(played, decoded, media)
            if not any(packet.is_dtx for packet in decoded):
                laws.check_sound(played, media)
        except AssertionError as error:
            raise AssertionError(f"pattern {seed}") from error
        seen |= {packet.source.name for packet in decoded} | {edit.kind.name for edit in played.edits}
    return seen


@pytest.mark.usefixtures("quiet")
def test_whatever_arrives_is_played_once_in_order_and_to_the_sample() -> None:
    seen = check_patterns(range(500))
    assert seen == {"PRIMARY", "RED", "LBRR", "DRED"} | {kind.name for kind in EditKind}


@pytest.mark.long
@pytest.mark.usefixtures("quiet")
def test_a_hundred_thousand_patterns_are_played_once_in_order_and_to_the_sample() -> None:
    check_patterns(range(500, 100_000))


@pytest.mark.parametrize("name", PRESETS)
def test_without_impairment_it_plays_what_a_fixed_receiver_plays_only_later(name: str) -> None:
    sent = packets(dred_ms=0, seconds=6)
    media = MediaClock(0, len(sent), 320)
    arrivals = [
        ((20 * number + 33) * MS, RtpPacket(OPUS_PAYLOAD_TYPE, number, 960 * number, 1, packet).serialize())
        for number, packet in enumerate(sent)
    ]
    decoder, out = Decoder(0), np.zeros((len(sent), 320), np.int32)
    for number, packet in enumerate(sent):
        decoder.decode(packet, out[number])
    played = play(preset(name), media, arrivals)
    last = played.edits[-1]
    settled = last.media_sample + last.samples + 30 * PER_MS
    assert settled < 3 * 16_000
    fixed = int16_from_24_bit(out).reshape(-1)[settled:]
    assert (played.pcm[-len(fixed) :] == fixed).all()
    assert {edit.kind for edit in played.edits} <= {EditKind.INSERTED_PERIOD, EditKind.REMOVED_PERIOD}
    assert not played.concealments


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ["neteq", "neteq_m106"])
@pytest.mark.parametrize("jitter_ms", [30, 90])
def test_independent_jitter_leads_to_the_quantile_of_the_largest_delays_per_500_ms(
    name: str, jitter_ms: int
) -> None:
    """Of delays uniform up to J, 95 % of the largest among 26 are below J * 0.95^(1/26)."""
    generator = random.Random(5)
    slow = AdaptivePlayout.model_validate(
        {"policy": "adaptive", "preset": name, "forget_factor": 0.9993, "use_reorder_optimizer": False}
    )
    delays_ms = [40 + generator.uniform(0, jitter_ms) for _ in range(2999)]
    media, arrivals = steady(3000, delays_ms)
    levels = play(slow, media, arrivals).levels
    law_ms = ceil(jitter_ms * 0.95 ** (1 / 26) / 20) * 20
    settled_ms = levels.target_ms[len(levels.target_ms) // 2 :]
    assert np.median(settled_ms) == law_ms


@pytest.mark.long
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_that_drifts_for_an_hour_neither_drains_nor_fills_the_buffer(ppm: int) -> None:
    check_drift("neteq", ppm, minutes=60)


@pytest.mark.usefixtures("quiet")
def test_the_buffer_level_of_m106_follows_a_drifting_clock_too() -> None:
    check_drift("neteq_m106", 2000, minutes=1)


def check_drift(name: str, ppm: int, minutes: int) -> None:
    """Let a sender's clock run fast for some minutes, with a little jitter."""
    generator = random.Random(ppm)
    jitter_ms = [generator.uniform(0, 15) for _ in range(997)]
    media, sent = steady(minutes * 60 * 50, [0.0])
    arrivals = [
        (round(sent_ns * (1 - ppm * 1e-6) + jitter_ms[number % 997] * MS), packet)
        for number, (sent_ns, packet) in enumerate(sent)
    ]
    played = play(preset(name), media, arrivals)
    buffer_ms = played.levels.buffer_ms
    spans = buffer_ms[: len(buffer_ms) // 60 * 60].reshape(60, -1)[5:]
    assert spans.max() <= 110
    assert np.ptp(spans.mean(1)) <= 20
    settled = 10 * 16_000
    assert all(each.start_sample < settled for each in played.concealments)
    signs = {EditKind.INSERTED_PERIOD: 1, EditKind.REMOVED_PERIOD: -1, EditKind.INSERTED_TIME: 1}
    stretched_ms = sum(signs[edit.kind] * edit.samples for edit in played.edits) / PER_MS
    assert stretched_ms == pytest.approx(-ppm * minutes * 0.06, abs=120)
