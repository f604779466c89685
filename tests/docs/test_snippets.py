"""Every code block of README.md and docs/ is run, or says why not."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML
from snippets import ROOT, Snippet, pages, snippets

from testbed.cli import app
from testbed.scenario.loading import load_scenario, parse_scenario, points

PAGES = {page.relative_to(ROOT).as_posix(): list(snippets(page)) for page in pages()}
BLOCKS = [block for blocks in PAGES.values() for block in blocks]
RUN = ("yaml", "sh", "python")
SHOWN = ("text",)
# What a fragment of a scenario, a yaml block without a title, is put into.
BASE = """
name: base
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24}
schemes: [plc, neural_plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
metrics: [estoi]
"""


def blocks_in(*languages: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in BLOCKS if block.language in languages]


def whole_scenario(block: Snippet) -> str:
    """Return the scenario that a block shows; one without a name replaces keys of `BASE`."""
    shown = YAML(typ="safe").load(block.text)
    if block.title and "name" in shown:
        return block.text
    base = {} if "flows" in shown else YAML(typ="safe").load(BASE)
    return json.dumps({**base, **shown})


def commands(block: Snippet) -> Iterator[list[str]]:
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["testbed"]:
            yield list(takewhile(lambda word: word not in ("|", "||"), words[1:]))


def test_every_block_is_run_or_says_why_not() -> None:
    unknown = [
        f"{block}: {block.language}"
        for block in BLOCKS
        if block.language not in (*RUN, *SHOWN) and not block.not_run
    ]
    assert unknown == [], f"blocks are {', '.join((*RUN, *SHOWN))}; mark others with <!-- not run: reason -->"
    unreasoned = [str(block) for block in BLOCKS if block.not_run and len(block.not_run.split()) < 3]
    assert unreasoned == []


@pytest.mark.parametrize("block", blocks_in("yaml"))
def test_a_scenario_is_valid(block: Snippet, files: Path) -> None:
    points(parse_scenario(whole_scenario(block), files, str(block)))


@pytest.mark.parametrize("block", blocks_in("sh"))
def test_a_command_has_the_options_that_it_is_given(block: Snippet) -> None:
    for words in commands(block):
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands") and not words[0].startswith("-"):
            command = command.commands[words.pop(0)]
        if not hasattr(command, "commands"):
            command.make_context("testbed", words)


@pytest.mark.parametrize("block", blocks_in("python"))
def test_a_program_compiles(block: Snippet) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run_in_order(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    variables: dict[str, Any] = {"__name__": "__main__"}
    for block in PAGES[page]:
        if block.not_run or block.language in SHOWN:
            continue
        if block.language == "python":
            exec(compile(block.text, str(block), "exec"), variables)
        elif block.language == "sh":
            run_commands(block, folder)
        elif block.title:
            (folder / block.title).write_text(block.text, "utf-8")
            if block.options:
                made = load_scenario(block.title, shlex.split(block.options)[1::2])
                (folder / block.title).write_text(made.text_as_run, "utf-8")


def run_commands(block: Snippet, folder: Path) -> None:
    """Run the commands of a block, with this Python's `testbed`, as a shell would."""
    program = f'testbed() {{ {shlex.quote(sys.executable)} -m testbed.cli "$@"; }}\n'
    if block.options:
        program += f'run() {{ testbed run "$@" {block.options}; }}\n'
    text = re.sub(r"\btestbed run\b", "run", block.text) if block.options else block.text
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + text],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
