"""The command line as a user meets it: exit codes, messages, and what is left behind."""

# ruff: noqa: E501 - a case a line reads better than a case on five

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import testbed
from testbed import csv_export
from testbed.cli import app
from testbed.csv_export import write_csv
from testbed.scenario.loading import load_scenario, parse_scenario
from testbed.scenario.packaged import packaged_scenarios
from testbed.scenario.template import template
from testbed.study import study_of

TESTBED = Path(sys.executable).with_name("testbed")
SMALL = """\
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes:
  - plc
  - lbrr: {bitrate_kbps: 16}
channel:
  - loss: {model: bernoulli, rate: 0.2}
playout: {policy: offline}
realizations: 1
metrics: []
"""


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    yield " ".join(words)
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*words, name))


COMMANDS = list(commands(typer.main.get_command(app)))


def cli(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TESTBED, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def test_there_is_a_command_for_each_step() -> None:
    assert {"run", "report", "show", "plot", "export", "new", "scenarios", "doctor", "trace fit"} <= {
        *COMMANDS
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert f"testbed {command}".strip() in done.output
    assert f"Example: testbed {command}".strip() in done.output


def test_the_version_is_printed(tmp_path: Path) -> None:
    done = cli(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"testbed {testbed.__version__}\n")


def test_a_shell_completes_commands_and_packaged_scenarios(tmp_path: Path) -> None:
    for words, expected in {"testbed sce": ["scenarios"], "testbed run qui": ["quickstart"]}.items():
        typed = {
            "_TESTBED_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        assert cli(tmp_path, **typed).stdout.split() == expected


def test_completion_can_be_installed(tmp_path: Path) -> None:
    command = f"{TESTBED} --install-completion"
    done = subprocess.run(
        ["bash", "-c", f"{command}; true"],  # without a second command bash would replace itself
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "completion installed" in done.stdout, done.stderr
    assert "testbed" in (tmp_path / ".bashrc").read_text()


def test_every_packaged_scenario_is_listed_with_its_question(tmp_path: Path) -> None:
    done = cli(tmp_path, "scenarios")
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert sorted(name for name, _ in listed) == list(packaged_scenarios())
    assert min(len(about) for _, about in listed) > 20


def test_a_new_scenario_is_valid_and_replaces_nothing(tmp_path: Path) -> None:
    done = cli(tmp_path, "new", "our net.yaml")
    assert (done.returncode, done.stdout) == (0, "our net.yaml\n")
    written = (tmp_path / "our net.yaml").read_text()
    scenario = load_scenario(tmp_path / "our net.yaml")
    assert scenario.name == "our net"
    assert "= 48 calls" in study_of(scenario).outline()
    again = cli(tmp_path, "new", "our net.yaml")
    assert (again.returncode, again.stderr) == (
        2,
        "our net.yaml: exists, and is not replaced; give another name\n",
    )
    assert (tmp_path / "our net.yaml").read_text() == written


@pytest.mark.parametrize("name", ["-x", "ünï", "a" * 200, "1"])
def test_a_new_scenario_has_a_name_that_is_allowed(name: str) -> None:
    assert parse_scenario(template(name)).name in {"x", "n-", "a" * 100, "1"}


def test_run_writes_results_and_report(folder: Path) -> None:
    done = cli(folder, "run", "small.yaml", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["results/small/results.parquet", "results/small/report.html"]
    assert "3 of 3 rows" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["results", "small.yaml"]
    assert [path.name for path in (folder / "results").iterdir()] == ["small"]
    again = cli(folder, "report", "results/small")
    assert (again.returncode, again.stdout) == (0, "results/small/report.html\n")
    answer = cli(folder, "show", "results/small")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("20 % loss · receiver waits without limit · 1 clip\n\nThe answer: ")
    assert answer.stdout in done.stderr
    exported = cli(folder, "export", "results/small", "--csv", "small.csv")
    assert (exported.returncode, exported.stdout) == (0, "small.csv\n")
    table = pd.read_parquet(folder / "results/small/results.parquet")
    assert pd.read_csv(folder / "small.csv", keep_default_na=False)["scheme"].tolist() == [*table["scheme"]]
    assert pd.read_csv(folder / "small.csv")["wire_kbps"].tolist() == [*table["wire_kbps"]]
    again = cli(folder, "export", "results/small", "--csv", "small.csv")
    assert (again.returncode, "small.csv: exists, and is not replaced" in again.stderr) == (2, True)


def test_a_report_is_opened_where_there_is_a_browser_and_the_run_never_fails_by_it(folder: Path) -> None:
    done = cli(folder, "run", "small.yaml", "--jobs", "1", "--open", BROWSER="echo opened %s")
    page = (folder / "results/small/report.html").as_uri()
    assert (done.returncode, f"opened {page}" in done.stdout) == (0, True), done.stderr
    done = cli(folder, "report", "results/small", "--open", BROWSER="false %s")
    assert done.returncode == 0
    assert "open results/small/report.html yourself" in done.stderr


def test_a_dry_run_says_what_would_run_and_runs_nothing(folder: Path) -> None:
    done = cli(folder, "run", "small.yaml", "--dry-run", "--set", "realizations=5")
    assert done.returncode == 0, done.stderr
    assert "= 15 calls" in done.stdout
    for line in ("1 point", "1 clip", "5 realizations of loss"):
        assert line in done.stdout.splitlines()
    assert done.stdout.splitlines().count("") == 1  # below the title
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]
    resumed = cli(folder, "run", "small.yaml", "--dry-run", "--set", "realizations=5", "--resume")
    assert resumed.stdout.endswith("whole run on this machine, without --dask, --resume and --until-ci.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quikstart"], "quikstart: no such file, and no packaged scenario of that name; did you mean quickstart?"),
        (["run", "small.yaml", "--set", "codec.bitrate_kpbs=9"], "--set: codec.bitrate_kpbs: unknown key; did you mean bitrate_kbps?"),
        (["run", "bad.yaml"], "bad.yaml:3: codec.bitrate_kbps: must be at most 510, not 24000; 24000 bit/s is bitrate_kbps: 24"),
        (["run", "small.yaml", "--save", "audoi"], "audoi"),
        (["run", "small.yaml", "--out", "small.yaml"], "small.yaml: is a file"),
        (["run", "small.yaml", "--out", "full"], "full: holds other files"),
        (["run", "small.yaml", "--set", "speech={files: none/*.wav}"], "none/*.wav"),
        (["run", "small.yaml", "--set", "speech={files: empty.wav}"], "empty.wav"),
        (["report", "."], "not a run folder"),
        (["report", "nowhere"], "not a run folder"),
        (["show", "nowhere"], "not a run folder"),
        (["show", "nowhere", "--margin", "plcmos"], "--margin plcmos: give METRIC=VALUE, as in plcmos=0.2"),
        (["plot", ".", "--x", "a", "--y", "b", "-o", "c.svg"], "not a run folder"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_a_message_and_exit_2(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "bad.yaml").write_text(SMALL.replace("bitrate_kbps: 24", "bitrate_kbps: 24000"))
    (folder / "empty.wav").touch()
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("mine")
    before = sorted(folder.rglob("*"))
    done = cli(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before, "nothing half-written"


@pytest.mark.parametrize(
    "arguments", [["run"], ["runn"], ["run", "small.yaml", "--jobs", "0"], ["plot", "."], ["opus", "bild"]]
)
def test_wrong_usage_is_exit_2(folder: Path, arguments: list[str]) -> None:
    done = cli(folder, *arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_libopus_that_is_not_there(folder: Path) -> None:
    done = cli(folder, "run", "small.yaml", OPUS_LIBRARY="/no/such/libopus.so")
    assert done.returncode == 1
    assert done.stderr.startswith("OPUS_LIBRARY=/no/such/libopus.so: no such file")
    assert not (folder / "results").exists()


def test_schema(tmp_path: Path) -> None:
    done = cli(tmp_path, "schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Scenario"


def test_no_text_of_a_table_becomes_a_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"scheme": ["=cmd()", "plc"], "gain": [-1.5, 2]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "scheme,gain\n'=cmd(),-1.5\nplc,2.0\n"


def test_a_large_table_is_exported_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        {"error": ["", "a, b", "-c", "", "d"], "plcmos": [1 / 3, None, 3, 4, 5], "point": range(5)}
    )
    write_csv(table, tmp_path / "whole.csv")
    monkeypatch.setattr(csv_export, "_ROWS", 2)
    write_csv(table, tmp_path / "parts.csv")
    assert (tmp_path / "parts.csv").read_text() == (tmp_path / "whole.csv").read_text()
    read = pd.read_csv(tmp_path / "parts.csv", keep_default_na=False)
    assert read["error"].to_list() == ["", "a, b", "'-c", "", "d"]


def test_the_packaged_clips_are_listed(tmp_path: Path) -> None:
    done = cli(tmp_path, "speech", "list", TESTBED_CACHE=str(tmp_path))
    assert done.returncode == 0
    corpora = [line.split()[0] for line in done.stdout.splitlines()]
    assert corpora == ["corpus", "packaged", "packaged", "packaged", "packaged"]
