"""Metrics: equal to the programs that define them, functions of the audio, with reasons for missing scores.

The packages draw from the global random state, so these tests set and watch it.
"""
# ruff: noqa: NPY002 - the packages draw from it

import re
import subprocess
import sys
import types
import warnings

import numpy as np
import pytest

from testbed.errors import MetricError, UnknownNameError
from testbed.measurements import score
from testbed.metrics import METRICS
from testbed.metrics.metric import Measure, Metric
from testbed.metrics.pesq_wb import LONGEST_S
from testbed.metrics.plcmos import Plcmos
from testbed.metrics.plcmos_network import PlcmosNetwork
from testbed.metrics.plcmos_rows import RememberedRows
from testbed.metrics.scorer import scorer
from testbed.metrics.wer import word_errors
from testbed.recording import read_recording
from testbed.speech import PACKAGED

RATE = 16_000
EACH = [
    pytest.param(name, marks=[pytest.mark.long] if name.startswith(("visqol", "dnsmos", "wer")) else [])
    for name in METRICS
    if METRICS[name].hears
]
"""Every metric, the ones that take longest in `make test-long`."""


@pytest.fixture(scope="module")
def speech():
    return read_recording(PACKAGED / "en-allison-1.flac").pcm


def gaps(signal, share, seed=0):
    """Blank out a share of the 20 ms frames."""
    lost = np.random.default_rng(seed).random(len(signal) // 320 + 1) < share
    return np.where(np.repeat(lost, 320)[: len(signal)], 0, signal).astype(np.float32)


@pytest.mark.parametrize("name", EACH)
def test_more_damage_scores_lower(name, speech):
    score = scorer(name)
    sign = METRICS[name].sign
    values = [sign * score(speech, gaps(speech, share)).value for share in (0.0, 0.05, 0.3)]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[2] > 0.1


@pytest.mark.parametrize("name", EACH)
def test_is_a_function_of_the_audio(name, speech):
    damaged = gaps(speech, 0.1)
    state = np.random.get_state()[1].copy()
    first = scorer(name)(speech, damaged)
    assert np.array_equal(np.random.get_state()[1], state)
    np.random.seed(99)
    assert scorer(name)(speech, damaged) == first
    code = (
        "import sys, numpy as np; from testbed.metrics.scorer import scorer;"
        "from testbed.recording import read_recording; from testbed.speech import PACKAGED;"
        "x = read_recording(PACKAGED / 'en-allison-1.flac').pcm;"
        "lost = np.random.default_rng(0).random(len(x) // 320 + 1) < 0.1;"
        "y = np.where(np.repeat(lost, 320)[: len(x)], 0, x).astype(np.float32);"
        "print(repr(scorer(sys.argv[1])(x, y).value))"
    )
    other = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert float(other.stdout) == first.value
    assert not other.stderr, "it writes to the terminal"


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].hears])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (np.zeros_like, "silent"),
        (lambda x: np.full_like(x, 0.25), "constant"),
        (lambda x: np.where(np.arange(len(x)) == 5000, np.nan, x), "NaN"),
        (lambda x: np.where(np.arange(len(x)) == 5000, np.inf, x), "infinity"),
        (lambda x: x * 30, "full scale"),
    ],
)
def test_unfit_signal_gives_nan_and_a_reason(name, damage, words, speech):
    bad = damage(speech).astype(np.float32)
    for which, pair in {"degraded": (speech, bad), "reference": (bad, speech)}.items():
        score = scorer(name)(*pair)
        assert np.isnan(score.value)
        assert words in score.reason
        assert which in score.reason


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].hears])
def test_too_short_gives_nan_and_a_reason(name, speech):
    for length in (0, 1, 300, RATE - 1):
        score = scorer(name)(speech[:length], speech[:length])
        assert np.isnan(score.value)
        assert "too short" in score.reason


@pytest.mark.parametrize("name", EACH)
def test_nothing_heard_leaks_a_warning(name, speech):
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[RATE] = 0.5
    noise = np.random.default_rng(1).normal(scale=1e-3, size=2 * RATE).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pair in ((click, click), (click, noise), (noise, click), (speech[: 2 * RATE], noise)):
            score = scorer(name)(*pair)
            assert np.isfinite(score.value) != bool(score.reason)


def test_a_refusal_by_a_library_becomes_a_reason():
    quiet = np.random.default_rng(2).normal(scale=1e-4, size=2 * RATE).astype(np.float32)
    burst = np.zeros(2 * RATE, dtype=np.float32)
    burst[RATE : RATE + 1000] = np.random.default_rng(3).normal(scale=0.1, size=1000)
    pesq = scorer("pesq_wb")(burst, quiet)
    assert np.isnan(pesq.value)
    assert "No utterances" in pesq.reason
    estoi = scorer("estoi")(burst, burst)
    assert np.isnan(estoi.value)
    assert "0.4 s" in estoi.reason


def test_pesq_refuses_what_would_overrun_its_table(speech):
    long = np.tile(speech, 4)[: int(LONGEST_S * RATE) + 1]
    score = scorer("pesq_wb")(long, long)
    assert np.isnan(score.value)
    assert "20 s" in score.reason
    assert np.isfinite(scorer("pesq_wb")(long[:-1], long[:-1]).value)


def test_unequal_lengths_are_a_mistake_of_the_caller(speech):
    with pytest.raises(MetricError, match="shape"):
        scorer("estoi")(speech, speech[:-1])


def test_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown metric 'plcmoss'; did you mean plcmos"):
        scorer("plcmoss")


