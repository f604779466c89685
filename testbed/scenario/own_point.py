"""The point of a sweep that has the scenario's own values: those written outside the sweep."""

from dataclasses import replace

from testbed.errors import ScenarioError
from testbed.scenario.base import BaseScenario
from testbed.scenario.document import Document, parse_document, set_value, value_at


def own_point(scenario: BaseScenario) -> int:
    """Return the number of the point with the scenario's own values.

    A swept key that has no value of its own, or none among the swept ones, can have any; of several points
    the middle one is chosen.
    """
    grid, document = scenario.grid, scenario.document
    if scenario.text_as_run:  # the document of a loaded scenario also has values of swept keys without one
        document = parse_document(scenario.text_as_run, scenario.source, scenario.folder)
    own = {}
    for key, values in grid.values.items():
        value = _own_value(document, key)
        if value is not None and value in values:
            own[key] = values.index(value)
    choices = grid.choices()
    fitting = [number for number, each in enumerate(choices) if own.items() <= each.items()]
    fitting = fitting or [*range(len(choices))]
    return fitting[len(fitting) // 2]


def _own_value(document: Document, key: str) -> object:
    """Return the value of a dotted key outside the sweep; None without one."""
    try:
        path = set_value(replace(document, places={}), key, None, "")
    except ScenarioError:
        return None
    return value_at(document.data, path)
