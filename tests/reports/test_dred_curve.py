"""Curves of DRED's networks: a known difference is found, and all of it is drawn and told."""

import numpy as np
import pandas as pd
import pytest

from testbed.figures import save
from testbed.reports.dred_curve import age_figure, age_text, compare, curve_figure, curve_text

LEVELS = range(16)


@pytest.fixture(scope="module")
def table():
    """A network that needs 30 % more bits than another for the same of six clips."""
    random = np.random.default_rng(1)
    rows = [_row("not coded", clip, -1, np.nan, 0.0, 4.0) for clip in range(6)]
    for clip in range(6):
        offset = random.normal(0, 0.1)
        for level in LEVELS:
            bits = 70 * 0.85**level
            rows += [
                _row(
                    name, clip, level, factor * bits, 0.02 * 1.2 ** (level + offset), 3 - 0.1 * level + offset
                )
                for name, factor in (("first", 1.0), ("dear", 1.3))
            ]
    return pd.DataFrame(rows)


def _row(network, clip, level, bits, distortion, score):
    return {
        "network": network,
        "clip": f"clip-{clip}",
        "speaker": "Carlo",
        "level": level,
        "latent_bits": bits,
        "state_bits": 2 * bits,
        "kbps": 27 * bits / 1000,
        "distortion": distortion,
        "pesq_wb": score if level % 3 == 0 or level < 0 else np.nan,
        "estoi": score / 5 if level % 3 == 0 or level < 0 else np.nan,
    }


def test_a_constant_cost_is_the_difference_by_every_measure(table):
    found = compare(table)
    assert [(each.network, each.measure) for each in found] == [
        ("dear", measure) for measure in ("distortion", "pesq_wb", "estoi")
    ]
    for each in found:
        assert each.bitrate.value.mean == pytest.approx(0.3, abs=0.01)
        assert each.quality.value.mean < 0
        assert each.quality.value.is_significant


def test_the_gain_of_distortion_is_in_decibels(table):
    halved = table.assign(
        distortion=table["distortion"].where(table["network"] == "first", table["distortion"] / 2)
    )
    halved["kbps"] = halved["kbps"].where(halved["network"] != "dear", halved["kbps"] / 1.3)
    gain = compare(halved)[0].quality.value
    assert gain.mean == pytest.approx(10 * np.log10(2), abs=0.01)


def test_a_level_that_costs_more_and_is_no_better_is_left_out(table):
    worse = (table["network"] == "dear") & (table["level"] == 0)
    changed = table.assign(distortion=table["distortion"].where(~worse, 1.0))
    assert compare(changed)[0].bitrate.value.mean == pytest.approx(0.3, abs=0.01)


def test_text_and_figure_have_every_network(table, tmp_path):
    text = curve_text(table)
    assert "+30 % [" in text
    assert "6 clips of Carlo" in text
    assert sum(line.startswith("dear") for line in text.splitlines()) == len(LEVELS) + 3
    save(curve_figure(table), tmp_path / "curve.svg", dpi=100)
    drawn = (tmp_path / "curve.svg").read_text("utf-8")
    for name in ("first", "dear", "not coded", "PESQ-WB", "ESTOI", "distortion"):
        assert name in drawn


def test_a_network_that_makes_noise_is_drawn(table, tmp_path):
    clips = sorted(set(table["clip"]))
    below = table["clip"].map(lambda clip: -0.011 if clip == clips[0] else 0.001)
    noise = table.assign(estoi=below.where(table["estoi"].notna()))
    save(curve_figure(noise), tmp_path / "curve.svg", dpi=100)
    assert "ESTOI" in (tmp_path / "curve.svg").read_text("utf-8")


def test_a_network_alone_is_compared_with_nothing(table):
    alone = table[table["network"] == "first"]
    assert compare(alone) == []
    assert "Compared" not in curve_text(alone)


def test_ages_are_told_beside_those_at_constant_level(tmp_path):
    rows = [
        {"network": "n", "clip": clip, "speaker": "", "dq": dq, "age_ms": age, "level": 6 + dq * age // 400}
        | {"latent_bits": 30.0, "distortion": 0.04 + dq * age / 10_000}
        for clip in "ab"
        for dq in (5, 0)
        for age in (20, 60)
    ]
    table = pd.DataFrame(rows)
    assert [line.split() for line in age_text(table).splitlines()[1:3]] == [
        ["n", "20", "6", "30.0", "0.050", "30.0", "0.040"],
        ["n", "60", "6", "30.0", "0.070", "30.0", "0.040"],
    ]
    save(age_figure(table), tmp_path / "age.svg", dpi=100)
    assert "n, level constant" in (tmp_path / "age.svg").read_text("utf-8")
