"""A training in a folder: from speech to a checkpoint and curves; it goes on after any interruption."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from testbed.errors import ResultsError
from testbed.files import written_whole
from testbed.signals import ending_by
from testbed.training.curves import write_curves
from testbed.training.folder import CHECKPOINT_FILE, training_folder
from testbed.training.speech import Tell, TrainingSpeech, load_speech
from testbed.training.trainer import Settings, Trainer
from testbed.version import __version__

ABOUT_FILE = "training.json"
_CHECKPOINTS = 10
_LONGEST_S = 60.0
"""Checkpoints are at most so many seconds of training apart; a short training has ten."""


def train(
    settings: Settings,
    speech: Sequence[str],
    with_gpl: bool,
    output: Path,
    resume: bool,
    threads: int,
    tell: Tell,
    show: Callable[[Trainer], None],
) -> Trainer:
    """Train an RDO-VAE, or go on with a training; return it when it is complete, or a signal has ended it.

    The folder gets ``checkpoint.pt``, ``training.json``, ``curves.csv`` and ``curves.png``.

    Parameters
    ----------
    settings
        Its settings.
    speech, with_gpl
        See `testbed.training.speech.load_speech`.
    output, resume
        Its folder, see `testbed.training.folder.training_folder`.
    threads
        Number of processor cores that it uses.
    tell
        Called with one line of text at each step.
    show
        Called after each step.

    Raises
    ------
    ResultsError
        The folder cannot be used, or holds a training with other settings or speech.
    """
    torch.set_num_threads(threads)
    with training_folder(output, resume) as folder:
        heard = load_speech(speech, with_gpl, tell)
        about = _about(settings, heard, speech, with_gpl)
        checkpoint = folder / CHECKPOINT_FILE
        trainer = Trainer(settings, heard.trained, heard.held_out)
        if checkpoint.exists():
            _check_same(output, folder / ABOUT_FILE, about)
            trainer.restore(checkpoint)
            tell(f"Going on from {trainer.seconds / 60:.1f} of {settings.minutes:g} minutes")
        with written_whole(folder / ABOUT_FILE) as path:
            path.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
        every_s = min(_LONGEST_S, 60 * settings.minutes / _CHECKPOINTS)
        with ending_by(trainer.stop):
            for _ in trainer.train(lambda now: now.save(checkpoint), every_s, show):
                write_curves(trainer.points, folder)
        return trainer


def _about(
    settings: Settings, speech: TrainingSpeech, names: Sequence[str], with_gpl: bool
) -> dict[str, Any]:
    """Return what made a training, as JSON has it."""
    digest = hashlib.sha256(speech.trained.tobytes() + speech.held_out.tobytes()).hexdigest()
    return {
        "settings": asdict(settings),
        "speech": {
            "names": list(names),
            "with_gpl": with_gpl,
            "sources": list(speech.sources),
            "trained_hours": round(len(speech.trained) / 360_000, 2),
            "held_out_hours": round(len(speech.held_out) / 360_000, 2),
            "sha256": digest,
        },
        "testbed": __version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def _check_same(output: Path, path: Path, about: dict[str, Any]) -> None:
    """Refuse to go on with other settings or other speech than a training began with."""
    try:
        begun: Any = json.loads(path.read_text("utf-8"))
        settings, digest = begun["settings"], begun["speech"]["sha256"]
        other = [key for key, value in about["settings"].items() if settings[key] != value]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ResultsError(f"{path}: cannot be read; give another folder with --output") from None
    said = [f"{key} {settings[key]}, not {about['settings'][key]}" for key in other]
    said += ["other speech"] * (digest != about["speech"]["sha256"])
    if said:
        raise ResultsError(
            f"{output}: its training has {', '.join(said)}; give the same options, or another folder with "
            "--output"
        )
