"""The simulation's clock: SimPy's, with cheap events, a background that cannot keep it going, a budget."""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import simpy

from testbed.channels.packet import Packet
from testbed.errors import ChannelError

MOST_EVENTS = 50_000_000
_NORMAL = 1
_BACKGROUND = object()
_WATCHED, _UNWATCHED = 64, 4032


class Clock(simpy.Environment):
    """Integer nanoseconds from 0; all that SimPy can do, and calls at a time without its `Event` objects.

    Traffic that would go on for ever lives in the background: `run` ends when nothing else is left to do.

    Parameters
    ----------
    most_events
        How many events a run may have.

    Attributes
    ----------
    held
        How many packets of the foreground are in the hands of something that has its events in the
        background; `run` goes on while there are any.
    """

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        super().__init__(0)
        self.held = 0
        self._entries: Any = self._queue  # ours are longer than SimPy's, and it never compares the rest
        self._most_events = most_events
        self._in_background = 0
        self._copies = 0
        self._actors: Counter[str] = Counter()
        self._flows: Counter[str] = Counter()

    now: int = property(attrgetter("_now"), doc="Simulated time in ns.")  # type: ignore[assignment]

    def later(self, delay_ns: int, act: Callable[[Any], object], value: Any) -> None:
        """Call ``act(value)`` that much later; for the same instant, in the order of these calls."""
        if delay_ns < 0:
            raise ValueError(f"{delay_ns} ns from now is in the past")
        heappush(self._entries, (self._now + delay_ns, _NORMAL, next(self._eid), None, act, value))

    def background(self, delay_ns: int, act: Callable[[Any], object], value: Any) -> None:
        """Call ``act(value)`` that much later, as `later` does, if the run lasts as long as that."""
        if delay_ns < 0:
            raise ValueError(f"{delay_ns} ns from now is in the past")
        self._in_background += 1
        heappush(self._entries, (self._now + delay_ns, _NORMAL, next(self._eid), _BACKGROUND, act, value))

    def copy(self) -> None:
        """Count a copy of a packet as an event: stages that double packets could make any number at one time.

        Raises
        ------
        ChannelError
            The budget is used up by copies alone.
        """
        self._copies += 1
        if self._copies > self._most_events:
            raise ChannelError(self._used_up())

    def step(self) -> None:
        """Process the next event."""
        if self._entries and self._entries[0][3] is None:
            self._now, _, _, _, act, value = heappop(self._entries)
            act(value)
        elif self._entries and self._entries[0][3] is _BACKGROUND:
            self._in_background -= 1
            self._now, _, _, _, act, value = heappop(self._entries)
            act(value)
        else:
            super().step()

    def run(self, until: Any = None) -> Any:
        """Process events until only the background is left, or as SimPy does until `until`, without a budget.

        Raises
        ------
        ChannelError
            The budget is used up; the message says by what.
        """
        if until is not None:
            return super().run(until)
        left = self._most_events
        while self._goes_on():
            if left <= self._copies:
                raise ChannelError(self._used_up())
            left -= self._watch(min(left, _WATCHED))
            left -= self._hurry(min(left, _UNWATCHED))
        return None

    def _goes_on(self) -> bool:
        return len(self._queue) > self._in_background or self.held > 0

    def _hurry(self, most: int) -> int:
        """Process so many events, if there are; return how many there were. `step`, without its calls."""
        queue, simpy_step = self._entries, super().step
        for done in range(most):
            if not queue:
                return done
            kind = queue[0][3]
            if kind is None:
                self._now, _, _, _, act, value = heappop(queue)
                act(value)
            elif kind is _BACKGROUND:
                if len(queue) == self._in_background and not self.held:
                    return done
                self._in_background -= 1
                self._now, _, _, _, act, value = heappop(queue)
                act(value)
            else:
                simpy_step()
        return most

    def _watch(self, most: int) -> int:
        """Process so many events, if there are, and note what they were."""
        for done in range(most):
            if not self._goes_on():
                return done
            actor, flow = _who(self._entries[0])
            self._actors[actor] += 1
            self._flows[flow] += 1
            self.step()
        return most

    def _used_up(self) -> str:
        return (
            f"the budget of {self._most_events} events (limits.events) was used up at "
            f"{self._now / 1e9:.3f} s of simulated time. What they were: {_shares(self._actors)}. "
            f"Flows: {_shares(self._flows)}"
        ) + (f". Copies of packets: {self._copies}" if self._copies else "")


def _who(entry: tuple[Any, ...]) -> tuple[str, str]:
    """Return who is called by an event, and the flow that it is about."""
    if isinstance(entry[3], simpy.Event):
        value = entry[3]._value
        act: Any = next(iter(entry[3].callbacks or ()), None)
    else:
        act, value = entry[4], entry[5]
    owner = getattr(act, "__self__", None)
    if isinstance(owner, simpy.Process):
        actor = getattr(owner._generator, "__qualname__", owner.name)
    else:
        actor = getattr(act, "__qualname__", "nobody")
    about = value if isinstance(value, Packet) else owner
    actor = actor.rpartition("<locals>.")[2]
    return actor, str(getattr(about, "flow", "none"))


def _shares(counts: "Counter[str]") -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in counts.most_common(5))
