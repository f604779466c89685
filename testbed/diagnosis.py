"""Problems of each scheme at each point: redundancy not sent, a link overrun, packets that come too late.

The scenario and the table are enough for a diagnosis, so an unfinished run has one, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from testbed.cases import Case, cases, percent
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.not_sent import not_sent
from testbed.plan import Plan
from testbed.tally import Tally

DiagnosisKind = Literal["not_sent", "over_link", "queue_loss", "late", "skipped", "narrow"]
MANY = 0.1
"""Share of the packets above which late, dropped and narrow packets are reported."""
MUCH_SKIPPED = 0.05
"""Share of the speech above which skipped speech is reported."""
FULL = 0.9
"""Load above which a link is named as the cause of late and dropped packets."""


@dataclass(frozen=True)
class Diagnosis:
    """One problem of a scheme at a point.

    Attributes
    ----------
    point, scheme
        The table's columns of these names.
    kind
        ``"not_sent"``: redundancy was asked for, and none or much less was sent. ``"over_link"``: more is
        sent than the slowest link carries, or nearly as much and it delays or drops many packets.
        ``"queue_loss"``: a queue drops many packets of a link that is not full. ``"late"``: many packets
        come after their frame was due. ``"skipped"``: much of the speech was neither played nor concealed.
        ``"narrow"``: libopus's networks are asked for and do not apply.
    text
        One line that begins with the scheme's name and is complete in itself.
    """

    point: int
    scheme: str
    kind: DiagnosisKind
    text: str


def diagnoses(plan: Plan, tally: Tally) -> list[Diagnosis]:
    """Return the problems of each scheme at each point, in the table's order; as `testbed.cases.cases`."""
    return [
        Diagnosis(case.point, case.scheme.name, kind, f"{case.scheme.name} {text}")
        for case in cases(plan, tally)
        for kind, text in _problems(case)
    ]


def _problems(case: Case) -> Iterator[tuple[DiagnosisKind, str]]:
    """Yield kinds and texts; a text continues the scheme's name."""
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
    if case.seen.skipped > MUCH_SKIPPED:
        yield (
            "skipped",
            f"skipped {percent(case.seen.skipped)} of the speech, which came too late or too much at once: "
            "the metrics hear only the rest",
        )
    if _needs_networks(case) and case.seen.narrow > MANY:
        yield (
            "narrow",
            f"has {percent(case.seen.narrow)} of its packets in narrowband or mediumband, where libopus "
            "conceals without networks: neither neural PLC nor DRED is heard",
        )


def lateness(together: Sequence[Case], of: str = "of packets arrived") -> str:
    """Return the share of late packets of some schemes at one point, and when 95 % would be in time."""
    late = sum(case.seen.late for case in together) / len(together)
    delay_ms = max(case.seen.delay_ms for case in together)
    variation_ms = max(case.seen.variation_ms for case in together)
    when = together[0].scenario.playout.describe_late(delay_ms, variation_ms)
    return f"{percent(late)} {of} too late {when}"


def _over_link(case: Case) -> str:
    """Return the bitrate sent into a link, and how many packets it delayed or dropped."""
    scenario, seen = case.scenario, case.seen
    calls = 1 + scenario.other_calls
    each = f"{seen.wire_kbps:.0f} kb/s" + (f" in each of {calls} calls" if calls > 1 else "")
    effects = [f"{percent(seen.late)} came late"] if seen.late else []
    if seen.queue_loss:
        effects.append(f"its queue dropped {percent(seen.queue_loss)}")
    if not effects:
        effects.append(f"packets waited up to {seen.variation_ms:.0f} ms")
    loop = "" if scenario.is_controlled else " or add `congestion:`"
    into = f"a {case.link_kbps:.0f} kb/s link"
    return f"sends {each} into {into}: {', '.join(effects)}. Lower its bitrate{loop}"


def _needs_networks(case: Case) -> bool:
    complexity = case.scheme.decoder_complexity(case.scenario.codec.decoder_complexity)
    return complexity >= NEURAL_CONCEALMENT_COMPLEXITY
