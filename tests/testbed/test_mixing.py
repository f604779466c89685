"""Mixing: levels, ratios, what a mixture depends on, and messages about mixtures that cannot be made."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import testbed
from testbed.call_study import CallStudy
from testbed.calls import results_of
from testbed.errors import ScenarioError, SpeechError
from testbed.mixing import Mixer, mixer_of
from testbed.mixture import Mixture
from testbed.noises import MADE
from testbed.plan import plan
from testbed.row_set import RowSet
from testbed.scenario.checks import clips_of, mixer_for
from testbed.scenario.loading import load_scenario
from testbed.scenario.models import Scenario
from testbed.speech import Clip
from testbed.speech_level import active_level_dbov

SCENARIO: dict[str, Any] = {
    "name": "mixed",
    "codec": {"bitrate_kbps": 24, "complexity": 0},
    "schemes": ["plc"],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "fixed", "delay_ms": 60},
    "metrics": ["estoi"],
}
WHITE = Mixture(noise="white", snr_db=10.0)


def load(seed: int = 0, **speech: Any) -> Scenario:
    scenario = load_scenario({**SCENARIO, "seed": seed, "speech": {"corpus": "packaged", **speech}})
    assert isinstance(scenario, Scenario)
    return scenario


def mixed(seed: int = 0, **speech: Any) -> list[Clip]:
    scenario = load(seed, **speech)
    clips = clips_of(scenario)
    mixer = mixer_for(scenario, clips)
    assert mixer is not None
    return [mixer.clip(index, scenario.speech.mixture) for index in range(len(clips))]


def rms_db(pcm: NDArray[np.floating]) -> float:
    return float(10 * np.log10(np.square(pcm, dtype=np.float64).mean()))


def level_by_definition(pcm: NDArray[np.float64]) -> float:
    """Return the level by a plain reading of ITU-T P.56, method B: sample by sample."""
    thresholds, hangover = 2.0 ** np.arange(-15, 1), 3200
    keep, smoothed, envelope = np.exp(-1 / 480), 0.0, 0.0
    active, since = np.zeros(len(thresholds)), np.full(len(thresholds), hangover + 1)
    for sample in pcm:
        smoothed = keep * smoothed + (1 - keep) * abs(sample)
        envelope = keep * envelope + (1 - keep) * smoothed
        since = np.where(envelope >= thresholds, 0, since + 1)
        active += since <= hangover
    is_met = active > 0
    levels = 10 * np.log10(np.square(pcm).sum() / active[is_met])
    excess = levels - 20 * np.log10(thresholds[is_met]) - 15.9
    return float(np.interp(0, -excess, levels))


def test_the_active_level_is_that_of_method_b() -> None:
    (clip,) = clips_of(load(clips=1))
    pcm = clip.pcm[:48_000].astype(np.float64)
    assert active_level_dbov(pcm) == pytest.approx(level_by_definition(pcm), abs=0.02)


def test_pauses_do_not_lower_the_active_level() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 16_000)
    whole = active_level_dbov(tone)
    assert whole == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)
    assert active_level_dbov(np.append(tone, np.zeros(160_000))) == pytest.approx(whole, abs=0.3)


@pytest.mark.parametrize("noise", [*MADE, "babble"])
def test_noise_lies_below_the_active_level_of_the_clip_by_the_ratio(noise: str) -> None:
    (clip,), (sent,) = clips_of(load(clips=1)), mixed(clips=1, noise=noise, snr_db=12)
    assert np.abs(sent.pcm).max() < 1
    assert active_level_dbov(clip.pcm) - rms_db(sent.pcm - clip.pcm) == pytest.approx(12, abs=0.01)


def test_a_mixture_beyond_full_scale_is_scaled_as_a_whole(tmp_path: Path) -> None:
    loud = np.sin(2 * np.pi * 300 * np.arange(32_000) / 16_000)
    soundfile.write(tmp_path / "loud.wav", loud, 16_000, subtype="FLOAT")
    (sent,) = mixed(files=str(tmp_path / "loud.wav"), noise="white", snr_db=0)
    assert np.abs(sent.pcm).max() == 1
    tone = np.stack([np.sin(2 * np.pi * 300 * np.arange(32_000) / 16_000)], axis=1)
    scale = np.linalg.lstsq(tone, sent.pcm, rcond=None)[0]
    assert 20 * np.log10(scale[0] / np.sqrt(2)) - rms_db(sent.pcm - tone @ scale) == pytest.approx(0, abs=0.1)


def test_another_talker_is_of_another_speaker_and_has_its_level() -> None:
    scenario = load(talkers=2, others_db=-6)
    clips = clips_of(scenario)
    mixer = mixer_for(scenario, clips)
    assert mixer is not None
    for index, clip in enumerate(clips):
        (name,) = mixer.others[clip.name][:1]
        assert mixer.voices[name].speaker != clip.speaker
        sent = mixer.clip(index, scenario.speech.mixture)
        assert (sent.name, sent.speaker, len(sent.pcm)) == (clip.name, clip.speaker, len(clip.pcm))
        assert active_level_dbov(sent.pcm - clip.pcm) - active_level_dbov(clip.pcm) == pytest.approx(
            -6, abs=0.5
        )


@pytest.mark.parametrize(
    "speech", [{"talkers": 3}, {"noise": "babble", "snr_db": 5}, {"noise": "pink", "snr_db": 5}]
)
def test_a_mixture_depends_on_seed_and_clip_and_not_on_the_number_of_clips(speech: dict[str, Any]) -> None:
    few, many = mixed(clips=1, **speech), mixed(clips=4, **speech)
    assert few[0].sha256 == many[0].sha256 != mixed(clips=1, seed=1, **speech)[0].sha256
    assert len({clip.sha256 for clip in many}) == 4


def test_noise_is_the_same_at_any_ratio_and_beside_any_number_of_talkers() -> None:
    scenario = load(clips=1, noise="babble", snr_db=10, talkers=2)
    clips, one = clips_of(scenario), Mixture(noise="babble", snr_db=30.0)
    two = Mixture(noise="babble", snr_db=10.0)
    mixer = mixer_of(scenario, clips, [one, two])
    assert mixer is not None
    quiet, loud = (mixer.clip(0, mixture).pcm - clips[0].pcm for mixture in (one, two))
    assert np.allclose(10 * quiet, loud, atol=1e-6)


def noise_mixer(folder: Path, noise: NDArray[np.float64]) -> Mixer:
    soundfile.write(folder / "noise.wav", noise, 16_000, subtype="FLOAT")
    scenario = load(clips=1, noise={"files": str(folder / "*.wav")}, snr_db=10)
    mixer = mixer_for(scenario, clips_of(scenario))
    assert mixer is not None
    return mixer


def test_noise_shorter_than_the_clip_goes_on_without_a_step(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 200.3 * np.arange(24_000) / 16_000)
    mixer = noise_mixer(tmp_path, tone)
    (mixture,) = mixer.noise
    noise = mixer.noise_in(mixer.clips[0], mixture)
    assert len(noise) == len(mixer.clips[0].pcm)
    steepest = np.abs(np.diff(tone)).max() / np.sqrt(np.square(tone).mean())
    assert np.abs(np.diff(noise)).max() < 1.5 * steepest


def test_noise_that_is_silent_where_a_clip_gets_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"noise\.wav is silent where it is mixed with en-allison-1"):
        noise_mixer(tmp_path, np.append(np.ones(16_000), np.zeros(16_000 * 60)))


@pytest.mark.parametrize(
    ("speech", "message"),
    [
        ({"noise": "white"}, "noise needs snr_db"),
        ({"snr_db": 10}, "snr_db needs noise"),
        ({"noise": "wite", "snr_db": 10}, "did you mean white?"),
        ({"noise": "cafe.wav", "snr_db": 10}, "written as {files: cafe.wav}"),
        ({"noise": 5, "snr_db": 10}, "must be none, white, pink, music, babble or {files: noise.wav}"),
        ({"noise": {"file": "x.wav"}, "snr_db": 10}, "did you mean files?"),
        ({"noise": "white", "snr_db": 61}, "must be at most 60"),
        ({"talkers": 5}, "must be at most 4"),
    ],
)
def test_a_mistake_has_one_message(speech: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(**speech)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_of_speech_only_what_is_mixed_in_can_be_swept() -> None:
    with pytest.raises(
        ScenarioError, match=r"cannot be swept; of speech, noise, snr_db, talkers, others_db can"
    ):
        load_scenario({**SCENARIO, "speech": {"corpus": "packaged"}, "sweep": {"speech.clips": [1, 2]}})


def test_talkers_and_babble_need_other_speakers(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", MADE["pink"](32_000, np.random.default_rng(1)), 16_000)
    for speech, key in (({"talkers": 2}, "talkers"), ({"noise": "babble", "snr_db": 0}, "noise")):
        with pytest.raises(SpeechError, match=rf"speech\.{key}: .*clips of 1 speaker besides that of one"):
            mixed(corpus=None, files=str(tmp_path / "one.wav"), **speech)


def test_equal_sound_is_an_equal_mixture() -> None:
    plain = load().speech.mixture
    assert plain.is_plain
    assert load(noise="none", snr_db=10, talkers=1, others_db=-3).speech.mixture == plain
    assert load(noise="white", snr_db=10).speech.mixture == WHITE


def test_mixed_calls_have_equal_rows_in_another_process_and_are_made_again(tmp_path: Path) -> None:
    for number, clip in enumerate(clips_of(load(clips=2))):
        soundfile.write(tmp_path / f"{number}.wav", clip.pcm[:24_000], 16_000)
    given = {
        **SCENARIO,
        "speech": {"files": str(tmp_path / "*.wav"), "snr_db": 5},
        "sweep": {"speech.noise": ["none", "white", "babble"], "speech.talkers": [1, 2]},
        "other_calls": 1,
    }
    run, scenario = testbed.run(given, out=tmp_path / "run"), load_scenario(given)
    assert isinstance(scenario, Scenario)
    study = CallStudy(scenario)
    other = pickle.loads(pickle.dumps(study.context))
    for task in reversed(list(study.tasks(RowSet(study.total)))):
        for call, row in results_of(other, task).rows.items():
            kept = run.table.iloc[plan(scenario, 2).row(call)]
            assert (row["estoi"], row["wire_kbps"], row["clip"]) == (
                kept["estoi"],
                kept["wire_kbps"],
                kept["clip"],
            )
    assert run.table.groupby("point")["estoi"].first().nunique() == 6
    row = run.table.index[(run.table["point"] == 5) & (run.table["scheme"] != "no loss")][0]
    again = run.call(row)
    assert again.simulation.packet_loss == run.table.loc[row, "packet_loss"]
    assert again.clip.sha256 not in [clip["sha256"] for clip in run.manifest["clips"]]
    roles = {(entry["as"], entry["name"]) for entry in run.manifest["mixed"]}
    assert roles == {("noise", "white"), *((role, name) for role in ("talker", "babble") for name in "01")}
    assert any("compares with the mixture that was sent" in each for each in run.manifest["warnings"])
