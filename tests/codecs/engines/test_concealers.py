"""Concealers that are not the testbed's own, in engines: what they are given, and that calls stay apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.concealers.concealer import GapToFill
from testbed.codecs.concealers.onnx_concealer import OnnxConcealer
from testbed.codecs.engines import concealer_gaps
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.engines.lossless import LosslessDecoding
from testbed.codecs.features import features_of_signals
from testbed.codecs.opus.build import built
from testbed.errors import CodecError
from tests.codecs.concealers.networks import counting, saved
from tests.codecs.engines.jobs import job, packets

LOUD = 8000


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[GapToFill]:
    """Return the gaps that a concealer is given, which fills them with one value."""
    gaps: list[GapToFill] = []

    def filled(concealer, some):
        gaps.extend(some)
        return [np.full(gap.samples, LOUD, np.int16) for gap in some]

    monkeypatch.setattr(concealer_gaps, "filled", filled)
    return gaps


def concealed(sent, lost, **options):
    concealer = PlacedConcealer(OnnxConcealer(model="m.onnx", past_ms=200), Path("/nowhere"))
    return replace(job(sent, lost, **options), concealer=concealer)


def test_the_past_is_what_the_receiver_heard(given: list[GapToFill]) -> None:
    sent = packets()
    call = concealed(sent, [60, 61, 66], dred=False)
    pcm = decode_one(NumbaEngine(), call)
    first, second = given
    assert (first.samples, second.samples) == (640, 320)
    lossless = LosslessDecoding(call)
    lossless.decode()
    np.testing.assert_array_equal(first.past * 32768, lossless.history[60 * 320 - 3200 : 60 * 320])
    # Frame 66 has frames 56 to 65 before it, of which 60 and 61 were filled.
    np.testing.assert_array_equal(second.past[4 * 320 : 6 * 320] * 32768, LOUD)
    np.testing.assert_array_equal(second.past[: 4 * 320], first.past[-4 * 320 :])
    assert not second.known.any()
    assert len(pcm) == len(sent) * 320


def test_an_earlier_gap_within_the_past_is_part_of_it_however_much_sound_lies_between(
    given: list[GapToFill],
) -> None:
    decode_one(NumbaEngine(), concealed(packets(), [60, 69], dred=False))
    np.testing.assert_array_equal(given[1].past[320:640] * 32768, LOUD)


def test_the_features_of_dred_are_those_of_the_lost_speech_in_its_place(given: list[GapToFill]) -> None:
    call = concealed(packets(), [frame for start in range(20, 190, 20) for frame in range(start, start + 6)])
    decode_one(NumbaEngine(), call)
    lossless = LosslessDecoding(call)
    lossless.decode()
    whole = features_of_signals(lossless.history[np.newaxis].astype(np.float32), built().weights)[0]

    def distance(lag: int) -> float:
        pairs = [
            (gap.features[:, :18], whole[2 * start + lag :][: len(gap.features), :18])
            for gap, start in zip(given, range(20, 190, 20), strict=True)
        ]
        return float(np.mean([np.mean((made - spoken) ** 2) for made, spoken in pairs]))

    assert all(gap.known.all() for gap in given)
    assert distance(0) == min(map(distance, range(-3, 4)))
    later = given[-1].past_features
    np.testing.assert_allclose(later[8:], whole[360 - 12 : 360], atol=0.01)


def test_calls_decoded_together_sound_as_alone(tmp_path: Path) -> None:
    saved(counting(), tmp_path / "m.onnx")
    concealer = PlacedConcealer(OnnxConcealer(model="m.onnx", past_ms=40), tmp_path)
    sent = packets()
    losses = [[30, 31], [30], [30, 31, 40], [90, 91, 92]]
    jobs = [replace(job(sent, lost), concealer=concealer) for lost in losses]
    jobs.append(job(sent, [30, 31]))
    together = dict(NumbaEngine().decode(enumerate(jobs)))
    for key, one in enumerate(jobs):
        np.testing.assert_array_equal(together[key], decode_one(NumbaEngine(), one))
    assert not np.array_equal(together[0], together[4])


def test_calls_that_libopus_decodes_are_refused() -> None:
    narrow = concealed(packets(bandwidth="narrowband", seconds=1), [20])
    with pytest.raises(CodecError, match="concealer 'onnx' needs SILK's wideband speech"):
        decode_one(NumbaEngine(), narrow)
    with pytest.raises(CodecError, match="concealer 'onnx' needs engine: numba"):
        decode_one(LibopusEngine(), concealed(packets(seconds=1), [20]))
