"""The folder of a recommendation: files of others stay, and one that was killed can be repeated."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from testbed.cli import app
from testbed.errors import ResultsError
from testbed.recommend import outline
from testbed.recommend.folder import RecommendFolder
from testbed.traces.formats import read, write


@pytest.mark.parametrize("name", ["recommendation.txt", "finalists.yaml", "network.csv", "finalists"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_files_of_others_and_links_to_nowhere_are_refused(
    tmp_path: Path, name: str, is_replaced: bool
) -> None:
    (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(ResultsError, match=f"holds {name} of others"):
        RecommendFolder(tmp_path).check(is_replaced)


def test_one_that_was_killed_is_repeated_and_a_whole_one_is_not_replaced(tmp_path: Path) -> None:
    folder = RecommendFolder(tmp_path)
    (tmp_path / "network.csv").write_text("send_ms,arrival_ms\n0,1\n", "utf-8")
    folder.begin()
    folder.check(is_replaced=False)
    folder.write("text", folder.scenario.read_text("utf-8"))
    with pytest.raises(ResultsError, match="--force replaces it"):
        folder.check(is_replaced=False)
    folder.check(is_replaced=True)


def test_a_dry_run_for_a_capture_replaces_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outline, "outline", lambda *_: ["planned"])
    rows = "".join(f"{20 * n},{20 * n + 30}\n" for n in range(40))
    (tmp_path / "times.csv").write_text("send_ms,arrival_ms\n" + rows, "utf-8")
    write(tmp_path / "call.pcap", read(tmp_path / "times.csv")[1])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "network.csv").write_text("of others", "utf-8")
    arguments = ["recommend", str(tmp_path / "call.pcap"), "--dry-run", "--out"]
    for name in ("out", "new"):
        done = CliRunner().invoke(app, [*arguments, str(tmp_path / name)])
        assert (done.exit_code, done.stdout) == (0, "planned\n"), done.stderr
    assert (tmp_path / "out" / "network.csv").read_text("utf-8") == "of others"
    assert not (tmp_path / "new").exists()
