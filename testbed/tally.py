"""Counts and means over the calls of a table, from which its warnings and diagnoses are made."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.codecs.schemes import NO_LOSS
from testbed.kept_files import NOT_KEPT
from testbed.metrics import METRICS
from testbed.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

_PAUSES = ["point", "scheme", "clip", "frames", "frames_dtx"]
_STATISTICS = ["sum", "count", "max"]
_MEANS = ["wire_kbps", "red_kbps", "lbrr_sent", "dred_sent_ms", "packet_loss", "queue_loss"]


@dataclass(frozen=True)
class Seen:
    """Means over a scheme's calls at a point, failed ones left out.

    Attributes
    ----------
    late, narrow
        Shares of the packets.
    skipped
        Share of the speech that was neither played nor concealed.
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
    skipped: float
    duration_ms: float
    delay_ms: float
    variation_ms: float


class Tally:
    """Counts and means over the calls of a table.

    Parameters
    ----------
    plan
        The plan of all calls.
    frames
        The rows of the calls made, some at a time; each is released before the next.

    Attributes
    ----------
    rows, failed
        Number of calls, and of those that failed.
    first_failure
        Reason of the first failure; "" if there is none.
    seen
        Means by point and scheme.
    clean
        The different scores of each clip without loss, and with nothing mixed into it.
    pauses
        The different numbers of frames not sent, by point, scheme and clip, where pauses are omitted.
    not_kept
        The errors of rows whose files could not be kept.
    """

    def __init__(self, plan: Plan, frames: "Iterable[pd.DataFrame]") -> None:
        import pandas as pd

        self.rows = self.failed = 0
        self.first_failure = ""
        omitting = [point.index for point in plan.points if point.scenario.codec.omits_pauses]
        plain = [point.index for point in plan.points if point.scenario.speech.mixture.is_plain]
        clean, pauses, not_kept, sums = [], [], [], []
        for frame in frames:
            failed = frame["payload_kbps"].isna()
            self.rows += len(frame)
            self.failed += int(failed.sum())
            if failed.any() and not self.first_failure:
                self.first_failure = str(frame["error"][failed].iloc[0])
            scores = [name for name in METRICS if name in frame]
            is_clean = (frame["scheme"] == NO_LOSS) & frame["point"].isin(plain)
            clean.append(frame.loc[is_clean, ["scheme", "clip", *scores]].drop_duplicates())
            counts = frame.loc[frame["point"].isin(omitting), _PAUSES]
            pauses.append(counts.drop_duplicates())
            not_kept.append(frame["error"][frame["error"].str.contains(NOT_KEPT, regex=False)])
            sums.append(_sums(plan, frame[~failed]))
        self.clean = pd.concat(clean).drop_duplicates() if clean else pd.DataFrame(columns=["scheme", "clip"])
        self.pauses = pd.concat(pauses).drop_duplicates() if pauses else pd.DataFrame(columns=_PAUSES)
        self.not_kept = [error for errors in not_kept for error in errors]
        self.seen = _means(sums)


def _sums(plan: Plan, made: "pd.DataFrame") -> "pd.DataFrame":
    """Return sums, numbers of values and maxima by point and scheme."""
    frame_ms = made["point"].map({point.index: point.scenario.codec.frame_ms for point in plan.points})
    packets, duration_ms = made["frames"] - made["frames_dtx"], made["frames"] * frame_ms
    kept = made[_MEANS].assign(
        late=made["frames_late"] / packets,
        narrow=made["frames_narrow"] / packets,
        skipped=made.get("skipped_ms", 0.0) / duration_ms,
        duration_ms=duration_ms,
        delay_ms=made["delay_ms_min"] + made["delay_variation_ms_p95"],
        variation_ms=made["delay_variation_ms_p95"],
    )
    found: pd.DataFrame = kept.astype(float).groupby([made["point"], made["scheme"]]).agg(_STATISTICS)
    return found


def _means(found: "list[pd.DataFrame]") -> dict[tuple[int, str], Seen]:
    """Return the means of all calls, and the largest delays, from the sums of some calls each."""
    import pandas as pd

    if not found:
        return {}
    joined = pd.concat(found)
    of = {name: joined.xs(name, axis=1, level=1).groupby(level=[0, 1]) for name in _STATISTICS}
    means = of["sum"].sum() / of["count"].sum()
    means = means.assign(**of["max"].max()[["delay_ms", "variation_ms"]])
    return {
        (int(point), str(scheme)): Seen(*row)
        for (point, scheme), row in zip(means.index, means.itertuples(index=False), strict=True)
    }