def test_plcmos_equals_the_package_that_defines_it(speech):
    from speechmos.plcmos import PLCMOS

    original = PLCMOS()
    raters = np.random.RandomState(7).normal(size=(15, 64))
    ours = Plcmos(raters)
    for share in (0.0, 0.1, 0.3):
        damaged = gaps(speech, share)
        np.random.seed(7)
        assert ours(speech, damaged) == pytest.approx(original.get_mos(damaged), abs=1e-4)


@pytest.mark.parametrize("length", [RATE, RATE + 1, RATE + 255, RATE + 257])
def test_plcmos_features_equal_the_package_s(length, speech):
    from speechmos.plcmos import PLCMOS

    signal = gaps(speech[5000:], 0.2)[:length]  # blanked frames: bins of zero power
    ours = RememberedRows(PlcmosNetwork(np.zeros((1, 64), np.float32))).spectrum(signal)
    np.testing.assert_allclose(ours, PLCMOS(embed_rounds=0).stft_transform(signal), rtol=1e-6, atol=1e-6)


def test_plcmos_raters_are_enough_that_their_seed_does_not_matter(speech):
    damaged = gaps(speech, 0.1)
    opinions = [
        Plcmos(np.random.default_rng(seed).normal(size=(1, 64)))(speech, damaged) for seed in range(30)
    ]
    others = Plcmos(np.random.default_rng(1000).normal(size=(4000, 64)))(speech, damaged)
    # The fixed 400 raters are a sample of the same population: within 4.4 standard errors (1 in 100 000).
    assert abs(Plcmos()(speech, damaged) - others) < 4.4 * np.std(opinions) / np.sqrt(400)


def test_pesq_equals_its_package(speech):
    from pesq import pesq

    damaged = gaps(speech, 0.1)
    assert scorer("pesq_wb")(speech, damaged).value == pesq(RATE, speech, damaged, "wb")


def test_dnsmos_equals_the_package_that_defines_it(speech, monkeypatch):
    # The package's module needs librosa for another network only, whose opinion is not compared.
    librosa = types.SimpleNamespace(
        feature=types.SimpleNamespace(melspectrogram=lambda **_: np.ones((120, 900))),
        power_to_db=lambda power, **_: power,
    )
    monkeypatch.setitem(sys.modules, "librosa", librosa)
    from speechmos import dnsmos as original

    for signal in (gaps(speech, 0.1), np.tile(speech, 2)[: 12 * RATE], speech[: 5 * RATE]):
        wanted = original.run(signal, RATE)
        assert scorer("dnsmos")(signal, signal).value == pytest.approx(wanted["ovrl_mos"], abs=1e-6)
        assert scorer("dnsmos_sig")(signal, signal).value == pytest.approx(wanted["sig_mos"], abs=1e-6)


@pytest.mark.long
def test_visqol_equals_the_command_of_its_package(speech, tmp_path):
    import soundfile

    damaged = gaps(speech, 0.1)
    for name, signal in (("clean", speech), ("damaged", damaged)):
        soundfile.write(tmp_path / f"{name}.wav", signal, RATE, subtype="FLOAT")
    files = ["-r", tmp_path / "clean.wav", "-d", tmp_path / "damaged.wav"]
    command = [sys.executable, "-m", "visqol", *files, "--speech_mode"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [wanted] = re.findall(r"MOS-LQO:\s+([0-9.]+)", said)
    assert scorer("visqol")(speech, damaged).value == pytest.approx(float(wanted), abs=1e-4)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("press one to go", "press one to go", 0),
        ("press one to go", "press two to go", 1),
        ("press one to go", "one to go on", 2),
        ("press one to go", "", 4),
        ("one", "press one to go", 3),
    ],
)
def test_word_errors_are_words_replaced_left_out_and_inserted(said, heard, errors):
    assert word_errors(said.split(), heard.split()) == errors


@pytest.mark.long
def test_the_recognizer_keeps_nothing_of_the_sounds_before(speech):
    short = speech[: 4 * RATE]
    pairs = [(short, gaps(short, 0.1)), (short, short), (0.3 * short, gaps(short, 0.3))]
    one, other = METRICS["wer"].create(), METRICS["wer"].create()
    forward = [one(*pair) for pair in pairs]
    assert [other(*pair) for pair in reversed(pairs)] == forward[::-1]
    assert forward[1] == 0
    assert forward[0] > 0


def test_the_same_words_are_no_error_and_a_tone_has_none(speech):
    tone = (0.1 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE))).astype(np.float32)
    short = speech[: 2 * RATE]
    assert scorer("wer")(short, short).value == 0
    unheard = scorer("wer")(tone, tone)
    assert np.isnan(unheard.value)
    assert unheard.reason == "WER: no word was recognized in the reference"


def test_a_metric_of_some_languages_judges_these_and_unknown_ones():
    assert [METRICS["wer"].judges(language) for language in ("en", "", "fr")] == [True, True, False]
    assert METRICS["estoi"].judges("fr")


def test_an_optional_metric_without_its_packages_names_the_command_that_installs_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "visqol", None)
    install = re.escape("pip install 'speech-testbed[visqol]'")
    with pytest.raises(MetricError, match=rf"^metric visqol cannot be loaded: .*; {install}$"):
        scorer.__wrapped__("visqol")


def test_a_metric_that_raises_is_named_in_the_error(monkeypatch):
    def create() -> Measure:
        raise OSError("no model file")

    monkeypatch.setitem(METRICS._loaded, "broken", Metric("Broken", "nothing", create))
    with pytest.raises(MetricError, match=r"^metric broken: OSError: no model file$"):
        score("broken", np.zeros(16000, np.float32), np.zeros(16000, np.float32))
