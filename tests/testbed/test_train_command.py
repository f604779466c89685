"""`testbed train` refuses what it cannot use, and says what to do; none of this needs PyTorch."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from testbed.cli import app
from testbed.errors import ResultsError, TrainingError
from testbed.training import folder as folders
from testbed.training.folder import MARKER_FILE, training_folder


@pytest.mark.parametrize("words", [["rdovae"], ["export", "training", "network"]])
def test_without_pytorch_it_says_how_to_install_it(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["train", *words])
    assert done.exit_code == 2
    assert "PyTorch is not installed" in done.output
    assert "make setup-train" in done.output


def test_a_folder_that_is_not_a_trainings_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    for output in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(ResultsError, match="--output"), training_folder(output, resume=True):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_without_a_checkpoint_is_left_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyError), training_folder(tmp_path / "new", resume=False):
        raise KeyError
    with training_folder(tmp_path, resume=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_training_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    again = training_folder(tmp_path, resume=False)
    with training_folder(tmp_path, resume=False):
        with pytest.raises(ResultsError, match="another training works in it"), again:
            pass
        assert (tmp_path / MARKER_FILE).exists()


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SPACE_NEEDED_BYTES", 10**18)
    folder = training_folder(tmp_path / "new", resume=False)
    with pytest.raises(TrainingError, match="MB are free on its disk"), folder:
        pass
    assert list(tmp_path.iterdir()) == []
