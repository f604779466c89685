"""ESTOI equals the package `pystoi` on what networks and codecs do to speech.

Where speech is replaced by 0.4 s of digital silence, pystoi correlates it with its own random noise. There,
its scores scatter around ours.
"""

import itertools

import numpy as np
import pytest

from reference.estoi import estoi as by_pystoi
from testbed import runner
from testbed.codecs.pcm import float_from_int16, int16_from_float
from testbed.metrics import METRICS
from testbed.metrics.estoi import METRIC
from testbed.metrics.metric import CannotScoreError, Metric
from testbed.recording import read_recording
from testbed.scenario.loading import parse_scenario
from testbed.speech import PACKAGED

SCENARIO = """
name: pairs
speech: {corpus: packaged}
codec: {bitrate_kbps: 24, complexity: 5}
schemes:
  - plc
  - neural_plc
  - red: {at_distances: [1]}
  - lbrr: {bitrate_kbps: 16}
  - dred: {depth_ms: 200, bitrate_kbps: 40}
channel: [{loss: {model: gilbert_elliott, rate: %s, mean_burst_packets: %s}}]
realizations: 2
playout: {policy: offline}
metrics: [pairs]
"""
NAMES = ("en-allison-1", "fr-june-1", "it-carlo-1", "ru-ivrvoiceru-1")


def pairs_of_calls(monkeypatch, folder):
    """Return reference and sound of all different calls of some runs."""
    pairs = []
    collect = Metric("Pairs", "none", lambda: lambda *pair: float(len(pairs.append(pair) or pairs)))
    monkeypatch.setitem(METRICS._loaded, "pairs", collect)
    for rate, burst in ((0.01, 1), (0.05, 1.5), (0.1, 6), (0.2, 3), (0.35, 6), (0.5, 12)):
        runner.run_scenario(parse_scenario(SCENARIO % (rate, burst)), folder / f"{rate}", jobs=1)
    return pairs


def damages(signal):
    """Give the signal changed in many ways; the length stays."""
    rng = np.random.default_rng(5)
    third = len(signal) // 3
    gap = np.where(np.arange(len(signal)) // 320 % 10 == 0, 0, signal)
    yield signal
    yield gap
    yield np.where(np.arange(len(signal)) < third, 0, signal)
    yield np.where(np.arange(len(signal)) > third, 0, signal)
    yield np.where(np.arange(len(signal)) // 8000 % 3 == 0, 0, signal)
    yield np.clip(8 * signal, -1, 1)
    yield signal / 1000
    yield signal + rng.normal(scale=0.05, size=len(signal))
    yield rng.normal(scale=0.05, size=len(signal))
    yield np.roll(signal, 160)
    yield -signal
    yield np.sign(signal) * 0.1
    yield 0.1 * np.sin(np.arange(len(signal)) * 0.3) + 0.01 * gap


def pairs_of_damages(signals):
    for signal in signals:
        for damaged in damages(signal):
            kept = float_from_int16(int16_from_float(damaged.astype(np.float32)))
            yield signal, kept
            yield kept, signal


def differ(pairs):
    """Compare all pairs; return how many have one score, and how many a score that scatters in pystoi."""
    ours, counts = METRIC.create(), [0, 0]
    for reference, degraded in pairs:
        expected = by_pystoi(reference, degraded)
        try:
            found = ours(reference, degraded)
        except CannotScoreError:
            assert expected == 1e-5
            counts[0] += 1
            continue
        if abs(found - expected) <= 1e-6:
            counts[0] += 1
            continue
        others = [by_pystoi(reference, degraded, seed) for seed in range(1, 13)]
        assert np.ptp(others) > 1e-5, "pystoi has one score, and ours is another"
        assert abs(found - np.mean(others)) < 6 * np.std(others) / np.sqrt(12)
        counts[1] += 1
    return counts


def test_some_pairs_score_as_by_pystoi():
    short = read_recording(PACKAGED / "fr-june-1.flac").pcm[8000:40_001]
    with_one, with_scatter = differ(pairs_of_damages([short]))
    assert with_one >= 20
    assert with_scatter >= 1


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Not enough STFT frames")
def test_many_pairs_score_as_by_pystoi(monkeypatch, tmp_path):
    pairs = pairs_of_calls(monkeypatch, tmp_path)
    speech = [read_recording(PACKAGED / f"{name}.flac").pcm for name in NAMES]
    cuts = itertools.product(speech, ((0, 48_000), (20_000, 36_000), (40_000, 49_000)))
    pairs += pairs_of_damages(signal[start:end] for signal, (start, end) in cuts)
    with_one, _ = differ(pairs)
    assert with_one >= 500


def test_what_was_scored_before_changes_no_digit():
    one, other = (read_recording(PACKAGED / f"{name}.flac").pcm[:40_000] for name in NAMES[:2])
    fresh = METRIC.create()(one, 0.5 * other)
    used = METRIC.create()
    for reference, degraded in itertools.product((one, other, -one, -other, 0.5 * one), repeat=2):
        used(reference, degraded)
    changed = one.copy()
    assert used(changed, 0.5 * other) == fresh
    changed[20_000:30_000] = 0
    assert used(changed, 0.5 * other) == METRIC.create()(changed, 0.5 * other) != fresh
    assert used(one, 0.5 * other) == fresh


def test_silence_in_place_of_speech_scores_zero():
    signal = read_recording(PACKAGED / "en-allison-1.flac").pcm[:40_000]
    assert METRIC.create()(signal, np.zeros_like(signal)) == 0
