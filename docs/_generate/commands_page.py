"""The reference of the command line, from the Typer application."""

import re

import typer
from typer.cli import get_docs_for_click

from testbed.cli import app

INTRODUCTION = """# Commands

The text of `testbed --help` and of each command's `--help`. Exit codes: 0 success, 1 a run failed, 2 wrong
input, 130 Ctrl-C; `testbed dred inspect` has further ones, and `testbed live` ends with 0 at Ctrl-C.

"""


def commands_page() -> str:
    """Return the page, as Markdown."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="testbed")
    text = get_docs_for_click(obj=command, ctx=context, indent=1, name="testbed")
    return INTRODUCTION + re.sub(r"^Example: (.*)$", r"Example: `\1`", text, flags=re.MULTILINE)
