"""The standard streams: closed or full ones end no run, and output contains no terminal commands."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.errors import ScenarioError
from testbed.escaping import is_printable, printable
from testbed.scenario.loading import parse_scenario

TESTBED = Path(sys.executable).with_name("testbed")
ROOT = Path(__file__).parents[2]
TINY = """\
name: tiny
about: ABOUT
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
metrics: []
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ü 😀\n\tnext\r\n", "plain – ü 😀\n\tnext\r\n"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten \x9b2J \x00\x7f", r"over\rwritten \x9b2J \x00\x7f"),
        ("evil\u202egpj.exe\u2066\u200f", r"evil\u202egpj.exe\u2066\u200f"),
        ("lines\u2028and\u2029more \ud83d \ufffe", r"lines\u2028and\u2029more \ud83d \ufffe"),
    ],
)
def test_harmful_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert is_printable(text) == (text == shown)


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    (folder / "tiny.yaml").write_text(TINY.replace("ABOUT", "tiny"))
    command = ["bash", "-o", "pipefail", "-c", script.replace("testbed", str(TESTBED))]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    ("redirected", "code"),
    [
        ("2>/dev/full", 0),
        pytest.param("0<&- 1>&- 2>&-", 0, marks=pytest.mark.long),
        pytest.param("2>&-", 0, marks=pytest.mark.long),
        pytest.param("2> >(true)", 0, marks=pytest.mark.long),
        pytest.param("1>/dev/full", 1, marks=pytest.mark.long),
        pytest.param("| true", 1, marks=pytest.mark.long),
    ],
)
def test_a_run_is_finished_whatever_becomes_of_its_streams(
    tmp_path: Path, redirected: str, code: int
) -> None:
    done = shell(tmp_path, f"testbed run tiny.yaml --jobs 1 --out run {redirected}")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert {"manifest.json", "results.parquet", "report.html"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        (r'"\e]52;c;aGk=\a"', r"\x1b]52;c;aGk=\x07"),
        (r'"a\u202eb"', r"a\u202eb"),
        (r'"\ud83d"', r"\ud83d"),
    ],
)
def test_unprintable_text_is_refused_with_its_line_and_shown_escaped(about: str, shown: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TINY.replace("ABOUT", about), label="s.yaml")
    assert str(caught.value) == f"s.yaml:2: about: holds unprintable characters: {shown}"


def test_a_character_that_json_writes_as_two_escapes_is_one() -> None:
    assert parse_scenario(TINY.replace("ABOUT", r'"\ud83d\ude00"')).about == "😀"


def test_a_file_s_name_is_printed_harmless(tmp_path: Path) -> None:
    done = shell(tmp_path, "testbed run $'no\\e]0;such\\a' --dry-run")
    assert done.returncode == 2
    assert done.stderr.startswith(r"no\x1b]0;such\x07: no such file")


def test_nothing_prints_but_through_what_makes_it_printable() -> None:
    found = []
    for path in sorted((ROOT / "testbed").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo", "click.echo"):
                found.append(path.name)
    assert set(found) <= {"terminal.py", "progress.py"}  # progress prints numbers, and words of ours
