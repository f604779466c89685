"""The folder of a recommendation: its text, and the finalists' scenario and run."""

import os
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import ResultsError
from testbed.files import written_whole
from testbed.recommend.finalists import FIRST_LINE
from testbed.recommend.network import CONVERTED

_TEXT, _SCENARIO, _RUN = "recommendation.txt", "finalists.yaml", "finalists"


@dataclass(frozen=True)
class RecommendFolder:
    """The folder of one recommendation.

    Attributes
    ----------
    path
        The folder.
    """

    path: Path

    @property
    def scenario(self) -> Path:
        """The finalists' scenario."""
        return self.path / _SCENARIO

    @property
    def run(self) -> Path:
        """Folder of the finalists' run."""
        return self.path / _RUN

    def check(self, is_replaced: bool) -> None:
        """Refuse a folder with files of others, or with a recommendation that may not be replaced.

        Raises
        ------
        ResultsError
            It is one.
        """
        names = (_TEXT, _SCENARIO, CONVERTED, _RUN)
        held = [name for name in names if os.path.lexists(self.path / name)]
        if self.path.exists() and not self.path.is_dir():
            raise ResultsError(f"{self.path}: is not a folder")
        if not held:
            return
        if not self._is_ours():
            raise ResultsError(f"{self.path}: holds {held[0]} of others; give another with --out")
        if not is_replaced and self._is_finished():
            raise ResultsError(
                f"{self.path}: holds a recommendation; --force replaces it, or give another folder with --out"
            )

    def _is_ours(self) -> bool:
        try:
            with self.scenario.open("rb") as stream:
                return stream.readline(200).rstrip() == FIRST_LINE.encode()
        except OSError:
            return False

    def _is_finished(self) -> bool:
        return any(os.path.lexists(self.path / name) for name in (_TEXT, _RUN))

    def begin(self) -> None:
        """Mark a capture's arrivals as our own, so that a search that is killed can be repeated."""
        if (self.path / CONVERTED).exists():
            self._write(_SCENARIO, f"{FIRST_LINE}\n")

    def write(self, text: str, scenario: str) -> None:
        """Write the scenario, then the text."""
        self._write(_SCENARIO, scenario)
        self._write(_TEXT, text + "\n")

    def _write(self, name: str, content: str) -> None:
        with written_whole(self.path / name) as temporary:
            temporary.write_text(content, "utf-8")
