"""The worked examples of CONTRIBUTING.md, put where it says into a copy of the project, and run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("codecs", "channels", "kernels", "reports", "scenarios")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def package_path(copy: Path, name: str) -> Path:
    """Return where a file of the repository lies in a copy that is laid out as one package."""
    return copy / name if name.startswith("testbed/") else copy / "testbed" / name


def apply_diff(text: str, diff: str) -> str:
    """Insert each ``+`` line after the line of context above it."""
    context = ""
    for line in diff.splitlines():
        mark, content = line[:1], line[1:]
        if mark == "+":
            assert text.count(f"\n{context}\n") == 1, f"the line {context!r} is not there once"
            text = text.replace(f"\n{context}\n", f"\n{context}\n{content}\n")
        context = content
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "testbed", folder / "testbed", ignore=ignore)
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / "testbed" / room, ignore=ignore)
    for kind, name, body in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        if kind == "python":
            assert not package_path(folder, name).exists()
            package_path(folder, name).write_text(body, "utf-8")
        elif kind == "diff":
            path = package_path(folder, name)
            path.write_text(apply_diff(path.read_text("utf-8"), body), "utf-8")
        elif kind == "yaml":
            (folder / "example.yaml").write_text(body, "utf-8")
    return folder


def test_the_examples_run_as_the_page_says(copy: Path) -> None:
    # -P keeps the working folder off the path; the copy comes before the installed package.
    program = f"import sys; sys.path.insert(0, {str(copy)!r}); from testbed.cli import main; main()"
    command = [sys.executable, "-P", "-c", program, "run", "example.yaml", "--out", "run", "--jobs", "1"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(copy / "run" / "results.parquet").set_index("scheme")
    assert table["error"].tolist() == ["", "", ""]
    assert table.index.tolist() == ["no loss", "neural PLC", "copy 2 later"]
    frames = table.loc["copy 2 later", "frames"]
    assert table.loc["neural PLC", "frames_plc"] == frames // 5
    # The last copies never come: the call is over.
    assert table.loc["copy 2 later", "frames_red"] >= frames // 5 - 1
    lsd_db = table["lsd_db"].drop("no loss")
    assert lsd_db.idxmin() == "copy 2 later"
    # Lower is better in the answer, the charts and the gains.
    page = (copy / "run" / "report.html").read_text("utf-8")
    assert f"copy 2 later has the lowest mean, LSD {lsd_db.min():.2f} dB" in page
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])
    assert data["metrics"][0]["better"] == "lower"
    assert data["metrics"][0]["axis"] == "LSD (dB, lower is better)"
    (gain,) = [cell["gains"]["lsd_db"]["mean"] for cell in data["cells"] if cell["scheme"] == "copy 2 later"]
    assert gain == pytest.approx(lsd_db["neural PLC"] - lsd_db["copy 2 later"], abs=1e-6)


def test_the_stage_passes_the_contract_that_it_names(copy: Path) -> None:
    contract = str(ROOT / "tests" / "channels" / "test_contract.py")
    options = ["-v", "-k", "every_nth", "-p", "no:cacheprovider", "--import-mode=importlib", contract]
    program = (
        f"import sys; sys.path.insert(0, {str(copy)!r}); import pytest; sys.exit(pytest.main({options!r}))"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "every_nth" in done.stdout
    assert "PASSED" in done.stdout
