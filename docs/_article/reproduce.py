"""Measures the claims of the DRED article, and writes docs/reproduction.md and the sample report.

``make reproduce`` runs it. Its runs are in ``results/article``; calls that were made before come from the
cache, so an interrupted one goes on where it was.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from answers import MIX
from claims_page import SAMPLE, SCENARIOS, claims_page
from evidence import Evidence
from packet_facts import packet_facts

import testbed
from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.loaded_run import Run
from testbed.reports.report import render
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import load_scenario
from testbed.scenario.models import Scenario

DOCS = Path(__file__).parents[1]
RUNS = Path("results", "article")
FACT_CLIPS = 12
MOST_SAMPLE_BYTES, SAMPLE_SOUND_BYTES, SAMPLE_TRIALS = 4_000_000, 2_700_000, 5


def main() -> None:
    """Run the scenarios, and write the page and the sample."""
    started = time.monotonic()
    runs = {}
    for name in SCENARIOS:
        print(f"article/{name} ...", flush=True)
        runs[name] = testbed.run(f"article/{name}", out=RUNS / name, force=True)
    print("packets ...", flush=True)
    scenario = load_scenario(f"article/{MIX}")
    assert isinstance(scenario, Scenario)
    clips = clips_of(scenario)[:FACT_CLIPS]
    evidence = Evidence(runs, packet_facts(clips), [clip.name for clip in clips])
    (DOCS / "reproduction.md").write_text(claims_page(evidence), "utf-8")
    sample = DOCS / SAMPLE
    sample.parent.mkdir(exist_ok=True)
    sample.write_text(sample_report(runs[MIX]), "utf-8")
    if sample.stat().st_size > MOST_SAMPLE_BYTES:
        raise ResultsError(f"{sample}: {sample.stat().st_size} bytes, more than {MOST_SAMPLE_BYTES}")
    print(f"{DOCS / 'reproduction.md'} and {sample}, after {(time.monotonic() - started) / 60:.0f} minutes")


def sample_report(run: Run) -> str:
    """Return the report of a run with few of its sounds."""
    examples = run.manifest["examples"]
    trials = list(dict.fromkeys(map(_trial, examples)))[:SAMPLE_TRIALS]
    few = [example for example in examples if _trial(example) in trials]
    page = render(
        replace(run, manifest={**run.manifest, "examples": few}), most_sound_bytes=SAMPLE_SOUND_BYTES
    )
    return printable(page)


def _trial(example: Mapping[str, Any]) -> tuple[Any, ...]:
    return example["point"], example["clip"], example["realization"]


if __name__ == "__main__":
    main()
