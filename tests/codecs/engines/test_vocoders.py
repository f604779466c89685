"""Calls whose gaps another vocoder than libopus's synthesizes."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.codecs.engines import ENGINES
from testbed.codecs.engines.engine import decode_one, without_loss
from testbed.codecs.opus import build as opus_build
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.vocoder import VocoderKind
from testbed.errors import CodecError
from testbed.kernels.fargan import PAST, fargan, fargan_state, start_fargan, synthesize
from testbed.kernels.weights import read_blob

from .jobs import job, packets

LOST = [30, 31, 32, 33, 60, 61]


def numba():
    return ENGINES["numba"].create(64)


class FreshFargan:
    """FARGAN from the state before any gap, which is how it begins the first gap of a call."""

    def __init__(self):
        self.network = fargan(read_blob(opus_build.installed().weights))
        self.gaps = []

    def synthesize(self, gaps):
        self.gaps += gaps
        return [self._sound(gap) for gap in gaps]

    def _sound(self, gap):
        state, out = fargan_state(1), np.empty((1, gap.samples), np.float32)
        before = np.concatenate((gap.past_features, gap.features[:2]))[-5:]
        start_fargan(self.network, state, gap.past[None, -PAST:], before[None])
        synthesize(self.network, state, gap.features[None, 2:], out)
        return out[0]


@pytest.fixture
def fresh(monkeypatch):
    made = FreshFargan()
    for items in (VOCODERS._builtin, VOCODERS._loaded):
        monkeypatch.setitem(items, "fresh", VocoderKind("Fresh", lambda: made))
    return made


@pytest.mark.parametrize("dred", [True, False])
def test_fargan_as_a_vocoder_makes_the_engines_own_sound_of_a_first_gap(fresh, dred):
    known = job(packets(), LOST[:4], dred=dred)
    own = decode_one(numba(), known)
    as_vocoder = decode_one(numba(), replace(known, vocoder="fresh"))
    assert np.abs(own.astype(int) - as_vocoder).max() <= 1
    [gap] = fresh.gaps
    assert (gap.past.shape, gap.past_features.shape, gap.features.shape) == ((2400,), (5, 20), (10, 20))
    assert gap.samples == 4 * 320


def test_each_gap_of_a_call_has_a_seed_of_its_own_and_the_same_in_every_call(fresh):
    lost = replace(job(packets(), LOST), vocoder="fresh")
    decode_one(numba(), lost)
    decode_one(numba(), lost)
    seeds = [gap.seed for gap in fresh.gaps]
    assert seeds[:2] == seeds[2:]
    assert seeds[0] != seeds[1]


def test_vocoders_share_a_batch_and_each_call_sounds_as_alone():
    jobs = {
        (vocoder, dred, len(lost)): replace(job(packets(), lost, dred=dred), vocoder=vocoder)
        for vocoder in ("fargan", "lpc")
        for dred in (True, False)
        for lost in (LOST, LOST[:4], LOST[:3])
    }
    alone = {key: decode_one(numba(), one) for key, one in jobs.items()}
    for key, pcm in numba().decode(jobs.items()):
        assert np.array_equal(pcm, alone[key])
    fargan_sound, lpc_sound = alone["fargan", True, 6], alone["lpc", True, 6]
    begin = 30 * 320
    assert np.array_equal(fargan_sound[: begin - 320], lpc_sound[: begin - 320])
    assert not np.array_equal(fargan_sound[begin:], lpc_sound[begin:])


def test_a_call_without_loss_needs_no_vocoder():
    assert without_loss(replace(job(packets(), LOST), vocoder="lpc")).vocoder == "fargan"


def test_a_call_that_libopus_decodes_is_refused():
    narrowband = packets(bandwidth="narrowband")
    with pytest.raises(CodecError, match="vocoder lpc needs SILK's wideband speech"):
        decode_one(numba(), replace(job(narrowband, LOST), vocoder="lpc"))
