"""A training in its folder: what it writes, what it refuses, and what is left of one that is killed."""

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: make setup-train")

from testbed.errors import ResultsError, TrainingError  # noqa: E402 - needs PyTorch
from testbed.training import curves, session, trainer  # noqa: E402 - needs PyTorch
from testbed.training.speech import TrainingSpeech  # noqa: E402 - needs PyTorch
from testbed.training.trainer import Settings, Trainer  # noqa: E402 - needs PyTorch

STEPS, STEP_S = 10, 0.25
SETTINGS = Settings(STEPS * STEP_S / 60, size="small", batch=1, frames=64)
Show = Callable[[Trainer], None]
draw = curves._draw


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ticks = itertools.count()
    monkeypatch.setattr("testbed.training.trainer.time.process_time", lambda: STEP_S * next(ticks))
    monkeypatch.setattr(trainer, "_MEASURED_SEQUENCES", 1)
    monkeypatch.setattr(session, "_CHECKPOINTS", 5)
    monkeypatch.setattr(curves, "_draw", lambda points, path: path.touch())
    features = np.random.default_rng(1).normal(size=(800, 20)).astype(np.float16)
    heard = {"speech": features, "others": features + 1}
    monkeypatch.setattr(
        session, "load_speech", lambda names, *_: TrainingSpeech(heard[names[0]], features[:500], ("noise",))
    )
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def go(
    folder: Path,
    resume: bool = False,
    settings: Settings = SETTINGS,
    show: Show = lambda now: None,
    speech: str = "speech",
) -> Trainer:
    return session.train(settings, [speech], False, folder, resume, 1, lambda line: None, show)


class Bomb:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (3,)


def at_step(step: int, number: signal.Signals) -> Show:
    return lambda now: os.kill(os.getpid(), number) if now.step == step else None


def test_a_folder_has_checkpoint_curves_and_what_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CHECKPOINTS", 1)
    monkeypatch.setattr(curves, "_draw", draw)
    done = go(tmp_path / "new")
    assert done.progress == 1
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        ".speech-testbed-training",
        "checkpoint.pt",
        "curves.csv",
        "curves.png",
        "training.json",
    }
    table = pd.read_csv(tmp_path / "new/curves.csv")
    assert list(table.step.unique()) == [0, 10]
    assert set(table.level) == {0, 3, 6, 9, 12, 15}
    assert np.isfinite(table.to_numpy()).all()


def test_a_training_is_neither_replaced_nor_continued_with_anything_else(tmp_path: Path) -> None:
    go(tmp_path, show=at_step(3, signal.SIGTERM))
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(ResultsError, match="holds a training; go on with --resume"):
        go(tmp_path)
    with pytest.raises(ResultsError, match="has seed 1, not 2"):
        go(
            tmp_path,
            resume=True,
            settings=Settings(SETTINGS.minutes, size="small", batch=1, frames=64, seed=2),
        )
    with pytest.raises(ResultsError, match="has other speech"):
        go(tmp_path, resume=True, speech="others")
    checkpoint = tmp_path / "checkpoint.pt"
    content = torch.load(checkpoint, weights_only=True)
    checkpoint.write_bytes(kept[:1000])
    with pytest.raises(TrainingError, match="is no checkpoint of this training"):
        go(tmp_path, resume=True)
    for odd in (Bomb(), content | {"optimizer": 3}, content | {"average": {}}, content | {"step": "many"}):
        torch.save(odd, checkpoint)
        with pytest.raises(TrainingError, match="is no checkpoint of this training"):
            go(tmp_path, resume=True)


def test_a_signal_ends_a_training_after_its_step(tmp_path: Path) -> None:
    stopped = go(tmp_path, show=at_step(3, signal.SIGTERM))
    assert (stopped.step, stopped.progress) == (3, 0.3)
    assert go(tmp_path, resume=True).points[-1].step == STEPS


def test_a_killed_training_goes_on_from_its_last_checkpoint_to_the_same_numbers(tmp_path: Path) -> None:
    whole = go(tmp_path / "whole")
    child = os.fork()
    if child == 0:
        go(tmp_path / "killed", show=at_step(5, signal.SIGKILL))
        os._exit(1)  # not reached
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    seen = list[int]()
    resumed = go(tmp_path / "killed", resume=True, show=lambda now: seen.append(now.step))
    assert seen == [5, 6, 7, 8, 9, 10]
    assert resumed.points == whole.points
    tables = [(tmp_path / run / "curves.csv").read_text() for run in ("whole", "killed")]
    assert tables[0] == tables[1]
