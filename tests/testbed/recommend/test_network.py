"""Networks of a recommendation: each kind of file, and what is said about it."""

from pathlib import Path

import pytest

from testbed.errors import ChannelError, ScenarioError
from testbed.recommend.base import base_scenario
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.network import ReadNetwork, read_network
from testbed.scenario.edit import as_yaml
from testbed.scenario.loading import parse_scenario
from testbed.scenario.models import Scenario
from testbed.traces.formats import read, write
from tests.testbed.traces.stats_files import Counted, lines_of

LOSSES = "".join("1\n" if place % 10 < 2 else "0\n" for place in range(600))
"""A loss file with bursts of two."""
SCENARIO = """\
name: mine
speech: {files: talk.wav}
codec: {bitrate_kbps: 24, complexity: 3, expected_loss: 0.2}
schemes: [plc]
channel: [{trace: {file: losses.txt}}]
playout: {policy: offline}
metrics: []
sweep: {codec.bitrate_kbps: [16, 24, 32]}
"""


@pytest.fixture
def losses(tmp_path: Path) -> Path:
    (tmp_path / "losses.txt").write_text(LOSSES, "utf-8")
    return tmp_path / "losses.txt"


def network(path: Path | str, is_fitted: bool = False) -> ReadNetwork:
    return read_network(str(path), Path(path).parent / "out", is_fitted)


def test_losses_are_replayed(losses: Path) -> None:
    found = network(losses)
    assert found.keys == {"channel": [{"trace": {"file": str(losses)}}]}
    assert "replayed from a place that each realization draws" in found.said


def test_a_short_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text(LOSSES[:200], "utf-8")
    assert network(tmp_path / "few.txt").notes[-1].startswith("a short recording: its 100 packets repeat")


def test_losses_are_fitted_if_asked_for(losses: Path) -> None:
    (entry,) = network(losses, is_fitted=True).keys["channel"]
    assert entry["loss"]["model"] == "gilbert_elliott"


def test_a_capacity_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "cell.up").write_text("\n".join(map(str, range(0, 4000, 20))), "utf-8")
    found = network(tmp_path / "cell.up")
    assert found.keys["channel"] == [{"link": {"trace": str(tmp_path / "cell.up")}}]
    with pytest.raises(ChannelError, match="no losses to fit"):
        network(tmp_path / "cell.up", is_fitted=True)


def test_a_capture_becomes_arrivals_in_the_folder(losses: Path, tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(
        "send_ms,arrival_ms\n" + "".join(f"{20 * n},{20 * n + 30 + n % 3}\n" for n in range(40)), "utf-8"
    )
    _, recorded = read(tmp_path / "times.csv")
    write(tmp_path / "call.pcap", recorded)
    (entry,) = network(tmp_path / "call.pcap").keys["channel"]
    assert Path(entry["trace"]["file"]) == tmp_path / "out" / "network.csv"
    _, again = read(tmp_path / "out" / "network.csv")
    assert len(again) == 40


def test_stages_are_taken_as_they_are(tmp_path: Path, losses: Path) -> None:
    for name, text in {
        "list.yaml": "- loss: {model: bernoulli, rate: 0.1}\n",
        "channel.yaml": "channel:\n  - loss: {model: bernoulli, rate: 0.1}\n",
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
        found = network(tmp_path / name)
        assert found.keys == {"channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}]}
        assert found.said.endswith("loss bernoulli (rate 0.1)")


@pytest.mark.parametrize("files", ["5", "[[1]]", "{a: 1}"])
def test_names_of_files_that_are_no_text_are_left_to_the_check_of_the_scenario(
    tmp_path: Path, files: str
) -> None:
    (tmp_path / "stages.yaml").write_text(f"- trace: {{files: {files}}}\n", "utf-8")
    (entry,) = network(tmp_path / "stages.yaml").keys["channel"]
    assert entry["trace"]["files"] in (5, [[1]], {"a": 1})


def test_a_scenario_gives_its_channel_speech_and_codec(tmp_path: Path, losses: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SCENARIO, "utf-8")
    found = network(tmp_path / "mine.yaml")
    assert found.keys["channel"] == [{"trace": {"file": str(losses)}}]
    assert found.keys["speech"]["files"] == [str(tmp_path / "talk.wav")]
    assert found.keys["codec"]["complexity"] == 3
    assert found.notes == ("of its 3 points the middle one is taken: codec.bitrate_kbps = 24",)


def test_a_packaged_scenario_has_a_name() -> None:
    assert "channel" in network("quickstart").keys


def test_statistics_of_a_call_say_what_they_do_not_tell(tmp_path: Path) -> None:
    counts = [
        Counted(1000.0 * n, 50 * n - 2 * n, 2 * n, 0.01, 4000 * n, n, 0.08 if n % 2 else 0.1)
        for n in range(1, 20)
    ]
    (tmp_path / "stats.json").write_bytes(lines_of(counts))
    found = network(tmp_path / "stats.json")
    (entry,) = found.keys["channel"]
    assert len(entry["measured"]["intervals"]) == 18
    assert any(note.startswith("One-way delay: half the round-trip time") for note in found.notes)
    with pytest.raises(ScenarioError, match="statistics have none"):
        network(tmp_path / "stats.json", is_fitted=True)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nothing", None, "no such file, and no packaged scenario of that name"),
        ("quickstrat", None, "did you mean quickstart"),
        ("flows.yaml", "name: a\nflows: []\n", "flows"),
        ("x.yaml", "loss: 1\n", "speech: missing"),
        ("x.bin", "hello world, this is no recording\n", "x.bin"),
    ],
)
def test_what_is_no_network_is_refused(
    name: str, text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text, "utf-8")
    with pytest.raises((ScenarioError, ChannelError), match=said):
        read_network(name, tmp_path / "out")


def test_a_folder_and_a_fit_of_a_description_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is a folder"):
        network(tmp_path)
    with pytest.raises(ScenarioError, match="--fit is for recordings"):
        network("quickstart", is_fitted=True)


def test_the_base_keeps_the_codec_and_counts_realizations(tmp_path: Path, losses: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SCENARIO.replace("{files: talk.wav}", "{corpus: packaged}"), "utf-8")
    base = base_scenario(network(tmp_path / "mine.yaml"), RecommendLimits(), ["codec.complexity=1"])
    assert base["codec"] == {"complexity": 1, "total_kbps": 24}
    assert base["realizations"] == 12
    assert base["metrics"] == ["plcmos"]
    conversational = base_scenario(network("quickstart"), RecommendLimits(metric="mos_cq"))
    assert conversational["metrics"] == ["mos_cq", "plcmos"]


@pytest.mark.parametrize(
    "key", ["schemes.0.red=1", "codec.total_kbps=32", "playout={policy: offline}", "sweep="]
)
def test_what_the_search_sets_cannot_be_set(key: str) -> None:
    with pytest.raises(ScenarioError, match="the search sets it"):
        base_scenario(network("quickstart"), RecommendLimits(), [key])


def test_the_network_of_a_scenario_is_valid_in_another_folder(tmp_path: Path, losses: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SCENARIO.replace("{files: talk.wav}", "{corpus: packaged}"), "utf-8")
    base = base_scenario(network(tmp_path / "mine.yaml"), RecommendLimits())
    assert isinstance(parse_scenario(as_yaml(base), tmp_path / "elsewhere"), Scenario)
