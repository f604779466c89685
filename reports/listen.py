"""The calls of a run that its page plays: sound, timeline and scores of each scheme, and the worst calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from testbed.errors import ResultsError
from testbed.metrics import described
from testbed.reports.call import is_played_adaptively, letters
from testbed.reports.headline import Answer
from testbed.reports.sounds import EXAMPLE_RATE_HZ, MAX_SOUND_BYTES, PageSounds, read_sound
from testbed.reports.summary import Summary
from testbed.results import Results
from testbed.timeline import read_timeline
from testbed.trials import IDENTITY, MOST_SECONDS, Trial, first_metric, ranked_trials, trials_of, worst_calls
from testbed.words import counted

MAX_EXAMPLES = 1000
_FATE = ("packet_loss", "frames", "frames_late", "frames_plc", "interruptions")


@dataclass(frozen=True)
class WorstCall:
    """One of the worst calls of a run.

    Attributes
    ----------
    row
        Number of its row in the table.
    point, scheme, clip, realization
        See `testbed.plan.CallId`; by name.
    score, fate
        Its score, and what became of its packets and frames, in words.
    trial
        Place of its trial in the page; None if that has no sound of it.
    """

    row: int
    point: int
    scheme: str
    clip: str
    realization: int
    score: str
    fate: str
    trial: int | None


@dataclass(frozen=True)
class Listening:
    """All that a page plays.

    Attributes
    ----------
    trials
        The trials in the form of the page's script. The schemes are in order: without loss, the baseline, the
        leading one, then the others as in the scenario.
    sounds
        Files in base64, which the trials name by place; None for those left out to limit the page's size.
    is_compressed
        Whether sounds are compressed with Opus; those of the first trial are not if they are small.
    ranked
        The median, worst and best trials of the scenario's own point: label, and place in `trials`.
    judge
        Label of the metric of the worst calls; None without scores.
    worst
        The worst calls, with or without sound.
    """

    trials: list[dict[str, Any]]
    sounds: list[str | None]
    is_compressed: bool
    ranked: list[tuple[str, int]]
    judge: str | None
    worst: list[WorstCall]

    @property
    def left_out(self) -> int:
        """Number of sounds left out."""
        return self.sounds.count(None)

    @property
    def is_adaptive(self) -> bool:
        """True if a receiver adapts."""
        tracks = [track for trial in self.trials for track in trial["tracks"]]
        return any(track["timeline"]["played_after_ms"] is not None for track in tracks)

    @property
    def data(self) -> dict[str, Any] | None:
        """Data for the script of the page; None without sound."""
        if not self.trials:
            return None
        return {"trials": self.trials, "sounds": self.sounds, "ranked": self.ranked}


def listening(
    results: Results, summary: Summary, answers: Mapping[int, Answer], most_bytes: int = MAX_SOUND_BYTES
) -> Listening:
    """Return what the page of a run plays.

    Parameters
    ----------
    answers
        The answers by point; a page may leave out points.
    most_bytes
        Largest size of all sounds.

    Raises
    ------
    ResultsError
        A file of an example is missing or differs from the manifest.
    """
    rows = results.stored.columns([*IDENTITY, *summary.metrics, *_FATE])
    sounds, trials = PageSounds(most_bytes), dict[Trial, dict[str, Any]]()
    examples = (results.manifest.get("examples") or [])[:MAX_EXAMPLES]
    numbers = _numbers(rows, {_trial_of(example) for example in examples})
    for trial, same in groupby(examples, _trial_of):
        if trials and sounds.seconds > 2 * MOST_SECONDS:  # not of a run of the testbed
            break
        answer = answers.get(trial.point)
        leading = None if answer is None else answer.leading
        order = [summary.ceiling, summary.baseline, leading, *summary.schemes]
        tracks = [
            _track(results, rows, numbers, example, sounds)
            for example in sorted(same, key=lambda example: _place(example["scheme"], order))
        ]
        clean = [each for each in results.manifest.get("clean") or [] if each["clip"] == trial.clip]
        trials[trial] = {
            **trial._asdict(),
            "at": summary.label(trial.point) if len(summary.points) > 1 else "",
            "frame_ms": frame_ms(results, trial.point),
            "clean": sounds.add(read_sound(_inside(results.folder, clean[0]["audio"]))) if clean else None,
            "baseline": summary.baseline,
            "recommended": None if answer is None else answer.recommended,
            "tracks": tracks,
        }
        sounds.end_first()
    places = {trial: place for place, trial in enumerate(trials)}
    metric = first_metric(summary.metrics)
    encoded, is_compressed = sounds.encoded()
    return Listening(
        [*trials.values()],
        encoded,
        is_compressed,
        [
            (f"{choice.rank} {described(choice.metric).label}", places[choice.trial])
            for choice in ranked_trials(rows, summary.metrics, summary.ceiling, summary.own_point)
            if choice.trial in places
        ],
        None if metric is None else described(metric).label,
        [] if metric is None else _worst(rows, summary, metric, places),
    )


def _worst(rows: pd.DataFrame, summary: Summary, metric: str, places: Mapping[Trial, int]) -> list[WorstCall]:
    """Return the worst calls by a metric in words."""
    worst = worst_calls(rows, summary.metrics, summary.ceiling)
    said = zip(worst.index, trials_of(worst), worst.to_dict("records"), strict=True)
    return [
        WorstCall(
            int(number),
            trial.point,
            row["scheme"],
            trial.clip,
            trial.realization,
            f"{row[metric]:.{described(metric).decimals}f}",
            _fate(row),
            places.get(trial),
        )
        for number, trial, row in said
    ]


def _trial_of(example: Mapping[str, Any]) -> Trial:
    return Trial(example["point"], example["clip"], example["realization"])


def _place(scheme: str, order: Sequence[str | None]) -> int:
    return order.index(scheme) if scheme in order else len(order)


def _numbers(rows: pd.DataFrame, trials: set[Trial]) -> dict[tuple[Any, ...], int]:
    """Return the numbers of the rows of some trials, by `IDENTITY`."""
    keys = zip(*(rows[name] for name in IDENTITY), strict=True)
    return {key: number for number, key in enumerate(keys) if Trial(key[0], key[2], key[3]) in trials}


def _track(
    results: Results,
    rows: pd.DataFrame,
    numbers: Mapping[tuple[Any, ...], int],
    example: Mapping[str, Any],
    sounds: PageSounds,
) -> dict[str, Any]:
    """Return one call in the form of the page's script."""
    samples = read_sound(_inside(results.folder, example["audio"]))
    timeline = read_timeline(_inside(results.folder, example["timeline"]))
    number = numbers.get(tuple(example[name] for name in IDENTITY))
    told = letters(timeline, frame_ms(results, int(example["point"])), is_played_adaptively(results, example))
    if told["played_after_ms"] is None:
        told["at_s"] = None  # the script knows the length of a frame
    told["cause"] = {frame: cause for frame, cause in enumerate(told["cause"]) if cause}
    row: Mapping[Any, Any] = {} if number is None else rows.iloc[number].to_dict()
    return {
        "scheme": example["scheme"],
        "row": number,
        "scores": _scores(row, results.manifest.get("metrics", [])),
        "fate": _fate(row),
        "sound": sounds.add(samples),
        "seconds": len(samples) / EXAMPLE_RATE_HZ,
        "timeline": told,
    }


