"""Commands about scenarios: `scenarios`, `new` and `schema`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.terminal import say

app = typer.Typer()


@app.command(epilog="Example: testbed scenarios")
def scenarios() -> None:
    """List the packaged scenarios, each with its question."""
    from testbed import console

    say(console.scenarios())


@app.command(epilog="Example: testbed new my-network.yaml")
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file; it must not exist yet.")],
) -> None:
    """Write a scenario with comments, to start your own from."""
    from testbed.files import new_file
    from testbed.scenario.template import template

    with new_file(file) as stream:
        stream.write(template(file.stem))
    say(file)


@app.command(epilog="Example: testbed schema > scenario.schema.json")
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors that check YAML as you type."""
    import json

    from testbed.scenario.loading import schema as scenario_schema

    say(json.dumps(scenario_schema(), indent=2))
