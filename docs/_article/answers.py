"""The answer to each claim: what is measured, and the verdict that follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from evidence import Evidence, Term, known
from packet_facts import LIBOPUS
from switches import switches

from testbed.stats import Estimate

MIX, SEVERE, CONGESTION = "loss-mix", "severe-loss", "congestion"
NO_LOSS, CLASSIC, NEURAL, RED, LBRR = "no loss", "classic PLC", "neural PLC", "RED x1", "LBRR"
DRED, EXACT = "DRED 1000 ms", "exact DRED 1000 ms"
BOTH, BOTH_EXACT, BOTH_SHORT = "LBRR + DRED 1000 ms", "LBRR + exact DRED 1000 ms", "LBRR + DRED 200 ms"
SCORES = {"plcmos": ("PLCMOS", 2), "pesq_wb": ("PESQ-WB", 2), "estoi": ("ESTOI", 3)}
LINK_KBPS = 48.0
COST_KBPS, DEPTH_MS = 35.0, 900.0

Verdict = Literal["holds", "holds in part", "does not hold here"]


@dataclass(frozen=True)
class Figure:
    """A measured figure: words, estimate, decimals and unit."""

    words: str
    estimate: Estimate
    decimals: int = 2
    unit: str = ""


@dataclass(frozen=True)
class Answer:
    """Answer to a claim: figures and verdict.

    Attributes
    ----------
    verdict
        By the claim's rule.
    figures
        The measured figures.
    """

    verdict: Verdict
    figures: Sequence[Figure]


def _verdict(holds: bool, in_part: bool) -> Verdict:
    return "holds" if holds else "holds in part" if in_part else "does not hold here"


def _by_count(passed: Sequence[bool]) -> Verdict:
    """Return the verdict on several things, each of which must hold."""
    return _verdict(all(passed), any(passed))


def _near(estimate: Estimate, target: float, tolerance: float) -> bool:
    """Return whether the whole interval is near a target."""
    return (1 - tolerance) * target <= estimate.low and estimate.high <= (1 + tolerance) * target


def _scores(measure: Callable[[str], Estimate], words: str) -> list[Figure]:
    """Return a figure in each metric, PLCMOS first."""
    return [Figure(f"{words}, {name}", measure(key), digits) for key, (name, digits) in SCORES.items()]


def speech(evidence: Evidence) -> Answer:
    """Measure the speech's bitrate and bandwidth."""
    speech = evidence.mean(MIX, CLASSIC, "primary_kbps")
    narrow = evidence.mean(MIX, CLASSIC, "frames_narrow")
    figures = [
        Figure("bitrate of the speech", speech, 1, "kb/s"),
        Figure("packets below wideband per call", narrow, 1),
    ]
    return Answer(_verdict(_near(speech, 24, 0.15) and narrow.high == 0, _near(speech, 24, 0.3)), figures)


def lbrr(evidence: Evidence) -> Answer:
    """Measure LBRR's bitrate."""
    total = evidence.mean(MIX, LBRR, "payload_kbps")
    own = evidence.ratio(MIX, Term("lbrr_kbps", LBRR), Term("lbrr_sent", LBRR))
    figures = [
        Figure("speech and LBRR", total, 1, "kb/s"),
        Figure("LBRR in the packets that carry it", own, 1, "kb/s"),
        Figure("LBRR over all packets", evidence.mean(MIX, LBRR, "lbrr_kbps"), 1, "kb/s"),
        Figure("packets that carry LBRR", evidence.mean(MIX, LBRR, "lbrr_sent"), 2),
    ]
    return Answer(_by_count([_near(total, 40, 0.15), _near(own, 16, 0.15)]), figures)


def dred_rate(evidence: Evidence) -> Answer:
    """Measure DRED's bitrate and depth."""
    passed, figures = [], []
    for words, scheme in (("libopus", DRED), ("exact writer", EXACT)):
        rate = evidence.mean(MIX, scheme, "dred_kbps")
        depth = evidence.mean(MIX, scheme, "dred_sent_ms")
        passed.append(rate.high <= COST_KBPS and depth.low >= DEPTH_MS)
        figures += [Figure(f"{words}: DRED", rate, 1, "kb/s"), Figure(f"{words}: depth", depth, 0, "ms")]
    figures += [
        Figure("libopus, given 46 kb/s: DRED", evidence.mean(SEVERE, DRED, "dred_kbps"), 1, "kb/s"),
        Figure("libopus, given 46 kb/s: depth", evidence.mean(SEVERE, DRED, "dred_sent_ms"), 0, "ms"),
    ]
    return Answer(_by_count(passed), figures)


def copy_rate(evidence: Evidence) -> Answer:
    """Measure the bitrate of one copy."""
    passed, figures = [], []
    for words, scheme in (("libopus", DRED), ("exact writer", EXACT)):
        copies = evidence.ratio(MIX, Term("dred_kbps", scheme), Term("dred_sent_ms", scheme))
        each = Estimate(*(1000 * LIBOPUS.frame_ms * bound for bound in copies))
        passed.append(_near(each, 500, 0.25))
        figures.append(Figure(f"{words}: per copy of 20 ms", each, 0, "bit/s"))
    for age in ("newest", "oldest"):
        each = evidence.fact(f"bit/s per copy of the {age} 200 ms")
        figures.append(Figure(f"exact writer: per copy of the {age} 200 ms", each, 0, "bit/s"))
    return Answer(_by_count(passed), figures)


