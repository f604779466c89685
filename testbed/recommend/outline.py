"""The outline of a recommendation, for ``--dry-run``."""

from collections.abc import Callable, Mapping
from typing import Any

from testbed.recommend.candidates import candidate_grid
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls, Execution
from testbed.recommend.network import ReadNetwork
from testbed.recommend.probe import network_facts
from testbed.recommend.search import calls_of, schedule
from testbed.recommend.text import network_lines, paragraph
from testbed.words import counted, duration


def outline(
    network: ReadNetwork,
    base: Mapping[str, Any],
    limits: RecommendLimits,
    execution: Execution,
    jobs: int,
    has_exact_dred: bool,
    report: Callable[[int, int], None],
) -> list[str]:
    """Return how the network was read, the configurations, the rounds and their time, a line each.

    Parameters
    ----------
    report
        Called with the number of parts of a sample that are done, and of all.
    """
    facts, _ = network_facts(base, limits, execution, lambda done, total, step: None)
    grid = candidate_grid(limits, facts, base["codec"], has_exact_dred)
    calls = CandidateCalls(base, grid.candidates, execution)
    rounds = schedule(len(grid.candidates), calls.calls)
    planned, whole = calls_of(rounds), len(grid.candidates) * calls.calls
    needed = calls.estimate(report)
    lines = [paragraph(line) for line in network_lines(network, facts)]
    lines += [counted(len(grid.candidates), "configuration"), *(f"  {each.name}" for each in grid.candidates)]
    lines += [f"left out: {reason}" for reason in grid.left_out]
    lines += [f"round {n}: at most {each.keep}, {each.calls} calls each" for n, each in enumerate(rounds, 1)]
    lines.append(f"= at most {planned} calls, {100 * planned / whole:.0f} % of the {whole} of the whole grid")
    if needed.failure:
        lines.append(f"note: a part of the sample failed: {needed.failure}")
    seconds = needed.begin_s + needed.warm_up_s + needed.work_s * planned / whole / jobs
    lines.append(f"about {duration(seconds)} in {jobs} {'process' if jobs == 1 else 'processes'}")
    return lines
