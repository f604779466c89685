"""A minute of training, as a user starts it, survives a kill, learns, and makes a network for DRED."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from testbed.codecs.dred import network
from testbed.codecs.dred.distortion import distortion
from testbed.codecs.dred.network_folder import find_network
from testbed.recording import read_recording
from testbed.speech import PACKAGED
from testbed.training.features import features_of

pytest.importorskip("torch", reason="PyTorch is not installed: make setup-train")

TESTBED = Path(sys.executable).with_name("testbed")
TRAIN = ("train", "rdovae", "--minutes", "1", "--size", "small", "--speech", str(PACKAGED), "--threads", "1")
HELD_OUT = PACKAGED / "en-allison-1.flac"


def command(folder: Path, *words: str) -> str:
    done = subprocess.run([TESTBED, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.long
def test_a_minute_of_training_survives_a_kill_and_makes_a_network(tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [TESTBED, *TRAIN, "--output", "trained"], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "trained/checkpoint.pt").exists():
        assert killed.poll() is None
        time.sleep(0.1)
    killed.kill()
    killed.wait()
    assert "Going on from" in command(tmp_path, *TRAIN, "--output", "trained", "--resume")
    losses = pd.read_csv(tmp_path / "trained/curves.csv").groupby("step").loss.first().to_numpy()
    assert len(losses) > 10
    assert losses[-1] < 0.5 * losses[0]

    command(tmp_path, "train", "export", "trained", "network")
    made = find_network(str(tmp_path / "network"))
    features = features_of([read_recording(HELD_OUT).pcm]).astype(np.float32)
    step, chunks = len(features) // 2 - 1, 100
    sent = network.payload(network.encode(features, made), step, chunks, q0=3, dq=0)
    [decoded] = network.decode([sent], made)
    true = features[2 * step + 1 - np.arange(4 * chunks)]
    mean = np.broadcast_to(true.mean(0), true.shape).astype(np.float32)
    assert distortion(true, decoded).mean() < 0.5 * distortion(true, mean).mean()
