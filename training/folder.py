"""The folder of a training: a process works in it alone, and folders of others are left as they are."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import ResultsError, TrainingError
from testbed.files import remove_if_empty

MARKER_FILE = ".speech-testbed-training"
CHECKPOINT_FILE = "checkpoint.pt"
SPACE_NEEDED_BYTES = 500_000_000
_MARKER = b"speech-testbed training 1\n"


@contextmanager
def training_folder(out: Path, resume: bool) -> Iterator[Path]:
    """Yield the folder of a training, which no other process works in.

    If there is no checkpoint in it at the end, it is left as it was.

    Parameters
    ----------
    resume
        Whether to go on with the training in it, if there is one.

    Raises
    ------
    ResultsError
        It holds something else, or a training without `resume`, or another process works in it.
    TrainingError
        Its disk is too full for a training.
    """
    folder = out.resolve()
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{out}: is a file; give a folder with --output")
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in folder.iterdir()}
    if names and MARKER_FILE not in names:
        raise ResultsError(f"{out}: holds other files and no training; give another folder with --output")
    with _locked_marker(out, folder / MARKER_FILE):
        try:
            if (folder / CHECKPOINT_FILE).exists() and not resume:
                raise ResultsError(
                    f"{out}: holds a training; go on with --resume, or give another folder with --output"
                )
            _check_space(out, folder)
            yield folder
        finally:
            if not (folder / CHECKPOINT_FILE).exists():
                (folder / MARKER_FILE).unlink(missing_ok=True)
                if is_new:
                    remove_if_empty(folder)


@contextmanager
def _locked_marker(out: Path, marker: Path) -> Iterator[None]:
    handle = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(
                f"{out}: another training works in it; give another folder with --output"
            ) from None
        if os.read(handle, len(_MARKER) + 1) not in (b"", _MARKER):
            raise ResultsError(
                f"{out}: its {MARKER_FILE} is of another version; give another folder with --output"
            )
        os.pwrite(handle, _MARKER, 0)
        yield
    finally:
        os.close(handle)


def _check_space(out: Path, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED_BYTES:
        raise TrainingError(
            f"{out}: {free / 1e6:.0f} MB are free on its disk, and a training needs "
            f"{SPACE_NEEDED_BYTES / 1e6:.0f}; give a folder on another disk with --output"
        )
