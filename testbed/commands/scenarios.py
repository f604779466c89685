"""Commands about scenarios: `schema`."""

import typer

from testbed.terminal import say

app = typer.Typer()


@app.command(epilog="Example: testbed schema > scenario.schema.json")
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors that check YAML as you type."""
    import json

    from testbed.scenario.loading import schema as scenario_schema

    say(json.dumps(scenario_schema(), indent=2))
