"""Each scheme at each point of a run: its settings, and the means over its calls."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from testbed.channels.stage import capacity_kbps
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.plan import Plan, stages
from testbed.scenario.loading import Scenario
from testbed.tally import Seen, Tally


@dataclass(frozen=True)
class Case:
    """A scheme at a point: its settings and its means."""

    point: int
    scenario: Scenario
    scheme: SchemeSpec
    settings: EncoderSettings
    seen: Seen

    @property
    def link_kbps(self) -> float:
        """Mean rate of the slowest link over a call; inf without a link."""
        channel = stages(self.scenario.channel)
        return capacity_kbps(channel, self.seen.duration_ms, self.scenario.folder)

    @property
    def link_load(self) -> float:
        """Rate sent by this call and the other calls, as a share of `link_kbps`."""
        sent_kbps = (1 + self.scenario.other_calls) * self.seen.wire_kbps
        return sent_kbps / self.link_kbps if self.link_kbps else math.inf


def cases(plan: Plan, tally: Tally) -> Iterator[Case]:
    """Yield each scheme at each point that has a call, without the ceiling.

    Parameters
    ----------
    plan
        The plan of all calls.
    tally
        Means over the calls made.
    """
    for point, schemes in enumerate(plan.schemes):
        for index, scheme in enumerate(schemes):
            if not scheme.is_ceiling and (found := tally.seen.get((point, scheme.name))) is not None:
                scenario = plan.points[point].scenario
                yield Case(point, scenario, scheme, plan.encoding_of[point, index].settings, found)


def percent(share: float) -> str:
    """Return ``12 %``; below 1 % one significant digit, ``0.3 %``."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"
