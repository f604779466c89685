"""A recommendation as text for the terminal."""

import math
import textwrap
from collections.abc import Iterable, Iterator

from testbed.metrics import METRICS
from testbed.recommend.candidates import NetworkFacts
from testbed.recommend.front import FrontMember
from testbed.recommend.network import ReadNetwork
from testbed.recommend.recommendation import Recommendation
from testbed.recommend.settings import libopus_calls, opus_demo_command, sdp_lines, unsaid
from testbed.stats import Estimate
from testbed.words import aligned, counted

_MOST_MEMBERS, _WIDTH = 12, 100
_NEAR = "of bitrates within 5 %, the least delay"


def recommendation_text(network: ReadNetwork, found: Recommendation) -> str:
    """Return how the network was read, the front, the recommendation, its risks, and its settings."""
    blocks: list[Iterable[str]] = [
        network_lines(network, found.facts),
        _search(found),
        _front(found),
        _answer(found),
        _wrong(found),
    ]
    blocks = [[paragraph(line) for line in block] for block in blocks]
    blocks.append(_settings(found))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def paragraph(line: str) -> str:
    """Return a sentence in lines; those of a table stay."""
    if "  " in line.strip():
        return line
    indent = "  " if line.startswith("  ") else ""
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def network_lines(network: ReadNetwork, facts: NetworkFacts) -> Iterator[str]:
    """Yield how the network was read, what is assumed of it, and what a probe found."""
    yield f"Network: {network.said}."
    yield from (f"  note: {note}" for note in network.notes)
    said = [
        f"{100 * facts.loss:.3g} % of packets lost or late",
        f"fastest packet {facts.least_delay_ms:.0f} ms",
    ]
    said += [f"link of {facts.capacity_kbps:.4g} kb/s"] if math.isfinite(facts.capacity_kbps) else []
    yield f"  {', '.join(said)}"


def _search(found: Recommendation) -> Iterator[str]:
    limits, judge = found.limits, METRICS[found.limits.metric]
    yield (
        f"Limits: {limits.max_kbps:g} kb/s on the wire, {limits.max_delay_ms:g} ms from mouth to ear"
        + (f", {judge.label} {limits.min_score:g}" if limits.min_score is not None else "")
        + f". {judge.label} judges, with a margin of {limits.margin_used:g}; delay is a limit, not a score."
    )
    yield (
        f"Searched {counted(len(found.grid.candidates), 'configuration')} with {found.calls_made} calls, "
        f"{100 * found.share:.0f} % of the {found.calls_of_grid} of the whole grid."
    )
    yield from (f"  left out: {reason}" for reason in found.grid.left_out)
    if found.excluded:
        reasons = ", ".join(f"{number} with {reason}" for reason, number in found.excluded.items())
        yield f"  left out after the first calls: {reasons}"
    if not found.needs_repair:
        yield "This network loses nothing and delays nothing for too long: nothing needs repair."


def _front(found: Recommendation) -> list[str]:
    judge = METRICS[found.limits.metric]
    rows = [("", judge.heading, "To the best", "Wire (kb/s)", "Mouth to ear (ms)", "Calls", "Configuration")]
    front = found.front
    shown = front[-_MOST_MEMBERS:]
    for each in shown:
        rows.append(
            (
                ">" if each.place == found.chosen else "",
                f"{judge.sign * each.score:.{judge.decimals}f}",
                _to_best(each, found),
                f"{each.wire_kbps:.1f}",
                "–" if math.isnan(each.delay_ms) else f"{each.delay_ms:.0f}",
                str(each.calls),
                found.grid.candidates[each.place].name,
            )
        )
    title = "Pareto front of bitrate, delay and quality:"
    if len(shown) < len(front):
        title = f"Pareto front of bitrate, delay and quality, its dearest {len(shown)} of {len(front)}:"
    lines = [title, *aligned(rows, right=range(1, 6))]
    if min(each.calls for each in shown) < max(each.calls for each in shown):
        lines.append("Configurations with fewer calls left the search early: their scores are less certain.")
    return lines


