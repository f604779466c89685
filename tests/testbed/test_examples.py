"""The examples of the Python interface run, and the committed notebook shows what it gives."""

import ast
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from testbed.scenario.loading import load_scenario

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "notebook.ipynb"


def cells() -> list[Any]:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> list[str]:
    """Return the text of a cell's outputs, without the bar of progress, pictures and sound."""
    outputs = [output["data"] for output in cell.outputs if output["data"].get("text/html") != ""]
    return [data["text/plain"] for data in outputs]


def test_every_cell_of_the_notebook_is_executed_and_in_order() -> None:
    assert [cell.execution_count for cell in cells()] == list(range(1, len(cells()) + 1))
    for cell in cells():
        ast.parse(cell.source)
        assert shown(cell), cell.source
        assert not any(output.output_type == "error" for output in cell.outputs)


def test_the_notebook_holds_no_path_and_no_time_of_the_machine_that_ran_it() -> None:
    text = re.sub(r'base64,[\w+/=]+|"image/png": "[^"]*"', "", NOTEBOOK.read_text("utf-8"))
    assert not re.search(r"/(home|root|tmp|usr|work)/|\d{4}-\d\d-\d\dT", text)
    assert all(cell.metadata == {} for cell in cells())
    assert NOTEBOOK.stat().st_size < 500_000


def test_the_scenario_of_the_script_is_valid() -> None:
    assert load_scenario(runpy.run_path(str(EXAMPLES / "compare.py"))["SCENARIO"]).name == "compare"


@pytest.mark.long
def test_the_script_prints_an_answer_and_leaves_a_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "compare.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "The answer: Use DRED 200 ms" in done.stdout
    assert {"report.html", "cost.png"} <= {path.name for path in (tmp_path / "results/compare").iterdir()}


@pytest.mark.long
def test_the_notebook_gives_what_it_shows(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    again: Any = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    NotebookClient(again, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    made = [cell for cell in again.cells if cell.cell_type == "code"]
    assert [shown(cell) for cell in made] == [shown(cell) for cell in cells()]
