"""The folder of a recommendation: its text, and the finalists' scenario and run."""

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
        held = [name for name in names if (self.path / name).exists()]
        if self.path.exists() and not self.path.is_dir():
            raise ResultsError(f"{self.path}: is not a folder")
        if not held:
            return
        if not self._is_ours():
            raise ResultsError(f"{self.path}: holds {held[0]} of others; give another with --out")
        if not is_replaced:
            raise ResultsError(
                f"{self.path}: holds a recommendation; --force replaces it, or give another folder with --out"
            )

    def _is_ours(self) -> bool:
        try:
            with self.scenario.open("rb") as stream:
                return stream.readline(200).rstrip() == FIRST_LINE.encode()
        except OSError:
            return False

    def write(self, text: str, scenario: str) -> None:
        """Write the scenario, then the text."""
        for name, content in ((_SCENARIO, scenario), (_TEXT, text + "\n")):
            with written_whole(self.path / name) as temporary:
                temporary.write_text(content, "utf-8")
