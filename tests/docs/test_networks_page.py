"""The page of the networks: every network and training is on it, with the figures that were measured."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from networks_page import networks_page, sent_rows, with_curve
from trainings import progress_rows, read_training

from testbed.codecs.dred.network_folder import LIBOPUS, shipped_networks

ROOT = Path(__file__).parents[2]
NAMES = ("libopus", "testbed", "testbed-fixed")


@pytest.fixture
def training(tmp_path):
    """A training of 20 measurements that discards a latent number at each."""
    folder = tmp_path / "testbed"
    folder.mkdir()
    rows = [
        (50 * k, 3.0 * k, 800 * k, 20 / (k + 1), level, 50.0 - k, 60.0, 0.3, 80 - k - level, 80 - level)
        for k in range(20)
        for level in (0, 3, 6, 9, 12, 15)
    ]
    head = ("step", "minutes", "sequences", "loss", "level", "bits_per_40_ms", "state_bits", "distortion")
    pd.DataFrame(rows, columns=[*head, "latents_sent", "states_sent"]).to_csv(
        folder / "curves.csv", index=False
    )
    settings = {"minutes": 57, "tables": "own", "size": "small", "frames": 304}
    about = {"kept": {"latents": [3, 70], "states": [7]}, "settings": settings}
    (folder / "training.json").write_text(json.dumps(about), "utf-8")
    return read_training(folder)


def test_a_training_tells_when_it_discarded_numbers(training):
    head, first, *_, last = progress_rows(training)
    assert [words.split()[-1] for words in head[3:]] == ["0", "9", "15"]
    assert first == ("0", "0", "20.00", "80 + 80", "71 + 71", "65 + 65")
    assert last == ("57", "950", "1.00", "61 + 80", "52 + 71", "46 + 65")
    assert training.share == pytest.approx(19 * 800 * 3.04 / (40e6 * 4))


def test_page_and_card_have_every_network_and_training(training):
    random = np.random.default_rng(1)
    curve = pd.DataFrame(
        {
            "network": name,
            "clip": clip,
            "speaker": speaker,
            "level": level,
            "latent_bits": 70 * 0.85**level,
            "state_bits": 150 * 0.9**level,
            "kbps": 2 * 0.85**level,
            "distortion": 0.02 * 1.2**level * (1 + 0.01 * random.random()),
            "pesq_wb": 2.5 - 0.1 * level + 0.01 * random.random(),
            "estoi": 0.9 - 0.02 * level,
        }
        for name in ("not coded", *NAMES)
        for clip, speaker in (("it-carlo-1", "Carlo"), ("fr-june-1", "June"))
        for level in (range(16) if name in NAMES else (-1,))
    )
    ages = pd.DataFrame(
        {"network": name, "clip": "it-carlo-1", "speaker": "Carlo", "dq": dq, "age_ms": age, "level": 6}
        | {"latent_bits": 30.0, "distortion": 0.1}
        for name in NAMES
        for dq in (0, 5)
        for age in range(20, 1000, 40)
    )
    page = networks_page(curve, ages, [training], {"testbed": 550_000}, sent_rows([LIBOPUS]), "a machine")
    for words in (
        *(f"| {name} |" for name in NAMES),
        "Carlo and June",
        "61 + 80",
        "0.03 %",
        "550 kB",
        "a machine",
        "testbed train rdovae --minutes 57 --size small   # testbed",
    ):
        assert words in page
    card = with_curve("# testbed\n\nTrained.\n", "testbed", curve)
    assert with_curve(card, "testbed", curve) == card
    for words in ("# testbed\n\nTrained.\n\n## Measured", "2 clips of Carlo and June", "| 15 | 6.1 |"):
        assert words in card


def test_the_page_in_the_repository_is_of_the_networks_that_come_with_the_testbed():
    page = (ROOT / "docs" / "networks.md").read_text("utf-8")
    names = sorted(shipped_networks())
    assert names == ["testbed", "testbed-fixed", "testbed-small"]
    for name in names:
        assert f"`{name}`" in page
