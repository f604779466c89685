"""Each scheme at each point of a run: its settings, and the means over its calls."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.channels.stage import capacity_kbps
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.plan import Plan, stages
from testbed.scenario.loading import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Seen:
    """Means over a scheme's calls at a point, failed ones left out.

    Attributes
    ----------
    late, narrow
        Shares of the packets.
    duration_ms
        Length of a call.
    delay_ms, variation_ms
        95th percentiles of the delay, and of the delay above the smallest, in the worst call.
    """

    wire_kbps: float
    red_kbps: float
    lbrr_sent: float
    dred_sent_ms: float
    packet_loss: float
    queue_loss: float
    late: float
    narrow: float
    duration_ms: float
    delay_ms: float
    variation_ms: float


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


def cases(plan: Plan, table: "pd.DataFrame") -> Iterator[Case]:
    """Yield each scheme at each point that has a call, without the ceiling.

    Parameters
    ----------
    plan
        The plan of all calls.
    table
        One row per call made.
    """
    seen = _seen(plan, table)
    for point, schemes in enumerate(plan.schemes):
        for index, scheme in enumerate(schemes):
            if not scheme.is_ceiling and (found := seen.get((point, scheme.name))) is not None:
                scenario = plan.points[point].scenario
                yield Case(point, scenario, scheme, plan.encoding_of[point, index].settings, found)


def _seen(plan: Plan, table: "pd.DataFrame") -> dict[tuple[int, str], Seen]:
    made = table[table["payload_kbps"].notna()]
    frame_ms = made["point"].map({point.index: point.scenario.codec.frame_ms for point in plan.points})
    packets = made["frames"] - made["frames_dtx"]
    kept = made[["wire_kbps", "red_kbps", "lbrr_sent", "dred_sent_ms", "packet_loss", "queue_loss"]].assign(
        late=made["frames_late"] / packets,
        narrow=made["frames_narrow"] / packets,
        duration_ms=made["frames"] * frame_ms,
        delay_ms=made["delay_ms_min"] + made["delay_variation_ms_p95"],
        variation_ms=made["delay_variation_ms_p95"],
    )
    groups = kept.astype(float).groupby([made["point"], made["scheme"]])
    means = groups.mean().assign(**groups[["delay_ms", "variation_ms"]].max())
    return {
        (int(point), str(scheme)): Seen(*row)
        for (point, scheme), row in zip(means.index, means.itertuples(index=False), strict=True)
    }


def percent(share: float) -> str:
    """Return ``12 %``; below 1 % one significant digit, ``0.3 %``."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"