def red(evidence: Evidence) -> Answer:
    """Measure RED's bitrate relative to plain Opus."""
    payload = evidence.ratio(MIX, Term("payload_kbps", RED), Term("payload_kbps", CLASSIC))
    wire = evidence.ratio(MIX, Term("wire_kbps", RED), Term("wire_kbps", CLASSIC))
    figures = [Figure("payload, relative to plain Opus", payload), Figure("on the wire, with headers", wire)]
    return Answer(_verdict(_near(payload, 2, 0.15), _near(payload, 2, 0.3)), figures)


def halves(evidence: Evidence) -> Answer:
    """Measure the share of what neural PLC loses that DRED repairs."""
    figures, passed = [], []
    for words, scheme in (("libopus", DRED), ("exact writer", EXACT)):
        shares = {
            key: evidence.ratio(MIX, Term(key, scheme, NEURAL), Term(key, NO_LOSS, NEURAL)) for key in SCORES
        }
        passed.append(shares["plcmos"].low >= 0.5)
        figures += _scores(shares.__getitem__, f"{words}: share that DRED repairs")
    return Answer(_by_count(passed), figures)


def on_top(evidence: Evidence) -> Answer:
    """Measure the gain of LBRR over DRED alone."""
    figures, passed = [], []
    for words, both, alone in (("libopus", BOTH, DRED), ("exact writer", BOTH_EXACT, EXACT)):
        gains = {key: evidence.gain(MIX, both, alone, key) for key in SCORES}
        passed.append(gains["plcmos"].low > 0)
        figures += _scores(gains.__getitem__, f"{words}: gain of LBRR over DRED alone")
    return Answer(_by_count(passed), figures)


def over_lbrr(evidence: Evidence) -> Answer:
    """Measure the gain of DRED over LBRR."""
    figures, passed = [], []
    for words, scheme in (("libopus", DRED), ("exact writer", EXACT)):
        gains = {key: evidence.gain(MIX, scheme, LBRR, key) for key in SCORES}
        passed.append(gains["plcmos"].low > 0)
        figures += _scores(gains.__getitem__, f"{words}: gain of DRED over LBRR")
    more = evidence.gain(MIX, DRED, LBRR, "payload_kbps")
    figures.append(Figure("libopus: bitrate of DRED over that of LBRR", more, 1, "kb/s"))
    return Answer(_by_count(passed), figures)


def within(evidence: Evidence) -> Answer:
    """Measure what LBRR and DRED still lose."""
    missing = evidence.gain(MIX, NO_LOSS, BOTH, "plcmos")
    exact = evidence.gain(MIX, NO_LOSS, BOTH_EXACT, "plcmos")
    figures = [
        Figure("libopus: PLCMOS below no loss", missing),
        Figure("exact writer: PLCMOS below no loss", exact),
    ]
    rates = evidence.points(MIX, "rate")
    at = {rate: evidence.gain(MIX, NO_LOSS, BOTH, "plcmos", rate=rate) for rate in rates}
    figures += [Figure(f"libopus, {100 * rate:.0f} % of loss", one) for rate, one in at.items()]
    return Answer(_verdict(missing.high <= 0.1, min(one.high for one in at.values()) <= 0.1), figures)


def severe(evidence: Evidence) -> Answer:
    """Measure holes and intelligibility at severe loss."""
    heard = {scheme: evidence.mean(SEVERE, scheme, "estoi") for scheme in (LBRR, DRED, BOTH, EXACT)}
    holes = {scheme: evidence.mean(SEVERE, scheme, "interruptions") for scheme in heard}
    mos = {scheme: evidence.mean(SEVERE, scheme, "plcmos") for scheme in (CLASSIC, NEURAL, *heard, NO_LOSS)}
    figures = [Figure(f"{scheme}: ESTOI", one, 3) for scheme, one in heard.items()]
    figures += [Figure(f"{scheme}: holes of 150 ms per call", one, 1) for scheme, one in holes.items()]
    figures += [Figure(f"{scheme}: PLCMOS", one) for scheme, one in mos.items()]
    leaves_holes = holes[LBRR].low > 1 and heard[LBRR].high < 0.7
    recovers = heard[DRED].low > 0.8 and holes[DRED].high < 1
    return Answer(_verdict(leaves_holes and recovers, leaves_holes or recovers), figures)


def encoder_cost(evidence: Evidence) -> Answer:
    """Measure the growth of the encoder's time with the depth."""
    depths = ("with 1000 ms of DRED", "with 100 ms of DRED", "without DRED")
    deep, shallow, plain = (f"encoder {words}, ms per s" for words in depths)
    growth = evidence.fact_ratio(deep, shallow)
    figures = [
        Figure("1000 ms, relative to 100 ms", growth),
        Figure("1000 ms, relative to no DRED", evidence.fact_ratio(deep, plain)),
        Figure("1000 ms, per second of speech", evidence.fact(deep), 1, "ms"),
    ]
    return Answer(_verdict(_near(growth, 1, 0.1), _near(growth, 1, 0.25)), figures)


