"""A training learns, and goes on from its checkpoint as though it had not been interrupted."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: make setup-train")

from testbed.training import trainer as training  # noqa: E402 - needs PyTorch
from testbed.training.trainer import Measurement, Settings, Trainer  # noqa: E402 - needs PyTorch

STEP_S = 0.25


@pytest.fixture(autouse=True)
def _a_step_takes_a_quarter_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr("testbed.training.trainer.time.process_time", lambda: STEP_S * next(ticks))
    monkeypatch.setattr(training, "_MEASURED_SEQUENCES", 2)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """20 s of features that follow four waves."""
    random = np.random.default_rng(1)
    waves = np.sin(2 * np.pi * np.outer(np.arange(2000) / 100, [0.7, 1.1, 1.9, 2.3]))
    return (waves @ random.normal(size=(4, 20)) * ([2.0] + 17 * [0.3] + [0.5, 0.2])).astype(np.float16)


def settings(steps: int, **others: Any) -> Settings:
    return Settings(STEP_S * steps / 60, size="small", batch=2, frames=64, **others)


def trained(
    trainer: Trainer, checkpoint: Path, every_steps: int, stop_at: int | None = None
) -> list[Measurement]:
    points = []
    for point in trainer.train(lambda now: now.save(checkpoint), STEP_S * every_steps):
        points.append(point)
        if point.step == stop_at:
            break
    return points


@pytest.mark.parametrize("tables", ["own", "libopus", "fixed"])
def test_the_loss_on_held_out_speech_falls(tables: Any, features: np.ndarray, tmp_path: Path) -> None:
    trainer = Trainer(settings(20, tables=tables), features[:1400], features[1400:])
    first, last = trained(trainer, tmp_path / "checkpoint.pt", 20)
    assert (first.step, last.step) == (0, 20)
    assert last.loss < 0.85 * first.loss


def test_a_resumed_training_ends_with_the_numbers_of_one_that_was_not_interrupted(
    features: np.ndarray, tmp_path: Path
) -> None:
    whole = Trainer(settings(12), features, features)
    points = trained(whole, tmp_path / "whole.pt", 4)
    assert [point.step for point in points] == [0, 4, 8, 12]
    killed = Trainer(settings(12), features, features)
    trained(killed, tmp_path / "killed.pt", 4, stop_at=8)
    resumed = Trainer(settings(12), features, features)
    resumed.restore(tmp_path / "killed.pt")
    trained(resumed, tmp_path / "killed.pt", 4)
    assert resumed.points == points
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_training_of_another_seed_sees_other_batches(features: np.ndarray, tmp_path: Path) -> None:
    losses = {
        trained(Trainer(settings(4, seed=seed), features, features), tmp_path / "x.pt", 4)[-1].loss
        for seed in (1, 1, 2)
    }
    assert len(losses) == 2
