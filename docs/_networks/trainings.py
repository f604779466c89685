"""What the curves of a training say: its loss, and when it discarded numbers of latent vector and state."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

FULL_SEQUENCES, _FULL_SEQUENCE_S = 40_000_000, 4.0
"""Sequences that libopus's networks were trained on: 400 epochs of 100 000."""
_SHOWN = 8
"""Measurements in a table of a training."""


@dataclass(frozen=True)
class Training:
    """The curves that a training writes as it goes (``curves.csv``).

    Attributes
    ----------
    name
        Of the network.
    points
        A row per measurement and quantizer level: ``step``, ``minutes``, ``sequences``, ``loss``, ``level``,
        ``bits_per_40_ms``, ``state_bits``, ``distortion``, ``latents_sent``, ``states_sent``.
    kept
        Numbers of latent vector and state that were not discarded, counted from 0; empty with tables that
        are not learned.
    settings
        Those of `testbed.training.trainer.Settings`.
    """

    name: str
    points: pd.DataFrame
    kept: dict[str, list[int]]
    settings: dict[str, Any]

    @property
    def last(self) -> pd.Series:
        """The last measurement, at its finest level."""
        finest = self.points[self.points["level"] == self.points["level"].min()]
        row: pd.Series = finest.iloc[-1]
        return row

    @property
    def share(self) -> float:
        """Its speech, as a part of what libopus's networks were trained on."""
        seconds = self.last["sequences"] * self.settings["frames"] / 100
        return float(seconds / (FULL_SEQUENCES * _FULL_SEQUENCE_S))

    @property
    def command(self) -> str:
        """The command that trains such a network."""
        given = {key: self.settings[key] for key in ("minutes", "tables", "size")}
        usual = {"tables": "own", "size": "full"}
        return "testbed train rdovae" + "".join(
            f" --{key} {value}" for key, value in given.items() if value != usual.get(key)
        )

    def shown(self) -> list[pd.DataFrame]:
        """Return the rows of some measurements, from the first to the last."""
        steps = list(dict.fromkeys(self.points["step"]))
        places = sorted({round(place * (len(steps) - 1) / (_SHOWN - 1)) for place in range(_SHOWN)})
        return [self.points[self.points["step"] == steps[place]] for place in places]


def read_training(folder: Path) -> Training:
    """Read what a network's folder has of its training, ``curves.csv`` and ``training.json``."""
    about = json.loads((folder / "training.json").read_text("utf-8"))
    points = pd.read_csv(folder / "curves.csv")
    return Training(folder.name, points, about.get("kept", {}), about["settings"])


def progress_rows(training: Training) -> list[tuple[str, ...]]:
    """Return loss and numbers sent by minutes, after a row of headings."""
    levels = sorted(set(training.points["level"]))
    shown = [levels[0], levels[len(levels) // 2], levels[-1]]
    head = ("minutes", "steps", "loss", *(f"latents + states sent at level {level}" for level in shown))
    rows: list[tuple[str, ...]] = [head]
    for rows_of in training.shown():
        first, at = rows_of.iloc[0], rows_of.set_index("level")
        sent = [
            f"{at.loc[level, 'latents_sent']:.0f} + {at.loc[level, 'states_sent']:.0f}" for level in shown
        ]
        rows.append((f"{first['minutes']:.0f}", f"{first['step']:.0f}", f"{first['loss']:.2f}", *sent))
    return rows
