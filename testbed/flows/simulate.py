"""One simulation of a flow study: the ends of all flows around two shared directions."""

import time
from dataclasses import dataclass

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.channels.stage import OnDrop, Out, milliseconds
from testbed.flows.cross_traffic import CrossTrafficLog, CrossTrafficRecorder
from testbed.flows.ends import FlowEnds
from testbed.flows.log import FlowLog
from testbed.flows.path import build_path
from testbed.scenario.flow_scenario import DIRECTIONS, FlowScenario

BIN_MS = 100
"""Duration of a bin of the time series."""


@dataclass(frozen=True)
class Outcome:
    """The logs of a simulation.

    Attributes
    ----------
    flows
        The log of each flow.
    cross_traffic
        The logs of cross traffic, updated every `BIN_MS`.
    seconds
        Processor time of the simulation.
    """

    flows: dict[str, FlowLog]
    cross_traffic: list[CrossTrafficLog]
    seconds: float


def simulate(scenario: FlowScenario, realization: int) -> Outcome:
    """Simulate one realization of a scenario.

    Parameters
    ----------
    scenario
        A scenario without a sweep.
    realization
        Number of the realization, from 0.

    Raises
    ------
    ChannelError
        The budget of events is used up.
    """
    started = time.process_time()
    env = Clock(scenario.limits.events)
    logs = {flow.name: FlowLog() for flow in scenario.flows}
    ends: dict[str, FlowEnds] = {}
    entrances: dict[str, Out] = {}
    recorders: list[CrossTrafficRecorder] = []
    for direction in DIRECTIONS:
        going = {flow.name for flow in scenario.going(direction)}
        specs = scenario.forward if direction == "forward" else scenario.backward
        entrances[direction], shared = build_path(
            env,
            Realization.of(specs, scenario.folder, scenario.seed, "flows", realization, direction),
            {name: logs[name] for name in going},
            _delivered(going, ends),
            _dropped(going, logs),
        )
        recorders.append(CrossTrafficRecorder(direction, shared, sum(len(each.logs) for each in recorders)))
    for index, flow in enumerate(scenario.flows):
        back = "backward" if flow.direction == "forward" else "forward"
        ends[flow.name] = FlowEnds(
            env, scenario, realization, index, logs[flow.name], entrances[flow.direction], entrances[back]
        )
    bins = round(1000 * scenario.duration_s / BIN_MS)
    for number in range(1, bins + 1):
        env.later(milliseconds(BIN_MS * number), _update, recorders)
    env.run()
    return Outcome(logs, [log for each in recorders for log in each.logs], time.process_time() - started)


def _update(recorders: list[CrossTrafficRecorder]) -> None:
    for recorder in recorders:
        recorder.update()


def _delivered(going: set[str], ends: "dict[str, FlowEnds]") -> Out:
    """Return the exit of a direction: media goes to its receiver, a report to the sender that it is for."""

    def arrive(packet: Packet) -> None:
        end = ends[packet.flow]
        if packet.flow in going:
            end.on_arrival(packet)
        else:
            end.on_report(packet)

    return arrive


def _dropped(going: set[str], logs: dict[str, FlowLog]) -> OnDrop:
    """Return the drop callback of a direction, which counts dropped media; lost reports are not counted."""

    def drop(packet: Packet, cause: str) -> None:
        if packet.flow in going:
            logs[packet.flow].dropped[cause] += 1

    return drop
