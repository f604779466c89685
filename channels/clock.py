"""The simulation's clock: a SimPy environment with cheap calls, background calls and a budget of events."""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import simpy
from simpy.core import EmptySchedule, Infinity
from simpy.events import NORMAL, EventPriority, ProcessGenerator

from testbed.channels.packet import Packet
from testbed.errors import ChannelError

MOST_EVENTS = 50_000_000
_WATCHED, _UNWATCHED = 64, 4032
"""Numbers of consecutive events that are counted for the budget's message, and that are not."""

_Entry = tuple[int, int, int, bool, Callable[[Any], object], Any]
"""Time in ns, priority, place in the order, true in the background, function and its argument."""


class Clock(simpy.Environment):
    """Integer nanoseconds from 0; processes and events of SimPy, and plain calls that need no `Event`.

    Plain calls and SimPy's events share one order. An event waits in SimPy's own queue; a call of
    SimPy's `step` waits in its place here.

    Endless traffic is scheduled in the background: `run` ends when only background calls are left.

    Parameters
    ----------
    most_events
        Largest number of events in a run.

    Attributes
    ----------
    now
        Simulated time in ns.
    held
        Number of foreground packets inside components that schedule in the background; `run` goes on
        while there are any.
    """

    now: int = 0

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        super().__init__(0)
        self.held = 0
        self._calls: list[_Entry] = []
        self._order = count()
        self._most_events = most_events
        self._in_background = 0
        self._copies = 0
        self._process_names: dict[simpy.Process, str] = {}
        self._actors: Counter[str] = Counter()
        self._flows: Counter[str] = Counter()

    def later(self, delay_ns: int, act: Callable[[Any], object], value: Any) -> None:
        """Call ``act(value)`` after a delay; calls at the same time keep the order in which they were made.

        Raises
        ------
        ValueError
            The delay is negative.
        """
        if delay_ns < 0:
            raise ValueError(f"{delay_ns} ns from now is in the past")
        heappush(self._calls, (self.now + delay_ns, NORMAL, next(self._order), False, act, value))

    def background(self, delay_ns: int, act: Callable[[Any], object], value: Any) -> None:
        """Call ``act(value)`` after a delay, as `later` does, if the run lasts that long.

        Raises
        ------
        ValueError
            The delay is negative.
        """
        if delay_ns < 0:
            raise ValueError(f"{delay_ns} ns from now is in the past")
        self._in_background += 1
        heappush(self._calls, (self.now + delay_ns, NORMAL, next(self._order), True, act, value))

    def copy(self) -> None:
        """Count a copy of a packet as an event: stages that copy packets could make any number at one time.

        Raises
        ------
        ChannelError
            The budget is used up by copies alone.
        """
        self._copies += 1
        if self._copies > self._most_events:
            raise ChannelError(self._used_up())

    def process(self, generator: ProcessGenerator) -> simpy.Process:
        """Start a process, which the budget's message names after its function."""
        process = simpy.Process(self, generator)
        self._process_names[process] = getattr(generator, "__qualname__", process.name)
        return process

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        """Schedule an event of SimPy after a delay in ns, counted from `now`, not from its latest event."""
        time_ns = self.now + round(delay)
        super().schedule(event, priority, time_ns - super().now)
        heappush(self._calls, (time_ns, priority, next(self._order), False, self._simpy_step, event))

    def _simpy_step(self, _: simpy.Event) -> None:
        super().step()

    def peek(self) -> float:
        """Return the time of the next event, or infinity."""
        return self._calls[0][0] if self._calls else Infinity

    def step(self) -> None:
        """Process the next event.

        Raises
        ------
        simpy.core.EmptySchedule
            There is none.
        """
        if not self._calls:
            raise EmptySchedule
        self.now, _, _, in_background, act, value = heappop(self._calls)
        self._in_background -= in_background
        act(value)

    def advance(self, to_ns: int) -> None:
        """Process the events before a time, and set the clock to it: a simulation driven by a real clock."""
        while self._calls and self._calls[0][0] < to_ns:
            self.step()
        self.now = to_ns

    def run(self, until: Any = None) -> Any:
        """Process events until only the background is left, or as SimPy does until `until`, without a budget.

        Raises
        ------
        ChannelError
            The budget is used up; the message names the main causes.
        """
        if until is not None:
            return super().run(until)
        left = self._most_events
        while self._goes_on():
            if left <= self._copies:
                raise ChannelError(self._used_up())
            left -= self._process(min(left, _WATCHED), is_watched=True)
            left -= self._process(min(left, _UNWATCHED), is_watched=False)
        return None

    def _goes_on(self) -> bool:
        return len(self._calls) > self._in_background or self.held > 0

    def _process(self, most: int, is_watched: bool) -> int:
        """Process up to `most` events, each as `step` does without its function call; return their number."""
        calls = self._calls
        for done in range(most):
            if len(calls) <= self._in_background and not self.held:
                return done
            if is_watched:
                self._note(*calls[0][-2:])
            self.now, _, _, in_background, act, value = heappop(calls)
            if in_background:
                self._in_background -= 1
            act(value)
        return most

    def _note(self, act: Any, value: Any) -> None:
        """Count the function called, and the flow that the call is about."""
        if act == self._simpy_step:
            act, value = next(iter(value.callbacks or ()), None), value.value
        owner = getattr(act, "__self__", None)
        if isinstance(owner, simpy.Process):
            actor = self._process_names[owner]
        else:
            actor = getattr(act, "__qualname__", "nobody")
        about = value if isinstance(value, Packet) else owner
        self._actors[actor.rpartition("<locals>.")[2]] += 1
        self._flows[str(getattr(about, "flow", "none"))] += 1

    def _used_up(self) -> str:
        return (
            f"the budget of {self._most_events} events (limits.events) was used up at "
            f"{self.now / 1e9:.3f} s of simulated time. Most frequent: {_shares(self._actors)}. "
            f"Flows: {_shares(self._flows)}"
        ) + (f". Copies of packets: {self._copies}" if self._copies else "")


def _shares(counts: "Counter[str]") -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in counts.most_common(5))
