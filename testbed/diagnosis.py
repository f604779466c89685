"""Problems of each scheme at each point: redundancy not sent, a link overrun, packets that come too late.

All is told from the scenario and the table, so a run that was not finished is diagnosed, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from testbed.codecs.scheme import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.not_sent import not_sent
from testbed.observed import Case, cases, percent
from testbed.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["not_sent", "over_link", "queue_loss", "late", "narrow"]
MANY = 0.1
"""The share of its packets from which on a scheme is told what became of them."""
FULL = 0.9
"""The load from which on a link is named as the cause of what it delays or drops."""


@dataclass(frozen=True)
class Diagnosis:
    """One problem of a scheme at a point.

    Attributes
    ----------
    point, scheme
        The table's columns of these names.
    kind
        ``"not_sent"``: redundancy was asked for, and none or much less was sent. ``"over_link"``: more is
        sent than the slowest link carries, or nearly as much, and it delays or drops many packets.
        ``"queue_loss"``: a queue drops many packets all the same. ``"late"``: many packets come after their
        frame had to play. ``"narrow"``: libopus's networks are asked for and cannot be heard.
    text
        One line that begins with the scheme's name and can be understood alone.
    """

    point: int
    scheme: str
    kind: Kind
    text: str


def diagnoses(whole: Plan, table: "pd.DataFrame") -> list[Diagnosis]:
    """Return the problems of each scheme at each point, in the table's order; as `testbed.observed.cases`."""
    return [
        Diagnosis(case.point, case.scheme.name, kind, f"{case.scheme.name} {text}")
        for case in cases(whole, table)
        for kind, text in _problems(case)
    ]


def _problems(case: Case) -> Iterator[tuple[Kind, str]]:
    """Give kinds and texts; a text follows the scheme's name."""
    if (text := not_sent(case)) is not None:
        yield "not_sent", text
    many_late, many_dropped = case.seen.late > MANY, case.seen.queue_loss > MANY
    if case.link_load > 1 or (case.link_load > FULL and (many_late or many_dropped)):
        yield "over_link", _over_link(case)
    else:
        if many_dropped:
            yield "queue_loss", f"lost {percent(case.seen.queue_loss)} of its packets in a queue"
        if many_late:
            yield "late", f"had {lateness([case], 'of its packets come')}"
    if _needs_networks(case) and case.seen.narrow > MANY:
        yield (
            "narrow",
            f"has {percent(case.seen.narrow)} of its packets in narrowband or mediumband, where libopus "
            "conceals without networks: neither neural PLC nor DRED is heard",
        )


def lateness(together: Sequence[Case], of: str = "of packets arrived") -> str:
    """Say how many packets of some schemes at one point came too late, and when most would be in time."""
    late = sum(case.seen.late for case in together) / len(together)
    delay_ms = max(case.seen.delay_ms for case in together)
    variation_ms = max(case.seen.variation_ms for case in together)
    when = together[0].scenario.playout.describe_late(delay_ms, variation_ms)
    return f"{percent(late)} {of} too late {when}"


def _over_link(case: Case) -> str:
    """Say what is sent into a link that carries less, and what became of it."""
    scenario, seen = case.scenario, case.seen
    calls = 1 + scenario.other_calls
    each = f"{seen.wire_kbps:.0f} kb/s" + (f" in each of {calls} calls" if calls > 1 else "")
    became = [f"{percent(seen.late)} came late"] if seen.late else []
    if seen.queue_loss:
        became.append(f"its queue dropped {percent(seen.queue_loss)}")
    if not became:
        became.append(f"packets waited up to {seen.variation_ms:.0f} ms")
    loop = "" if scenario.is_controlled else " or add `congestion:`"
    return f"sends {each} into a {case.link_kbps:.0f} kb/s link: {', '.join(became)}. Lower its bitrate{loop}"


def _needs_networks(case: Case) -> bool:
    complexity = case.scheme.decoder_complexity(case.scenario.codec.decoder_complexity)
    return complexity >= NEURAL_CONCEALMENT_COMPLEXITY
