"""The claims of the article and the paper's abstract, what answers each, and the rule for its verdict."""

from collections.abc import Callable
from dataclasses import dataclass

import answers
from answers import CONGESTION, COST_KBPS, DEPTH_MS, LINK_KBPS, MIX, SEVERE, Answer
from evidence import Evidence
from packet_facts import QUANTIZER

PACKETS = "packets"
ABSTRACT = "the paper's abstract, and the article"
PAPER = "the paper's introduction, and the article"
SUMMARY = "the article, by a summary"


@dataclass(frozen=True)
class Claim:
    """A claim and its test.

    Attributes
    ----------
    key
        Its name in tests.
    words
        The claim, in words of ours.
    source
        What says so.
    evidence
        The scenario, or ``packets``, that it is measured on.
    rule
        When it holds, and when in part.
    why
        What explains the figures, and how the measurement differs from the article's.
    answer
        The measurement.
    """

    key: str
    words: str
    source: str
    evidence: str
    rule: str
    why: str
    answer: Callable[[Evidence], Answer]


CLAIMS = (
    Claim(
        "wideband 24 kb/s",
        "The speech is Opus in wideband at 24 kb/s.",
        PAPER,
        MIX,
        "holds: interval within 15 % of 24 kb/s, all packets wideband; in part: within 30 %",
        "A setting of the codec; libopus's variable bitrate spends less where there is less speech.",
        answers.speech,
    ),
    Claim(
        "LBRR 16 kb/s",
        "LBRR adds 16 kb/s, 40 kb/s in all.",
        PAPER,
        MIX,
        "holds: both intervals within 15 %; in part: one of them",
        "libopus sends no LBRR where nobody speaks. It expects 20 % of loss here.",
        answers.lbrr,
    ),
    Claim(
        "DRED 32 kb/s",
        "One second of DRED in each packet costs about 32 kb/s.",
        PAPER,
        MIX,
        f"holds: bounds of at least {DEPTH_MS:.0f} ms and at most {COST_KBPS:.0f} kb/s, from libopus and "
        "from the exact writer; in part: from one of them",
        "The abstract says less than 32 kb/s for 50 copies. For that libopus 1.6 prefers finer quantizers "
        "to more depth, and sends none where nobody speaks. "
        "The exact writer sends the depth that it is told to, with "
        f"q0 {QUANTIZER['q0']}, dq {QUANTIZER['dq']}, qmax {QUANTIZER['qmax']}.",
        answers.dred_rate,
    ),
    Claim(
        "500 bit/s per copy",
        "A copy of a packet's speech costs about 500 bit/s.",
        SUMMARY,
        MIX,
        "holds: interval within 25 %, from libopus and from the exact writer; in part: from one of them",
        "A copy is 20 ms of a packet's DRED, with its share of the initial state and of the framing. It "
        "costs less the older it is. libopus chooses finer quantizers at this bitrate.",
        answers.copy_rate,
    ),
    Claim(
        "RED doubles",
        "RED with one copy takes twice the bitrate.",
        SUMMARY,
        MIX,
        "holds: interval of the payload within 15 % of twice; in part: within 30 %",
        "RED adds headers of its own to the copy; headers of RTP, UDP and IP are not doubled.",
        answers.red,
    ),
    Claim(
        "DRED halves",
        "DRED alone halves the quality that neural PLC still loses.",
        SUMMARY,
        MIX,
        "holds: lower bound of the share of PLCMOS at 0.5 or more, for libopus and for the exact writer; in "
        "part: for one",
        "By metrics, not by listeners. PESQ-WB compares with the recording, and counts what a vocoder makes "
        "up as an error.",
        answers.halves,
    ),
    Claim(
        "LBRR on top",
        "LBRR still helps on top of DRED.",
        ABSTRACT,
        MIX,
        "holds: lower bound of the gain of PLCMOS above 0, for libopus and for the exact writer; in part: "
        "for one",
        "LBRR has the waveform of the last lost frame, DRED only its features.",
        answers.on_top,
    ),
    Claim(
        "more than LBRR",
        "DRED is more effective than LBRR.",
        ABSTRACT,
        MIX,
        "holds: lower bound of the gain of PLCMOS above 0, for libopus and for the exact writer; in part: "
        "for one",
        "It also takes more bitrate than LBRR here.",
        answers.over_lbrr,
    ),
    Claim(
        "within 0.1 MOS",
        "LBRR and DRED together are within 0.1 MOS of no loss.",
        SUMMARY,
        MIX,
        "holds: upper bound at most 0.1 PLCMOS over all loss rates; in part: at some rate",
        "PLCMOS instead of listeners. The answer depends on how much is lost.",
        answers.within,
    ),
    Claim(
        "severe loss",
        "On a severe sequence of real losses LBRR with PLC leaves large holes, and DRED recovers the speech.",
        SUMMARY,
        SEVERE,
        "holds: with LBRR more than one hole of 150 ms per call and ESTOI below 0.7, with DRED less than one "
        "and above 0.8; in part: one half of it",
        "20 s of the sequence that DRED's authors publish, on other speech than theirs; the interval is for "
        "other speech on these losses.",
        answers.severe,
    ),
    Claim(
        "encoder cost",
        "The encoder's cost does not depend on the depth.",
        SUMMARY,
        PACKETS,
        "holds: interval between 0.9 and 1.1; in part: between 0.75 and 1.25",
        "Processor time of libopus's encoder at one bitrate: each latent vector is made once, at any depth.",
        answers.encoder_cost,
    ),
    Claim(
        "recent first",
        "Recent speech is decoded first and fastest.",
        SUMMARY,
        PACKETS,
        "holds: the newest 40 ms take less than half the time of 1000 ms, and decode the same without what "
        "is older; in part: one of them",
        "The decoder goes back in time from the initial state; libopus stops at the depth that it needs.",
        answers.recent_first,
    ),
    Claim(
        "depth can be cut",
        "The depth can be cut without encoding again.",
        SUMMARY,
        PACKETS,
        "holds: cut payloads decode to the same features, and cut bytes to the same vectors but for the "
        "last; in part: one of them",
        "Cutting the depth writes the vectors again by entropy coding, without any network. Cutting bytes "
        "damages the last vector that is left.",
        answers.cut,
    ),
    Claim(
        "age",
        "Quality decreases with age, by the quantizer.",
        SUMMARY,
        PACKETS,
        "holds: the oldest are worse, and more than half of that by the quantizer; in part: one of them",
        "Root mean square difference of features from those encoded, with the exact writer; without dq only "
        "the way back through the decoder is left.",
        answers.age,
    ),
    Claim(
        "congestion",
        "Redundancy can congest the link, and so cause the losses that it repairs.",
        SUMMARY,
        CONGESTION,
        f"holds: on a link of {LINK_KBPS:.0f} kb/s DRED has more than 5 % dropped, plain Opus less than 1 %; "
        "in part: DRED has more dropped",
        "No congestion control; a drop-tail queue of 200 ms, and 5 % of loss before it.",
        answers.congests,
    ),
    Claim(
        "neural PLC",
        "Neural PLC is better than classic PLC.",
        SUMMARY,
        MIX,
        "holds: lower bound of the gain above 0 in PLCMOS, PESQ-WB and ESTOI; in part: in one of them",
        "Both are libopus 1.6's, whose neural PLC has another vocoder than that of 2022.",
        answers.neural,
    ),
    Claim(
        "overlap",
        "Copies of 40 ms overlap at 20 ms, and a packet has every other latent vector.",
        SUMMARY,
        PACKETS,
        "holds: more than 75 % of libopus's symbols (zeros apart) are those of every other vector, fewer "
        "than half those of consecutive ones, and neighbours share 95 % of their DRED; in part: one of them",
        "The stream is encoded again here, with one vector per 20 ms; the input's high-pass is not exactly "
        "libopus's, so not all symbols agree.",
        answers.overlap,
    ),
    Claim(
        "switching",
        "The decoder switches among DRED, PLC, LBRR and regular packets at any time.",
        SUMMARY,
        SEVERE,
        "holds: all eight changes that these packets can cause occur, and the sound's steps there are less "
        "than twice those without loss; in part: most changes occur",
        "LBRR and 200 ms of DRED, so that all four occur. LBRR is of the frame before a packet that came, so "
        "only that packet follows it.",
        answers.changes,
    ),
)
"""Every claim, in the order of the page."""
