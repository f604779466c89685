"""The headline does not say more than the calls do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from testbed.errors import ResultsError
from testbed.metrics import METRICS
from testbed.reports.headline import Answer, answers
from testbed.reports.summary import Summary, summarize
from testbed.reports.verdict import judge
from testbed.results import Results
from testbed.run_rows import RunRows

COSTS = {"no loss": 40.0, "classic PLC": 40.0, "A": 60.0, "B": 80.0, "C": 100.0}
PLAIN = np.linspace(2.0, 3.4, 16)
WAVE = 0.02 * np.array([1, -1, 2, -2, 1, -1, 2, -2] * 2)
GOOD = {
    "no loss": PLAIN + 1.2,
    "classic PLC": PLAIN,
    "A": PLAIN + 0.4,
    "B": PLAIN + 0.8 + WAVE,
    "C": PLAIN + 0.81,
}


def run(scores: dict[str, Any], manifest: dict[str, Any] | None = None, **columns: Any) -> Summary:
    """Return a run of one point: by scheme the PLCMOS of each clip, or by metric the scores of each scheme.

    Further columns are by scheme.
    """
    by_metric = scores if isinstance(next(iter(scores.values())), dict) else {"plcmos": scores}
    schemes = list(next(iter(by_metric.values())))
    rows = []
    for scheme in schemes:
        for clip in range(len(next(iter(by_metric.values()))[scheme])):
            values = {metric: float(of[scheme][clip]) for metric, of in by_metric.items()}
            rows.append(
                {
                    "point": 0,
                    "scheme": scheme,
                    "clip": f"clip {clip}",
                    "realization": 0,
                    "wire_kbps": COSTS.get(scheme, 70.0),
                    "dred_kbps": 0.0 if scheme in ("no loss", "classic PLC") else 20.0,
                    **{name: of.get(scheme, float("nan")) for name, of in columns.items()},
                    **values,
                    "error": "" if np.isfinite(list(values.values())).all() else "failed",
                }
            )
    about = {"scheme_names": schemes, "metrics": list(by_metric), "points": [{}], **(manifest or {})}
    return summarize(Results(Path(), RunRows(pd.DataFrame(rows)), about))


def answer(scores: dict[str, Any], manifest: dict[str, Any] | None = None, **columns: Any) -> Answer:
    return answers(run(scores, manifest, **columns))[0]


def text(found: Answer) -> str:
    return " ".join((found.lead, *found.more))


def test_the_headline_is_a_recommendation_with_its_gain_bitrate_and_buffer() -> None:
    longest = {"A": 20.0, "B": 300.0, "C": 900.0}
    found = answer(GOOD, buffer_needed_ms_max=longest)
    assert found.lead.startswith(
        "Use B: within 0.1 PLCMOS of the best and 0.80 [0.78 to 0.82] better than classic PLC"
    )
    assert found.lead.endswith("for 80.0 kb/s on the wire and a buffer of 300 ms.")
    assert found.recommended == "B"
    said = text(found)
    assert "C has the highest mean" in said
    assert "As good, for more bits: C (100.0 kb/s)." in said
    assert "B repairs 67 %" in said
    assert "Under 60 kb/s use A (+0.40, 60.0 kb/s)." in said


def test_a_scheme_of_equal_cost_is_not_called_dearer() -> None:
    said = text(answer(GOOD, wire_kbps=dict.fromkeys(GOOD, 50.0)))
    assert "As good: B (50.0 kb/s)." in said


def test_the_buffer_that_an_unlimited_receiver_implies_is_stated() -> None:
    longest = {"A": 20.0, "B": 300.0, "C": 900.0}
    offline = {"scenario": {"playout": {"policy": "offline"}}}
    found = answer(GOOD, offline, buffer_needed_ms_max=longest)
    said = "The receiver waits without limit; with a buffer of less than 900 ms C repairs less."
    assert found.more[0] == said
    fixed = {"scenario": {"playout": {"policy": "fixed", "buffer_ms": 60}}}
    assert "receiver" not in text(answer(GOOD, fixed, buffer_needed_ms_max=longest))
    assert "receiver" not in text(answer(GOOD))


def test_the_baseline_is_enough_where_nothing_is_better_by_the_margin() -> None:
    found = answer({"no loss": PLAIN + 0.05, "classic PLC": PLAIN, "A": PLAIN + 0.03 + WAVE / 4})
    assert found.lead.startswith("classic PLC is enough: no scheme is more than 0.1 PLCMOS better")
    assert found.recommended == "classic PLC"


@pytest.mark.parametrize("clips", [1, 2, 4])
def test_few_clips_cannot_rank_and_say_how_many_more_would(clips: int) -> None:
    found = answer({name: values[:clips] for name, values in GOOD.items()})
    these = "One clip" if clips == 1 else f"These {clips} clips"
    assert found.lead == f"{these} cannot rank the schemes: a recommendation needs at least 5 clips."
    assert "more clip" in text(found)
    assert ("On this clip B has the highest mean, PLCMOS 2.82;" in text(found)) == (clips == 1)
    assert found.recommended is None


def test_no_scheme_is_recommended_without_evidence() -> None:
    noise = 0.4 * np.array([1, -1, 0.5, -0.5, 0.9, -1, 0.2, -0.1])
    plain = PLAIN[:8]
    scores = {
        "no loss": plain + 1.2,
        "classic PLC": plain,
        "A": plain + 0.8 + noise,
        "B": plain + 0.8 - noise,
    }
    found = answer(scores)
    assert found.lead in (
        f"Probably {pair}: 8 clips do not show which of them is within 0.1 PLCMOS of the best."
        for pair in ("A or B", "B or A")
    )
    assert "more clips would show whether" in text(found)
    assert "Use " not in text(found)
    wild = {name: plain + 3 * (number + 1) * noise for number, name in enumerate(("classic PLC", "A", "B"))}
    found = answer({"no loss": plain + 5 + wild["classic PLC"] - plain, **wild})
    assert found.lead.startswith("These 8 clips cannot rank the schemes: no difference in PLCMOS")


def test_a_run_without_an_effect_of_loss_ranks_nothing() -> None:
    scores = {name: PLAIN + (number - 1) * WAVE for number, name in enumerate(COSTS)}
    found = answer(scores, packet_loss=dict.fromkeys(COSTS, 0.0))
    assert found.lead == "These calls show no effect of loss, so they cannot rank the schemes."
    assert "No packet was lost or late." in text(found)
    assert "not significant" in text(found)
    assert found.recommended is None


def test_few_clips_without_an_effect_of_loss_are_few_clips_first() -> None:
    scores = {name: (PLAIN + (number - 1) * WAVE)[:2] for number, name in enumerate(COSTS)}
    found = answer(scores, packet_loss=dict.fromkeys(COSTS, 0.1))
    assert found.lead.startswith("These 2 clips cannot rank the schemes")
    assert "No loss and classic PLC differ in PLCMOS by" in text(found)
    unharmed = answer(scores, packet_loss=dict.fromkeys(COSTS, 0.0))
    assert unharmed.lead == "These calls show no effect of loss, so they cannot rank the schemes."
    one = answer({name: values[:1] for name, values in scores.items()}, packet_loss=dict.fromkeys(COSTS, 0.0))
    assert (one.lead, one.more) == (unharmed.lead, ("No packet was lost or late.",))


def test_a_baseline_that_scores_above_no_loss_is_not_called_not_significant() -> None:
    found = answer(GOOD | {"no loss": PLAIN - 0.5})
    assert found.lead == "These calls show no effect of loss, so they cannot rank the schemes."
    assert found.more == ("No loss scores worse than classic PLC, in PLCMOS by −0.50 [−0.50 to −0.50].",)
    assert "% of what loss" not in text(answer(GOOD | {"no loss": PLAIN + 0.3}))


def test_a_metric_that_sees_no_loss_hands_over_to_the_next() -> None:
    blind = {name: PLAIN + number * WAVE for number, name in enumerate(GOOD)}
    summary = run({"plcmos": blind, "pesq_wb": GOOD})
    found = answers(summary)[0]
    assert found.lead.startswith("Use B: within 0.1 PESQ-WB of the best")
    assert "PLCMOS shows no effect of loss here, so PESQ-WB judges." in text(found)
    assert text(found).count("no effect") == 1
    assert judge(summary) == "pesq_wb"


def test_metrics_that_contradict_each_other_are_said_to() -> None:
    other = GOOD | {"C": PLAIN + 1.1 + WAVE}
    assert "The metrics disagree: PESQ-WB puts C above it (+0.30" in text(
        answer({"plcmos": GOOD, "pesq_wb": other})
    )
    assert "PESQ-WB does not contradict it." in text(answer({"plcmos": GOOD, "pesq_wb": GOOD}))


def test_a_scheme_that_sent_nothing_is_not_credited() -> None:
    """LBRR was asked for and not sent: what is heard is concealment, however well it does."""
    manifest = {
        "scenario": {
            "schemes": [{"name": "classic PLC", "plc": {}}, {"name": "B", "lbrr": {"bitrate_kbps": 16}}]
        },
        "diagnoses": [{"point": 0, "scheme": "B", "kind": "not_sent", "text": "B sent no LBRR"}],
    }
    scores = {"no loss": PLAIN + 1.2, "classic PLC": PLAIN, "B": PLAIN + 0.8 + WAVE}
    found = answer(
        scores, manifest, dred_kbps=dict.fromkeys(scores, 0.0), red_kbps=dict.fromkeys(scores, 0.0)
    )
    assert "repair" not in text(found)
    assert found.recommended is None
    assert found.diagnoses == ("B sent no LBRR",)
    assert (
        answer(scores, manifest | {"diagnoses": []}, dred_kbps=dict.fromkeys(scores, 0.0))
        .diagnoses[0]
        .startswith("B")
    )


def test_a_problem_is_told_once_and_only_of_schemes_that_the_answer_is_about() -> None:
    late = [
        {"point": 0, "scheme": name, "kind": "late", "text": f"{name} came late: wait longer"}
        for name in ("classic PLC", "A", "B", "C")
    ]
    found = answer(GOOD, {"diagnoses": late})
    assert found.recommended == "B"
    assert "Under 60 kb/s use A" in text(found)
    assert found.diagnoses == ("Each of A, B and C came late: wait longer",)


def test_a_scheme_that_sent_a_part_of_what_it_is_called_is_recommended_with_that_said() -> None:
    name = "LBRR + DRED"
    scores = {name if scheme == "B" else scheme: score for scheme, score in GOOD.items()}
    diagnosed = {"point": 0, "scheme": name, "kind": "not_sent", "text": f"{name} sent no DRED: too few bits"}
    found = answer(scores, {"diagnoses": [diagnosed]})
    assert found.lead.startswith("Use LBRR + DRED (sent no DRED): ")
    assert found.diagnoses == ("LBRR + DRED sent no DRED: too few bits",)


def test_a_share_of_a_loss_that_is_not_significant_is_not_given() -> None:
    scores = {"no loss": PLAIN + WAVE, "classic PLC": PLAIN, "A": PLAIN + 0.4}
    assert run(scores).cells[0, "A"].repaired == {}
    assert run(scores).cells[0, "no loss"].repaired == {}
    whole = run(GOOD).cells
    assert (whole[0, "no loss"].repaired["plcmos"].mean, whole[0, "classic PLC"].repaired["plcmos"].mean) == (
        1,
        0,
    )
    assert "plcmos" in run(GOOD).cells[0, "A"].repaired


def test_losses_differ_if_the_network_drops_by_size() -> None:
    loss = {"no loss": 0.0, "classic PLC": 0.1, "A": 0.2, "B": 0.2, "C": 0.3}
    assert "on the same network" in answer(GOOD, packet_loss=loss).lead
    assert "on the same losses" in answer(GOOD, packet_loss=dict.fromkeys(GOOD, 0.1)).lead


def test_margins_and_a_budget_are_the_readers() -> None:
    summary = run(GOOD)
    assert answers(summary, margins={"plcmos": 0.5})[0].recommended == "A"
    leads = {budget: answers(summary, budget_kbps=budget)[0].lead for budget in (30, 50, 90, 200)}
    assert leads[30] == "Under 30 kb/s there is no scheme."
    assert leads[50] == "Under 50 kb/s there is only classic PLC."
    assert leads[90] == leads[200] == answers(summary)[0].lead
    tight = answers(summary, budget_kbps=70)[0]
    assert tight.lead == "Under 70 kb/s use A (+0.40, 60.0 kb/s)."
    assert tight.more[0].startswith("With no such limit: Use B")
    with pytest.raises(ResultsError, match="budget nan: give a number above 0"):
        answers(summary, budget_kbps=float("nan"))
    for margins, message in (({"pesq": 0.1}, "no such metric; it has plcmos"), ({"plcmos": 0.0}, "above 0")):
        with pytest.raises(ResultsError, match=message):
            answers(summary, margins=margins)
    with pytest.raises(ResultsError, match=r"margins 0\.05: give one per metric, as in {'plcmos': 0.2}"):
        answers(summary, margins=0.05)


def test_a_margin_is_not_below_the_wobble_of_differences() -> None:
    wobble = [{"metric": "plcmos", "mean_pair": value} for value in (0.02, 0.5, None)]
    checked = answer(GOOD, manifest={"wobble": wobble})
    assert "Use A: within 0.5 PLCMOS of the best" in checked.lead
    said = "move differences of PLCMOS by up to 0.50, so the margin is not smaller"
    assert f"Changes that nobody hears {said}; closer than that to C: B and A." in text(checked)
    small = answer(GOOD, manifest={"wobble": wobble[:1]})
    assert "within 0.1 PLCMOS" in small.lead
    assert "by up to 0.02; closer than that to C: B." in text(small)
    assert "nobody hears" not in text(answer(GOOD))


def test_a_budget_is_answered_where_nothing_is_recommended() -> None:
    noise = 0.4 * np.array([1, -1, 0.5, -0.5, 0.9, -1, 0.2, -0.1])
    plain = PLAIN[:8]
    scores = {
        "no loss": plain + 1.2,
        "classic PLC": plain,
        "A": plain + 0.8 + noise,
        "B": plain + 0.8 - noise,
    }
    found = answers(run(scores), budget_kbps=70)[0]
    assert found.lead == "Under 70 kb/s use A (+0.80, 60.0 kb/s)."
    assert found.more[0].startswith("With no such limit: Probably ")
    few = {name: values[:3] for name, values in GOOD.items()}
    assert answers(run(few), budget_kbps=70)[0].lead == "Under 70 kb/s these calls cannot rank the schemes."
    assert "Under" not in text(answer(few))


def test_a_metric_without_a_margin_recommends_only_with_one() -> None:
    summary = run({"snr_db": {name: 10 * values for name, values in GOOD.items()}})
    assert "--margin snr_db=NUMBER" in text(answers(summary)[0])
    assert answers(summary, margins={"snr_db": 1.0})[0].recommended == "B"


def test_failed_calls_are_left_out_for_all() -> None:
    failing = GOOD | {"A": np.where(np.arange(16) < 9, np.nan, 4.9)}
    found = answer(failing)
    assert found.recommended == "B"
    assert "Not compared, as too few of their calls were scored: A." in text(found)
    some = answer(GOOD | {"A": np.where(np.arange(16) < 7, np.nan, PLAIN + 1)})
    assert some.recommended == "A"
    assert "on the 9 of 16 calls with a score of every scheme: A has none in 7." in text(some)
    odd = np.arange(16) % 2 == 1
    apart = {name: np.where(odd == (name == "A"), values, np.nan) for name, values in GOOD.items()}
    assert answer(apart).lead == "These calls cannot rank the schemes: none has a score of every scheme."
    nothing = {name: values * np.nan for name, values in GOOD.items()}
    assert answer(nothing).lead.startswith("No call could be scored")


def test_a_single_scheme_is_only_described() -> None:
    assert answer({"no loss": PLAIN + 1, "A": PLAIN}).lead.startswith(
        "A is the only scheme of this run: PLCMOS 2.70"
    )


def test_the_lowest_mean_is_the_best_if_lower_is_better(monkeypatch) -> None:
    metric = replace(METRICS["plcmos"], label="LSD", unit="dB", bounds=(0.0, 20.0), better="lower")
    monkeypatch.setitem(METRICS._names, "lsd_db", None)
    monkeypatch.setitem(METRICS._loaded, "lsd_db", metric)
    mirrored = run({"lsd_db": {scheme: 10 - scores for scheme, scores in GOOD.items()}})
    found, known = answers(mirrored)[0], answer(GOOD)
    assert found.lead.replace(" dB", "").replace("LSD", "PLCMOS") == known.lead
    assert found.recommended == "B"
    said = text(found)
    assert "C has the lowest mean, LSD 6.49 [" in said
    assert "the difference is +0.01 [-0.01 to +0.03] dB".replace("-", "−") in said
    assert "use A (−0.40 dB, 60.0 kb/s)" in said
    cells = mirrored.cells
    assert cells[0, "B"].gains["lsd_db"].mean == pytest.approx(0.8)
    assert cells[0, "B"].scores["lsd_db"].mean < cells[0, "A"].scores["lsd_db"].mean
    assert cells[0, "B"].repaired["lsd_db"].mean == pytest.approx(2 / 3, abs=0.01)


def test_conversational_quality_counts_delay_and_judges_where_a_scheme_has_a_delay() -> None:
    scores = {"mos_cq": GOOD, "plcmos": GOOD}
    said = text(answer(scores))
    assert "MOS-CQ" in said
    assert "With neither loss nor delay the same speech scores" in said
    assert "of what loss and delay take from classic PLC" in said
    nothing = np.full(len(PLAIN), np.nan)
    offline = {name: values if name == "no loss" else nothing for name, values in GOOD.items()}
    found = answer({"mos_cq": offline, "plcmos": GOOD})
    assert found.lead.startswith("Use B: within 0.1 PLCMOS of the best")
    assert "With no loss the same speech scores" in text(found)


def test_the_cost_of_a_scheme_is_its_delay_where_the_metric_counts_delay() -> None:
    columns = {"mouth_to_ear_ms": {"B": 105.0}, "buffer_needed_ms_max": {"B": 60.0}}
    fixed = {"scenario": {"playout": {"policy": "fixed", "buffer_ms": 60}}}
    found = answer({"mos_cq": GOOD, "plcmos": GOOD}, fixed, **columns)
    assert "kb/s on the wire and a delay of 105 ms from mouth to ear." in found.lead


def test_the_cost_of_a_scheme_is_its_delay_where_the_receiver_adapts() -> None:
    columns = {"mouth_to_ear_ms": {"B": 140.0}, "buffer_needed_ms_max": {"B": 90.0}}
    fixed, adaptive = (
        answer(GOOD, {"scenario": {"playout": {"policy": policy}}}, **columns)
        for policy in ("fixed", "adaptive")
    )
    assert "kb/s on the wire and a buffer of 90 ms." in fixed.lead
    assert "kb/s on the wire and a delay of 140 ms from mouth to ear." in adaptive.lead
