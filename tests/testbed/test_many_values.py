"""Several words behind one option, as a shell writes them for a pattern."""

import pytest
import typer
from typer.testing import CliRunner

from testbed.many_values import ManyValues

app = typer.Typer()


@app.command(cls=ManyValues)
def run(scenario: str, speech: list[str] | None = None, jobs: int | None = None, dry: bool = False) -> None:
    typer.echo(f"{scenario} {speech or []} {jobs} {dry}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("s", "s [] None False"),
        ("s --speech a", "s ['a'] None False"),
        ("s --speech a b c", "s ['a', 'b', 'c'] None False"),
        ("s --speech a b --jobs 2 --speech c d --dry", "s ['a', 'b', 'c', 'd'] 2 True"),
        ("--jobs 2 s --dry --speech a b", "s ['a', 'b'] 2 True"),
        ("--speech a s", "s ['a'] None False"),
        ("--speech a s --speech b c", "s ['a', 'b', 'c'] None False"),
        ("--speech=a s", "s ['a'] None False"),
        ("s --speech=a b", "s ['a', 'b'] None False"),
        ("--dry s --speech a -- ", "s ['a'] None True"),
    ],
)
def test_words_behind_the_option_are_its_values_up_to_the_next_option(words: str, said: str) -> None:
    done = CliRunner().invoke(app, words.split())
    assert done.output == f"{said}\n"


@pytest.mark.parametrize("words", ["s t --speech a", "s --dry t", "s --speech"])
def test_other_words_are_still_refused(words: str) -> None:
    assert CliRunner().invoke(app, words.split()).exit_code == 2