def _scores(row: Mapping[Any, Any], metrics: Sequence[str]) -> str:
    """Return the scores of a call in words."""
    known = [name for name in metrics if name in row and pd.notna(row[name])]
    return " · ".join(f"{described(name).label} {row[name]:.{described(name).decimals}f}" for name in known)


def _fate(row: Mapping[Any, Any]) -> str:
    """Return what became of the packets and frames of a call, in words; "" if it failed."""
    if not all(name in row and pd.notna(row[name]) for name in _FATE[:-1]):
        return ""
    frames = max(1, int(row["frames"]))
    said = [
        f"{row['packet_loss']:.0%} lost",
        f"{row['frames_plc'] / frames:.0%} concealed",
    ]
    if late := int(row["frames_late"]):
        said.append(f"{late / frames:.0%} late")
    if pd.notna(row.get("interruptions")) and (number := int(row["interruptions"])):
        said.append(counted(number, "interruption"))
    return ", ".join(said).replace("%", " %")


def frame_ms(results: Results, point: int) -> float:
    """Return the duration of a frame at a point."""
    points = results.manifest.get("points") or []
    swept = points[point].get("codec.frame_ms") if point < len(points) else None
    asked = results.manifest.get("scenario", {}).get("codec", {}).get("frame_ms")
    return float(swept or asked or 20)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name.replace("\0", "")).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ResultsError(f"{folder / 'manifest.json'}: example {name!r} is not a file of this run")
    return path
