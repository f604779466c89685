"""The page of the article's claims: every claim is answered, by its rule, and nothing is made up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import soundfile
from answers import CONGESTION, DRED, EXACT, MIX, NEURAL, NO_LOSS, SEVERE, Verdict
from claims import CLAIMS
from claims_page import SAMPLE, SCENARIOS, claims_page
from evidence import Evidence
from packet_facts import Facts, packet_facts
from reproduce import MOST_SAMPLE_BYTES
from switches import mean_step

import testbed
from testbed.channels.recordings.file import read_trace
from testbed.errors import ResultsError
from testbed.loaded_run import Run
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import load_scenario
from testbed.scenario.packaged import packaged_scenarios

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reproduction.md"
TOY = ["metrics=[estoi]", "realizations=1", "codec.complexity=5"]
SWEPT = {MIX: "sweep={channel.loss.rate: [0.3]}", CONGESTION: "sweep={channel.link.rate_kbps: [48]}"}
CLIPS = ("en-allison-1.flac", "it-carlo-1.flac")
SECONDS = 3
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("speech")
    for name in CLIPS:
        pcm, rate_hz = soundfile.read(Path(testbed.__file__).parent / "clips" / name)
        soundfile.write(folder / name, pcm[: SECONDS * rate_hz], rate_hz)
    return [folder / name for name in CLIPS]


@pytest.fixture(scope="module")
def runs(speech: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Every article scenario at toy size; the other metrics are made from ESTOI, which is quick."""
    made = {}
    for name in SCENARIOS:
        overrides = [*TOY, *([SWEPT[name]] if name in SWEPT else [])]
        out = tmp_path_factory.mktemp(name) / "run"
        run = testbed.run(f"article/{name}", out, overrides, jobs=1, speech=speech)
        scores = {"plcmos": 1 + 4 * run.table["estoi"], "pesq_wb": 1 + 3 * run.table["estoi"]}
        made[name] = run.with_rows(run.table.assign(**scores))
    return made


@pytest.fixture(scope="module")
def facts(speech: list[Path]) -> tuple[Facts, list[str]]:
    clips = clips_of(load_scenario(f"article/{MIX}", (), speech))
    return packet_facts(clips), [clip.name for clip in clips]


@pytest.fixture
def evidence(runs: dict[str, Run], facts: tuple[Facts, list[str]]) -> Evidence:
    return Evidence(runs, *facts)


def test_every_claim_is_answered_on_the_page(evidence: Evidence) -> None:
    page = claims_page(evidence)
    assert len(CLAIMS) == 18
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        section = page.split(f"## {claim.words.rstrip('.')}\n")[1].split("\n## ")[0]
        assert section.split("**")[1].rstrip(".").lower() in get_args(Verdict)
        assert claim.rule in section
        assert "| figure | measured |" in section
    assert "nan" not in page


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_missing_run_is_an_error(name: str, runs: dict[str, Run], facts: tuple[Facts, list[str]]) -> None:
    others = {key: run for key, run in runs.items() if key != name}
    with pytest.raises(ResultsError, match=f"need a run of article/{name}"):
        claims_page(Evidence(others, *facts))


def test_a_missing_fact_is_an_error(runs: dict[str, Run], facts: tuple[Facts, list[str]]) -> None:
    for name in facts[0]:
        fewer = {key: numbers for key, numbers in facts[0].items() if key != name}
        if name in ("DRED read back to 200 ms, us per packet", "DRED read back to 500 ms, us per packet"):
            continue
        with pytest.raises(ResultsError, match="need the fact"):
            for claim in CLAIMS:
                if claim.evidence == "packets" or claim.key == "500 bit/s per copy":
                    claim.answer(Evidence(runs, fewer, facts[1]))


def test_scores_that_are_missing_are_an_error(runs: dict[str, Run], facts: tuple[Facts, list[str]]) -> None:
    empty = runs[MIX].with_rows(runs[MIX].table.assign(plcmos=float("nan")))
    halves = next(claim for claim in CLAIMS if claim.key == "DRED halves")
    with pytest.raises(ResultsError, match="too few calls to measure the plcmos"):
        halves.answer(Evidence({**runs, MIX: empty}, *facts))


def scored(run: Run, score: Callable[[str], float]) -> Run:
    """Return a run with a PLCMOS by scheme, a little different for each clip."""
    table: pd.DataFrame = run.table.copy()
    clips = table["clip"].map({clip: 0.001 * n for n, clip in enumerate(sorted(table["clip"].unique()))})
    table["plcmos"] = table["scheme"].map(score).astype(float) + clips
    return run.with_rows(table)


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({DRED: 4.0, EXACT: 4.0}, "holds"),
        ({DRED: 4.0, EXACT: 3.1}, "holds in part"),
        ({DRED: 3.1, EXACT: 3.1}, "does not hold here"),
    ],
)
def test_another_result_turns_a_verdict(
    scores: dict[str, float], verdict: str, runs: dict[str, Run], facts: tuple[Facts, list[str]]
) -> None:
    known: dict[str, Any] = {NO_LOSS: 4.8, NEURAL: 3.0, **scores}
    run = scored(runs[MIX], lambda scheme: known.get(scheme, 3.0))
    halves = next(claim for claim in CLAIMS if claim.key == "DRED halves")
    assert halves.answer(Evidence({**runs, MIX: run}, *facts)).verdict == verdict


def test_the_severe_extract_is_as_lossy_as_the_page_says() -> None:
    file = packaged_scenarios()[f"article/{SEVERE}"].parent / "severe-20s_is_lost.txt"
    lost = read_trace(file).lost
    assert len(lost) == 1000
    assert 0.68 < sum(lost) / len(lost) < 0.71


def test_the_page_has_today_s_claims_and_rules() -> None:
    page = PAGE.read_text("utf-8")
    for claim in CLAIMS:
        assert f"## {claim.words.rstrip('.')}\n" in page, "run: make reproduce"
        assert f"Rule: {claim.rule}." in page, "run: make reproduce"


def test_the_sample_report_is_small_enough_to_keep() -> None:
    assert (PAGE.parent / SAMPLE).stat().st_size <= MOST_SAMPLE_BYTES


def test_a_click_at_a_change_is_seen() -> None:
    sound = np.round(3000 * np.sin(np.arange(RATE_HZ) / 20)).astype(np.int16)
    places = np.arange(3200, 12_800, 3200)
    clicks = sound.copy()
    clicks[places] += 8000
    assert mean_step(clicks, places, 320) > 2 * mean_step(sound, places, 320)
