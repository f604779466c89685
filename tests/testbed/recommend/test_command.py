"""The command `recommend` as a user meets it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from testbed.cli import app
from testbed.recommend import recommendation
from testbed.recommend.candidates import CandidateGrid, candidate_grid
from testbed.recommend.limits import RecommendLimits
from testbed.scenario.loading import load_scenario

QUICK = ["--metric", "estoi", "--set", "codec.complexity=0", "--set", "realizations=2", "--jobs", "1"]
CHANNEL = """\
channel: [{loss: {model: bernoulli, rate: 0.2}}]
speech: {corpus: packaged, clips: 2}
codec: {bitrate_kbps: 24}
schemes: [plc]
playout: {policy: offline}
metrics: []
name: mine
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(CHANNEL, "utf-8")
    return tmp_path / "mine.yaml"


def recommend(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["recommend", *arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.long
def test_a_recommendation_has_a_front_a_choice_its_risks_and_its_settings(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def few(*arguments: object) -> CandidateGrid:
        grid = candidate_grid(*arguments)
        kept = [each for each in grid.candidates if each.buffer_ms == 110 and each.rate_kbps == 48]
        return CandidateGrid(tuple(kept[:6]), grid.left_out)

    monkeypatch.setattr(recommendation, "candidate_grid", few)
    code, said, err = recommend("mine.yaml", *QUICK, "--max-delay-ms", "250")
    assert code == 0, err
    for part in (
        "Network: mine.yaml: channel, speech and codec of a scenario.",
        "20 % of packets lost or late",
        "Searched 6 configurations with",
        "Pareto front of bitrate, delay and quality:",
        "\nUse ",
        "What a wrong guess changes:\n",
        "buffer 55 ms",
        "buffer 220 ms",
        "OPUS_SET_PACKET_LOSS_PERC(",
        "a=rtpmap:111 opus/48000/2",
        "opus_demo voip 16000 1 ",
    ):
        assert part in said, part
    folder = mine.parent / "results" / "recommend-mine"
    assert (folder / "recommendation.txt").read_text("utf-8").strip() in said
    again = load_scenario(folder / "finalists.yaml")
    manifest = json.loads((folder / "finalists" / "manifest.json").read_text("utf-8"))
    assert manifest["complete"] is True
    assert again.name == "finalists"
    assert (folder / "finalists" / "report.html").is_file()
    assert said.rstrip().endswith("report.html")
    code, _, err = recommend("mine.yaml", *QUICK)
    assert code == 2
    assert "holds a recommendation; --force replaces it" in err


def test_a_network_without_loss_needs_no_repair(mine: Path) -> None:
    mine.write_text(
        CHANNEL.replace("{loss: {model: bernoulli, rate: 0.2}}", "{delay: {constant_ms: 20}}"), "utf-8"
    )
    code, said, err = recommend("mine.yaml", *QUICK, "--set", "realizations=1", "--set", "speech.clips=1")
    assert code == 0, err
    assert "nothing needs repair" in said
    assert "\nUse neural PLC, " in said
    assert "OPUS_SET_INBAND_FEC(0)" in said


@pytest.mark.long
def test_a_dry_run_makes_no_folder(mine: Path) -> None:
    code, said, err = recommend("mine.yaml", *QUICK, "--max-kbps", "30", "--dry-run")
    assert code == 0, err
    assert said.startswith("Network: mine.yaml: ")
    assert "packets lost or late" in said
    assert "round 1: at most" in said
    assert "of the whole grid" in said
    assert "about " in said.splitlines()[-1]
    assert not (mine.parent / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "no such file, and no packaged scenario of that name"),
        (["mine.yaml", "--max-kbps", "20"], "--max-kbps 20 excludes everything"),
        (["mine.yaml", "--max-delay-ms", "20"], "--max-delay-ms 20 excludes everything"),
        (["mine.yaml", "--metric", "plcmoss"], "did you mean plcmos"),
        (["mine.yaml", "--min-score", "9"], "--min-score 9"),
        (["mine.yaml", "--min-plcmos", "9"], "PLCMOS goes from 1 to 5"),
        (["mine.yaml", "--out", "mine.yaml"], "is not a folder"),
        (["mine.yaml", "--set", "schemes=[plc]"], "--set schemes: the search sets it"),
        (["mine.yaml", "--speech", "no.wav"], "no.wav"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], message: str, mine: Path) -> None:
    code, said, err = recommend(*arguments, "--set", "speech.clips=1", "--jobs", "1")
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert said == ""


def test_defaults_are_those_of_the_limits() -> None:
    command = typer.main.get_command(app).commands["recommend"]  # type: ignore[attr-defined]  # it is a group
    defaults = {each.name: each.default for each in command.params}
    limits = RecommendLimits()
    assert (defaults["max_kbps"], defaults["max_delay_ms"]) == (limits.max_kbps, limits.max_delay_ms)
    assert (defaults["metric"], defaults["margin"]) == (limits.metric, limits.margin)


def test_a_folder_of_others_is_left_alone(mine: Path) -> None:
    (mine.parent / "other").mkdir()
    (mine.parent / "other" / "finalists.yaml").write_text("name: theirs\n", "utf-8")
    code, _, err = recommend("mine.yaml", *QUICK, "--out", "other", "--force")
    assert code == 2
    assert "holds finalists.yaml of others" in err
    assert (mine.parent / "other" / "finalists.yaml").read_text("utf-8") == "name: theirs\n"
