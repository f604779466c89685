"""The files of a decoded call: its sound as WAV, and its timeline as Parquet or CSV."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.csv_export import write_csv
from testbed.decode.rendering import Rendering
from testbed.errors import ResultsError
from testbed.files import written_whole

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".parquet", ".csv")


def check_free(capture: Path, sound: Path, timeline: Path | None, force: bool) -> None:
    """Refuse names for new files that cannot be used, before the call is decoded.

    Raises
    ------
    ResultsError
        A name is that of the capture, of a folder, or of a file that exists, without `force`, or lies where
        nothing can be written; or its suffix is none of the file's kind.
    """
    if sound.suffix.lower() != ".wav":
        raise ResultsError(f"{sound}: the sound is written as WAV; give a name that ends in .wav")
    if timeline is not None and timeline.suffix.lower() not in _TABLES:
        raise ResultsError(f"{timeline}: give a name that ends in {' or '.join(_TABLES)}")
    for path in filter(None, (sound, timeline)):
        if path.is_dir():
            raise ResultsError(f"{path}: is a folder")
        folder = next(each for each in path.absolute().parents if each.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ResultsError(f"{path}: cannot be written: {folder} is no folder, or not writable")
        if path.exists() and path.samefile(capture):
            raise ResultsError(f"{path}: is the capture, which is never replaced")
        if (path.exists() or path.is_symlink()) and not force:
            raise ResultsError(f"{path}: exists; give another name, or replace it with --force")


def write_sound(rendering: Rendering, path: Path) -> None:
    """Write the sound as WAV with 16 bits."""
    import soundfile

    with written_whole(path) as temporary:
        soundfile.write(temporary, rendering.pcm, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")


def write_timeline(rendering: Rendering, path: Path) -> None:
    """Write one row per frame; columns as in `testbed.timeline.Timeline`, the frame's media time.

    Raises
    ------
    ResultsError
        See `testbed.csv_export.write_csv`.
    """
    table = _table(rendering)
    with written_whole(path) as temporary:
        if path.suffix.lower() == ".csv":
            temporary.unlink()
            write_csv(table, temporary)
        else:
            table.to_parquet(temporary, index=False)


def _table(rendering: Rendering) -> "pd.DataFrame":
    table = rendering.timeline.table()
    ends = np.cumsum(rendering.frame_samples)
    table.insert(1, "media_ms", (ends - rendering.frame_samples) * (1000 / SAMPLE_RATE_HZ))
    table.insert(2, "duration_ms", rendering.frame_samples * (1000 / SAMPLE_RATE_HZ))
    return table