def _to_best(member: FrontMember, found: Recommendation) -> str:
    if member.place == found.searched.finalists[0]:
        return "best"
    return _difference(member.gap, found)


def _difference(gap: Estimate, found: Recommendation) -> str:
    judge = METRICS[found.limits.metric]
    value, low, high = (judge.sign * each for each in gap)
    low, high = min(low, high), max(low, high)
    interval = "" if math.isnan(low) else f" [{low:+.{judge.decimals}f} to {high:+.{judge.decimals}f}]"
    return f"{value:+.{judge.decimals}f}{interval}"


def _answer(found: Recommendation) -> Iterator[str]:
    limits, judge, chosen = found.limits, METRICS[found.limits.metric], found.candidate
    member = next(each for each in found.members if each.place == found.chosen)
    costs = f"{member.wire_kbps:.1f} kb/s on the wire"
    costs += "" if math.isnan(member.delay_ms) else f" and {member.delay_ms:.0f} ms from mouth to ear"
    digits = judge.decimals
    score = f"{judge.label} {found.score.value:.{digits}f}"
    if not math.isnan(found.score.low):
        low, high = max(judge.bounds[0], found.score.low), min(judge.bounds[1], found.score.high)
        score += f" [{low:.{digits}f} to {high:.{digits}f}]"
    yield f"Use {chosen.name}."
    if limits.min_score is not None and found.is_shown:
        yield (
            f"It is the cheapest ({_NEAR}) that is shown to reach {judge.label} {limits.min_score:g}: "
            f"{score}, for {costs}."
        )
    elif limits.min_score is not None:
        yield (
            f"--min-score {limits.min_score:g} excludes everything: no configuration is shown to reach it. "
            f"This one comes nearest: {score}, for {costs}."
        )
    elif found.is_shown:
        yield (
            f"It is the cheapest ({_NEAR}) that {counted(found.choice.calls, 'call')} show to be within "
            f"{limits.margin_used:g} {judge.label} of the best: {score}, for {costs}."
        )
    else:
        yield f"It has the best mean, {score}, for {costs}; the calls do not show that it is the best."
        needed = found.choice.units_needed.get(chosen.name)
        yield (
            f"About {needed} clips would show it, at the same means; there were {found.clips}."
            if needed
            else "More clips would tell more: --speech takes your own."
        )
    if found.chosen != found.searched.finalists[0]:
        best = found.grid.candidates[found.searched.finalists[0]].name
        yield f"The best mean has {best}; the difference is {_difference(found.gap, found)}."


def _wrong(found: Recommendation) -> list[str]:
    if not found.wrong:
        return ["Nothing of it is guessed: it expects no loss, and its buffer adapts."]
    rows = [("With", METRICS[found.limits.metric].label, "Wire (kb/s)", "Mouth to ear (ms)", "Calls")]
    for each in found.wrong:
        delay = "–" if math.isnan(each.delay_ms) else f"{each.delay_ms:.0f}"
        row = (each.said, _difference(each.gain, found), f"{each.wire_kbps:.1f}", delay, str(each.calls))
        rows.append(row)
    return ["What a wrong guess changes:", *aligned(rows, right=range(1, 5))]


def _settings(found: Recommendation) -> list[str]:
    settings, complexity = found.settings, found.decoder_complexity
    return [
        "libopus:",
        *(f"  {line}" for line in libopus_calls(settings, complexity)),
        "SDP, in the description of the receiver:",
        *(f"  {line}" for line in sdp_lines(settings, found.scheme.distances())),
        "opus_demo:",
        f"  {opus_demo_command(settings, complexity)}",
        *(f"  note: {note}" for note in unsaid(settings, found.scheme, found.playout)),
    ]
