"""Warnings about the user's own speech: a narrow band, and damage before any loss."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from testbed.speech import Clip
from testbed.speech_caveats import speech_caveats

CLIP = Clip(
    "talk", "", "", np.zeros(16_000, np.float32), "talk.wav", "", "", "", Path("talk.wav"), 16_000, ""
)


def said(clips: list[Clip], plcmos: dict[tuple[str, str], float]) -> list[str]:
    rows = [{"scheme": scheme, "clip": clip, "plcmos": score} for (scheme, clip), score in plcmos.items()]
    return list(speech_caveats(clips, pd.DataFrame(rows)))


def test_clean_wideband_speech_is_not_spoken_of() -> None:
    assert said([CLIP], {("no loss", "talk"): 4.4, ("classic PLC", "talk"): 1.5}) == []


def test_clips_of_a_narrow_band_are_listed() -> None:
    clips = [replace(CLIP, name=f"c{number}", rate_hz=8000) for number in range(7)]
    (line,) = said(clips, {("no loss", "c0"): 4.4})
    assert line.startswith("recorded at less than 16 kHz: c0 (8 kHz), c1 (8 kHz)")
    assert "c4 (8 kHz) and 2 more;" in line


def test_clips_that_score_low_without_loss_are_named_the_worst_first_with_score_and_codec() -> None:
    clips = [CLIP, replace(CLIP, name="noisy"), replace(CLIP, name="nl-1", speaker="Fish", codec="Vorbis")]
    scores = {("no loss", "talk"): 4.1, ("no loss", "noisy"): 3.24, ("no loss", "nl-1"): 3.0}
    (line,) = said(clips, {**scores, ("no loss2", "talk"): 1.0})
    assert line.startswith("PLCMOS below 4 without any loss: nl-1 (3.00, Vorbis), noisy (3.24);")


def test_every_judge_that_knows_the_score_of_clean_speech_names_clips() -> None:
    table = pd.DataFrame(
        [{"scheme": "no loss", "clip": "talk", "plcmos": 4.5, "dnsmos": 2.9, "dnsmos_sig": 3.4}]
    )
    (line,) = speech_caveats([CLIP], table)
    assert line.startswith("DNSMOS below 3 without any loss: talk (2.90);")


@pytest.mark.parametrize("metrics", [{}, {"estoi": 0.5}])
def test_without_plcmos_nothing_is_said_of_damage(metrics: dict[str, float]) -> None:
    table = pd.DataFrame([{"scheme": "no loss", "clip": "talk", **metrics}])
    assert list(speech_caveats([CLIP], table)) == []
