"""What a vocoder of another package is given and may return."""

import numpy as np
import pytest

from testbed.codecs.guarded.wire import packed, unpacked
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.synthesis import filler
from testbed.codecs.vocoders.vocoder import VocoderGap, VocoderKind
from testbed.errors import PluginError

RANDOM = np.random.default_rng(3)


def gap(frames, seed):
    past, past_features, features = (
        RANDOM.normal(0, 0.1, shape).astype(np.float32) for shape in ((2400,), (5, 20), (frames + 2, 20))
    )
    return VocoderGap(past, past_features, features, seed)


@pytest.fixture
def synthesize(monkeypatch):
    """Return a function that gives gaps to a vocoder as the process of a plugin does."""

    def through_the_process(vocoder, gaps):
        monkeypatch.setitem(VOCODERS._loaded, "other", VocoderKind("Other", lambda: vocoder))
        items = [{name: np.asarray(value) for name, value in vars(each).items()} for each in gaps]
        return list(filler("other")(unpacked(b"".join(packed(items)))))

    return through_the_process


class Vocoder:
    def __init__(self, sounds):
        self.sounds = sounds

    def synthesize(self, gaps):
        self.gaps = gaps
        return self.sounds


def test_gaps_arrive_as_they_were_and_can_be_written_to(synthesize):
    vocoder = Vocoder([np.zeros(320), np.ones(160)])
    gaps = [gap(2, 2**63 - 1), gap(1, 5)]
    assert [sound.tolist() for sound in synthesize(vocoder, gaps)] == [[0] * 320, [32767] * 160]
    for sent, arrived in zip(gaps, vocoder.gaps, strict=True):
        assert (arrived.seed, arrived.samples) == (sent.seed, sent.samples)
        for name in ("past", "past_features", "features"):
            np.testing.assert_array_equal(getattr(arrived, name), getattr(sent, name))
            getattr(arrived, name)[:] = 0


@pytest.mark.parametrize(
    ("sounds", "reason"),
    [
        ([np.zeros(320)], "returned 1 sounds for 2 gaps"),
        ([np.zeros(320)] * 3, "returned an array of shape"),
        ([np.zeros(320), np.zeros(160), np.zeros(160)], "returned more sounds than gaps, 2"),
        ([np.full(320, np.nan), np.zeros(160)], "returned NaN"),
        ([None, np.zeros(160)], "returned NoneType, not an array"),
    ],
)
def test_a_wrong_sound_is_named(synthesize, sounds, reason):
    with pytest.raises(PluginError, match=reason):
        synthesize(Vocoder(sounds), [gap(2, 1), gap(1, 2)])
