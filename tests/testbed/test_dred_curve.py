"""The curve of DRED's networks: libopus's own, measured on a few seconds."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from testbed.cli import app
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.dred_curve import SCORED_LEVELS, UNCODED, curve_clips, measure_ages, measure_curve
from testbed.errors import SpeechError


@pytest.fixture(scope="module")
def clip():
    """Cut 3 s from a clip of a speaker who is held out of training."""
    whole = curve_clips(None, "packaged")[-1]
    return replace(whole, pcm=whole.pcm[:50_000])


@pytest.fixture(scope="module")
def curve(clip):
    return measure_curve([LIBOPUS], [clip]).set_index(["network", "level"])


def test_coarser_levels_cost_less_and_distort_more(curve):
    levels = curve.loc["libopus"]
    assert levels["kbps"].is_monotonic_decreasing
    ends = levels.loc[[0, 6, 15]]
    assert ends["distortion"].is_monotonic_increasing
    assert ends["estoi"].is_monotonic_decreasing
    assert curve.loc[(UNCODED, -1), "estoi"] > levels.loc[0, "estoi"] > 0.7


def test_a_bitrate_has_the_state_once_and_a_vector_per_40_ms(curve):
    levels = curve.loc["libopus"]
    assert levels["kbps"].to_numpy() == pytest.approx(
        (25 * levels["latent_bits"] + levels["state_bits"]) / 1000
    )
    # libopus's own second at level 6 takes 0.7 to 1 kb/s, as a payload of its encoder does
    assert 0.5 < levels.loc[6, "kbps"] < 1.2


def test_only_some_levels_are_heard(curve):
    heard = curve.loc["libopus", "pesq_wb"].dropna().index
    assert tuple(heard) == SCORED_LEVELS


def test_distortion_grows_with_age_by_the_level_alone(clip):
    table = measure_ages([LIBOPUS], [clip])
    grows, stays = (table[table["dq"] == dq].set_index("age_ms") for dq in (5, 0))
    assert list(grows.index) == list(range(20, 1000, 40))
    assert grows.loc[20, "distortion"] == stays.loc[20, "distortion"]
    assert grows["level"].iloc[[0, -1]].tolist() == [6, 15]
    assert set(stays["level"]) == {6}
    rise = [
        each.iloc[-8:]["distortion"].mean() / each.iloc[:4]["distortion"].mean() for each in (grows, stays)
    ]
    assert rise[0] > 2 * rise[1]


def test_the_speakers_are_held_out():
    assert [clip.name for clip in curve_clips(None, "packaged")] == ["fr-june-1", "it-carlo-1"]


def test_speech_of_less_than_a_payload_is_refused(clip):
    with pytest.raises(SpeechError, match="a payload holds 1 s"):
        measure_curve([LIBOPUS], [replace(clip, pcm=clip.pcm[:15_000])])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["libopu"], "did you mean libopus?"),
        (["libopus", "-o", "curve.txt"], ".svg"),
        (["libopus", "--csv", "."], "exists"),
        (["libopus", "--corpus", "asteroid"], "'asterisk'"),
        (["libopus", "--speech", "nowhere.wav"], "matches no file"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(arguments, message):
    found = CliRunner().invoke(app, ["dred", "curve", *arguments])
    assert message in found.output
    assert found.exit_code == 2
