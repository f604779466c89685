"""The page docs/reproduction.md, from the evidence."""

from pathlib import Path

from answers import CONGESTION, MIX, SEVERE, Answer, Figure
from claims import CLAIMS, PACKETS, Claim
from evidence import Evidence
from jinja2 import Environment, StrictUndefined
from page_text import table

TEMPLATE = Path(__file__).with_name("page.md.j2")
SAMPLE = "sample/report.html"
TOLD = 2
"""Number of figures of each claim in the table of all."""
SCENARIOS = (MIX, SEVERE, CONGESTION)
_COMMANDS = {PACKETS: "make reproduce", **{name: f"testbed run article/{name}" for name in SCENARIOS}}


def claims_page(evidence: Evidence) -> str:
    """Return the page.

    Raises
    ------
    ResultsError
        What a claim is measured by is missing.
    """
    answers = [(claim, claim.answer(evidence)) for claim in CLAIMS]
    run = evidence.run(MIX)
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    return template.from_string(TEMPLATE.read_text("utf-8")).render(
        verdicts=table(
            ("claim", "measured", "verdict"),
            [
                (_link(claim), "; ".join(map(_figure, answer.figures[:TOLD])), answer.verdict)
                for claim, answer in answers
            ],
        ),
        sample=SAMPLE,
        libopus=run.manifest["versions"]["libopus"],
        clips=run.table["clip"].nunique(),
        speakers=len({clip["speaker"] for clip in run.manifest["clips"]}),
        pairs=evidence.pairs(MIX),
        severe_pairs=evidence.pairs(SEVERE),
        rates=", ".join(f"{100 * rate:.0f}" for rate in evidence.points(MIX, "rate")),
        claims=[_section(claim, answer) for claim, answer in answers],
    )


def _section(claim: Claim, answer: Answer) -> dict[str, str]:
    return {
        "words": claim.words.rstrip("."),
        "verdict": answer.verdict,
        "why": claim.why,
        "rule": claim.rule,
        "source": claim.source,
        "command": _COMMANDS[claim.evidence],
        "table": table(
            ("figure", "measured"), [(figure.words, _measured(figure)) for figure in answer.figures]
        ),
    }


def _link(claim: Claim) -> str:
    return f"[{claim.words.rstrip('.')}](#{_anchor(claim.words)})"


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as Markdown's `toc` makes it."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return "-".join(kept.split())


def _figure(figure: Figure) -> str:
    return f"{figure.words}: {_measured(figure)}"


def _measured(figure: Figure) -> str:
    value, low, high = (f"{number:.{figure.decimals}f}".replace("-", "−") for number in figure.estimate)
    return f"{value} [{low} to {high}] {figure.unit}".strip()
