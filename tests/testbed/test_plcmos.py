"""PLCMOS from remembered rows: equal to the whole network, to the last bit whatever was scored before."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import onnxruntime
import pytest
import soundfile
from speechmos.plcmos import PLCMOS

from testbed.metrics import plcmos_rows
from testbed.metrics.plcmos import Plcmos
from testbed.recording import read_recording
from testbed.runner import run_scenario
from testbed.scenario.loading import parse_scenario
from testbed.speech import PACKAGED

RATE = 16_000
SCENARIO = """
name: sounds
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 48, complexity: 0}
schemes: [plc, neural_plc, {lbrr: {bitrate_kbps: 16}}, {dred: {depth_ms: 200, bitrate_kbps: 24}}]
channel: [{loss: {model: gilbert_elliott, rate: 0.25, mean_burst_packets: 4}}]
playout: {policy: offline}
metrics: []
"""


@pytest.fixture(scope="module")
def whole_network():
    """Return the score by the package's features and its whole network, for one rater."""
    path = files("speechmos") / "plcmos_models" / "plcmos_v2.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    features = PLCMOS(embed_rounds=0).stft_transform

    def score(signal, rater):
        audio = features(signal)[None, None].astype(np.float32)
        return float(session.run(None, {"degraded_audio": audio, "rater_embed": rater})[0].item())

    return score


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Return the sounds of calls of one clip, then digital silence, another voice, short and long."""
    folder = tmp_path_factory.mktemp("sounds")
    run_scenario(parse_scenario(SCENARIO, folder), folder / "run", jobs=1, save=frozenset({"audio"}))
    paths = sorted((folder / "run" / "audio").glob("*.wav"))
    calls = [soundfile.read(path, dtype="float32")[0] for path in paths]
    silenced = calls[-1].copy()
    silenced[20_000:31_000] = 0
    other = read_recording(PACKAGED / "it-carlo-1.flac").pcm
    return [*calls, silenced, other, calls[0][:RATE], calls[0][: RATE + 255], np.tile(other, 2)]


@pytest.fixture(scope="module")
def rater():
    return np.random.default_rng(3).normal(size=(1, 64)).astype(np.float32)


def interrupted(*_):
    raise KeyboardInterrupt


def test_remembered_rows_score_as_the_whole_network(sounds, rater, whole_network):
    ours = Plcmos(rater)
    scores = [ours(sound, sound) for sound in sounds]
    assert scores == pytest.approx([whole_network(sound, rater) for sound in sounds], abs=1e-4)
    assert len({round(score, 3) for score in scores}) > 8


def test_score_does_not_depend_on_what_was_scored_before(sounds, rater, monkeypatch):
    alone = [Plcmos(rater)(sound, sound) for sound in sounds]
    monkeypatch.setattr(plcmos_rows, "MOST_ROWS", 2000)  # forgets several times
    metric = Plcmos(rater)
    for seed in range(3):
        for index in np.random.default_rng(seed).permutation(len(sounds)):
            assert metric(sounds[index], sounds[index]) == alone[index]


def test_an_interrupted_score_leaves_nothing_behind(sounds, rater, monkeypatch):
    metric = Plcmos(rater)
    expected = metric(sounds[0], sounds[0])
    metric(sounds[1], sounds[1])
    with monkeypatch.context() as broken:
        broken.setattr(metric._network, "convolve", interrupted)
        with pytest.raises(KeyboardInterrupt):
            metric(sounds[2], sounds[2])
    assert metric(sounds[2], sounds[2]) == Plcmos(rater)(sounds[2], sounds[2])
    assert metric(sounds[0], sounds[0]) == expected


def test_threads_score_alike(sounds, rater):
    metric = Plcmos(rater)
    with ThreadPoolExecutor(4) as threads:
        scores = list(threads.map(lambda sound: metric(sound, sound), 2 * sounds))
    assert scores[: len(sounds)] == scores[len(sounds) :]
    assert scores[: len(sounds)] == [Plcmos(rater)(sound, sound) for sound in sounds]


def test_only_rows_near_a_difference_are_computed(rater, monkeypatch):
    computed = []
    metric = Plcmos(rater)
    convolve = metric._network.convolve

    def counted(layer, rows, triples, out):
        computed.append(len(triples))
        convolve(layer, rows, triples, out)

    monkeypatch.setattr(metric._network, "convolve", counted)
    speech = read_recording(PACKAGED / "en-allison-1.flac").pcm
    damaged = speech.copy()
    damaged[40_000:40_256] *= 0.5
    metric(speech, speech)
    assert computed[0] > 300
    metric(damaged, damaged)
    assert all(0 < count <= 3 + 4 * layer for layer, count in enumerate(computed[3:], start=1))
    metric(speech, speech)
    assert computed[6:] == [0, 0, 0]
