"""The outline of a study of flows, for ``--dry-run``."""

from collections.abc import Sequence

from testbed.outline import heading
from testbed.scenario.flow_scenario import DIRECTIONS, FlowScenario
from testbed.scenario.models import Point
from testbed.words import counted, duration


def outline(scenario: FlowScenario, points: Sequence[Point[FlowScenario]], runs: int) -> str:
    """Return the outline of a run: points, flows, stages of both directions, and number of simulations."""
    lines = heading(scenario, points)
    lines += [counted(len(scenario.flows), "flow")]
    lines += [
        f"  {flow.name}: {flow.media.kind} {flow.direction}, "
        + ", ".join(f"{start:g} to {stop:g} s" for start, stop in flow.spans_s(scenario.duration_s))
        for flow in scenario.flows
    ]
    for direction in DIRECTIONS:
        names = " + ".join(spec.name for spec in getattr(scenario, direction))
        lines += [f"{direction}: {names or 'a network that does nothing'}"]
    lines += [f"= {counted(runs, 'run')}, {duration(runs * scenario.duration_s)} of simulated time"]
    return "\n".join(lines)
