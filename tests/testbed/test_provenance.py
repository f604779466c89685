"""Provenance: the manifest names every file that affects a number, and calls are repeated only with these."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from testbed import runner
from testbed.codecs.lpcnet import weights as lpcnet
from testbed.environment import differences
from testbed.errors import ResultsError
from testbed.loaded_run import load
from testbed.progress import Progress
from testbed.provenance import _commit, inputs_of
from testbed.scenario.loading import load_scenario, parse_scenario, points

SCENARIO = """
name: small
speech: {files: talk.wav}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [CHANNEL]
playout: {policy: offline}
metrics: []
"""
LOSSES, OTHER_LOSSES = "0\n0\n0\n1\n", "1\n1\n0\n1\n"
LINK, OTHER_LINK = "2\n4\n6\n", "2\n4\n8\n"


def write_talk(folder: Path, amplitude: float = 0.5) -> None:
    rng = np.random.default_rng(1)
    soundfile.write(folder / "talk.wav", np.clip(amplitude * rng.standard_normal(32_000) / 4, -1, 1), 16_000)


def scenario_file(folder: Path, channel: str) -> Path:
    write_talk(folder)
    (folder / "s.yaml").write_text(SCENARIO.replace("CHANNEL", channel))
    return folder / "s.yaml"


@pytest.mark.parametrize(
    ("channel", "content", "other"),
    [
        ("{trace: {file: net}}", LOSSES, OTHER_LOSSES),
        ("{recorded: {file: net}}", LOSSES, OTHER_LOSSES),
        ("{recorded: {file: net}}", "send_ms,arrival_ms\n0,5\n20,26\n", "send_ms,arrival_ms\n0,5\n20,27\n"),
        ("{link: {trace: net}}", LINK, OTHER_LINK),
    ],
)
def test_a_call_is_not_made_again_of_a_recording_that_changed(
    tmp_path: Path, channel: str, content: str, other: str
) -> None:
    path = scenario_file(tmp_path, channel)
    network = tmp_path / "net"
    network.write_text(content)
    done = runner.run(path, tmp_path / "run", jobs=1)
    first = done.call(1)
    assert first.simulation.packet_loss == done.table["packet_loss"][1]
    network.write_text(other)
    with pytest.raises(ResultsError, match=r"net has changed since this run \(SHA-256"):
        load(tmp_path / "run").call(1)
    network.write_text(content)
    np.testing.assert_array_equal(load(tmp_path / "run").call(1).pcm, first.pcm)


def test_a_call_at_a_point_that_sweeps_to_another_class_is_made_again(tmp_path: Path) -> None:
    queue = "{rate_kbps: 40, queue: {discipline: codel, limit_ms: 300}}"
    path = scenario_file(tmp_path, f"{{link: {queue}}}")
    path.write_text(path.read_text() + "sweep: {channel.link.queue.discipline: [codel, drop_tail]}\n")
    done = runner.run(path, tmp_path / "run", jobs=1)
    assert "target_ms" in str(done.manifest["scenario"]["channel"])
    last = len(done.table) - 1
    assert done.table["channel.link.queue.discipline"][last] == "drop_tail"
    assert load(tmp_path / "run").call(last).simulation.packet_loss == done.table["packet_loss"][last]


def test_the_manifest_has_the_hash_of_each_file_the_command_and_what_was_overridden(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, "{trace: {file: net}}")
    (tmp_path / "net").write_text(LOSSES)
    scenario = load_scenario(path, ["seed=3"], [tmp_path / "talk.wav"])
    command = ("testbed", "run", str(path), "--set", "seed=3", "--speech", "talk.wav")
    done = runner.run_scenario(scenario, tmp_path / "run", jobs=1, command=command)
    files = {Path(each["path"]).name: each for each in done.manifest["files"]}
    for name, role in (("net", "channel"), ("talk.wav", "speech"), ("s.yaml", "scenario")):
        content = (tmp_path / name).read_bytes()
        assert files[name] == {
            "path": str(tmp_path / name),
            "role": role,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
    assert any(each["role"] == "libopus" for each in files.values())
    assert done.manifest["command"] == list(command)
    assert done.manifest["overrides"] == ["seed=3", f'speech.files=["{tmp_path}/talk.wav"]']
    assert done.manifest["duration_s"] > 0
    assert done.manifest["testbed"]["version"]
    again = parse_scenario(done.manifest["scenario_as_run"], tmp_path)
    assert json.loads(again.model_dump_json(exclude_none=True)) == done.manifest["scenario"]
    write_talk(tmp_path, amplitude=0.4)
    with pytest.raises(ResultsError, match=r"the speech in .*talk.wav has changed since this run"):
        load(tmp_path / "run").call(1)


def test_swept_files_and_the_weights_of_lossgen_are_inputs(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(LOSSES)
    text = SCENARIO.replace("CHANNEL", "{trace: {file: a.txt}}, {loss: {model: lossgen, rate: 0.1}}")
    scenario = parse_scenario(text + "sweep: {channel.trace.file: [a.txt, b.txt]}\n", tmp_path)
    found = [(Path(each.path).name, each.role) for each in inputs_of(points(scenario))]
    assert sorted(found) == [("a.txt", "channel"), ("b.txt", "channel"), ("lossgen_data.c", "weights")]


def test_the_weights_of_lpcnet_are_an_input_that_another_machine_must_have(tmp_path: Path) -> None:
    text = SCENARIO.replace("CHANNEL", "{loss: {model: bernoulli, rate: 0.1}}")
    text = text.replace("[plc]", "[neural_plc: {vocoder: lpcnet}]\nengine: numba")
    [weights] = inputs_of(points(parse_scenario(text, tmp_path)))
    assert (Path(weights.path), weights.role) == (lpcnet.file(), "weights")
    fact = ("installed", lpcnet.file().name)
    assert differences({fact: f"SHA-256 {weights.sha256[:12]}"}) == []
    assert differences({fact: "SHA-256 0"})[1:] == ["run 'testbed lpcnet fetch' there"]


def test_a_file_that_changes_during_the_run_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "net").write_text(LOSSES)
    scenario = parse_scenario(SCENARIO.replace("CHANNEL", "{trace: {file: net}}"), tmp_path)
    write_talk(tmp_path)

    def change(progress: Progress) -> None:
        if progress.done:
            (tmp_path / "net").write_text(OTHER_LOSSES + "0\n")

    done = runner.run_scenario(scenario, tmp_path / "run", jobs=1, on_progress=change)
    assert [line for line in done.manifest["warnings"] if "net changed during the run" in line]


@pytest.mark.parametrize("kind", ["loose", "packed", "detached", "worktree"])
def test_the_commit_is_read_without_git(tmp_path: Path, kind: str) -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text(f"{commit}\n" if kind == "detached" else "ref: refs/heads/main\n")
    if kind == "packed":
        (git / "packed-refs").write_text(
            f"# pack-refs\n{'f' * 40} refs/heads/other\n{commit} refs/heads/main\n"
        )
    elif kind != "detached":
        (git / "refs/heads").mkdir(parents=True)
        (git / "refs/heads/main").write_text(f"{commit}\n")
    if kind == "worktree":
        (git / "worktrees/w").mkdir(parents=True)
        (git / "worktrees/w/HEAD").write_text("ref: refs/heads/main\n")
        (git / "worktrees/w/commondir").write_text("../..\n")
        (tmp_path / "w").mkdir()
        (tmp_path / "w/.git").write_text(f"gitdir: {git}/worktrees/w\n")
        git = tmp_path / "w/.git"
    assert _commit(git) == commit
    assert _commit(tmp_path / "nowhere") is None