def recent_first(evidence: Evidence) -> Answer:
    """Measure the time to read DRED, by offset."""
    names = {depth: f"DRED read back to {depth} ms, us per packet" for depth in (40, 200, 500, 1000)}
    first = evidence.fact_ratio(names[40], names[1000])
    same = evidence.fact("cut payloads that decode to the same features")
    figures = [
        Figure("time to the newest 40 ms, relative to 1000 ms", first),
        *(Figure(f"time back to {depth} ms", evidence.fact(name), 0, "us") for depth, name in names.items()),
        Figure("packets whose newest half decodes the same without the older half", same, 3),
    ]
    return Answer(_by_count([first.high < 0.5, same.value == 1]), figures)


def cut(evidence: Evidence) -> Answer:
    """Measure what cut payloads decode to."""
    vectors = evidence.fact("cut payloads that decode to the same features")
    content = evidence.fact("vectors before the last one that a cut of the bytes leaves as they were")
    figures = [
        Figure("cut to half of the depth: packets that decode the same", vectors, 3),
        Figure("cut to half of the bytes: vectors that are read the same, but for the last one", content, 3),
    ]
    return Answer(_by_count([vectors.value == 1, content.low > 0.99]), figures)


def age(evidence: Evidence) -> Answer:
    """Measure the growth of distortion with age."""
    old, new = ("distortion of the oldest 200 ms", "distortion of the newest 200 ms")
    growth = evidence.fact_ratio(old, new)
    constant = evidence.fact_ratio(f"{old} without coarsening", f"{new} without coarsening")
    figures = [
        Figure("distortion of the oldest 200 ms, relative to the newest", growth),
        Figure("the same with one quantizer for all ages", constant),
        Figure("newest 200 ms", evidence.fact(new)),
        Figure("oldest 200 ms", evidence.fact(old)),
    ]
    return Answer(_by_count([growth.low > 1, constant.high - 1 < (growth.low - 1) / 2]), figures)


def congests(evidence: Evidence) -> Answer:
    """Measure what a narrow link drops."""
    dropped = {
        scheme: evidence.mean(CONGESTION, scheme, "queue_loss", rate_kbps=LINK_KBPS)
        for scheme in (DRED, NEURAL, LBRR, RED, EXACT)
    }
    gain = {
        rate: evidence.gain(CONGESTION, DRED, NEURAL, "plcmos", rate_kbps=rate)
        for rate in evidence.points(CONGESTION, "rate_kbps")
    }
    link = f"{LINK_KBPS:.0f} kb/s link"
    figures = [
        Figure(f"{link}, {scheme}: packets dropped by the queue", one, 3) for scheme, one in dropped.items()
    ]
    figures += [
        Figure(f"{rate:.0f} kb/s link: PLCMOS of DRED over neural PLC", one) for rate, one in gain.items()
    ]
    causes = dropped[NEURAL].high < 0.01 and dropped[DRED].low > 0.05
    return Answer(_verdict(causes, dropped[DRED].low > dropped[NEURAL].high), figures)


def neural(evidence: Evidence) -> Answer:
    """Measure the gain of neural PLC over classic."""
    gains = {key: evidence.gain(MIX, NEURAL, CLASSIC, key) for key in SCORES}
    holds = all(one.low > 0 for one in gains.values())
    return Answer(
        _verdict(holds, any(one.low > 0 for one in gains.values())),
        _scores(gains.__getitem__, "gain of neural PLC"),
    )


def overlap(evidence: Evidence) -> Answer:
    """Measure which latent vectors packets hold."""
    second = evidence.fact("symbols as in every second latent vector")
    each = evidence.fact("symbols as in each latent vector")
    shared = evidence.fact("share of a packet's DRED that the next packet holds, too")
    figures = [
        Figure("libopus's symbols that are those of every other vector", second, 3),
        Figure("libopus's symbols that are those of consecutive vectors", each, 3),
        Figure("share of a packet's DRED that the next packet holds, too", shared, 3),
    ]
    return Answer(_by_count([second.low > 0.75 and each.high < 0.5, shared.low > 0.95]), figures)


def changes(evidence: Evidence) -> Answer:
    """Measure changes of what frames are played from."""
    found = switches(evidence.run(SEVERE), BOTH_SHORT, NO_LOSS)
    rates = {pair: known(one, f"changes {pair}") for pair, one in found.per_minute().items()}
    steps = known(found.steps(), "steps of the sound at changes")
    figures = [
        Figure("largest step of the sound at a change, relative to the same place without loss", steps)
    ]
    for (before, after), one in rates.items():
        figures.append(Figure(f"{before} to {after}, per minute", one, 1))
    seen = [one.value > 0 for one in rates.values()]
    return Answer(_verdict(all(seen) and steps.high < 2, sum(seen) > len(seen) / 2), figures)
