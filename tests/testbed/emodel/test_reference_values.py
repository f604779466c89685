"""The E-model: values that G.107, G.107.1, G.107.2 and G.113 give, or that other implementations agree on."""

from dataclasses import replace

import pytest

from testbed.emodel import scale
from testbed.emodel.bands import FULLBAND, WIDEBAND
from testbed.emodel.impairments import burst_ratio, delay_impairment, loss_impairment
from testbed.emodel.narrowband import Narrowband

DEFAULT = Narrowband()
WITH_PLC = Narrowband(bpl=25.1)  # G.711 with packet loss concealment (G.113)


def approx(value: float) -> object:
    return pytest.approx(value, abs=1e-6)


def with_echo(delay_ms: float) -> Narrowband:
    return replace(WITH_PLC, ta_ms=delay_ms, t_ms=delay_ms, tr_ms=2 * delay_ms)


def test_the_terms_of_a_connection_with_all_defaults() -> None:
    assert DEFAULT.noise == approx(-61.179214)
    assert DEFAULT.basic == approx(94.768822)
    assert DEFAULT.simultaneous == approx(1.413568)
    assert DEFAULT.listener_echo == approx(0.149046)
    assert DEFAULT.rating == approx(93.206208)
    assert scale.mos(DEFAULT.rating) == approx(4.409406)


@pytest.mark.parametrize(
    ("delay_ms", "impairment"),
    [(0, 0), (100, 0), (150, 0.163531), (200, 3.044414), (250, 8.916710), (300, 14.760695), (400, 24.070089),
     (500, 30.635925), (600, 35.246848), (800, 40.832483), (1000, 43.789575)],
)  # fmt: skip
def test_absolute_delay(delay_ms, impairment) -> None:
    assert delay_impairment(delay_ms) == approx(impairment)
    assert DEFAULT.rating - replace(DEFAULT, ta_ms=delay_ms).rating == approx(impairment)


@pytest.mark.parametrize(
    ("delay_ms", "rating", "mos"), [(150, 89.539132, 4.327546), (250, 79.177101, 3.992519)]
)
def test_delay_with_echo(delay_ms, rating, mos) -> None:
    assert with_echo(delay_ms).rating == approx(rating)
    assert scale.mos(with_echo(delay_ms).rating) == approx(mos)


def test_loss() -> None:
    assert replace(WITH_PLC, ppl=1).rating == approx(89.566361)
    assert replace(WITH_PLC, ppl=5).rating == approx(77.425477)
    assert loss_impairment(0, 25.1, 5) == approx(15.780731)
    assert loss_impairment(0, 25.1, 5, burst_ratio=2) == approx(17.210145)
    assert loss_impairment(11, 19, 0) == 11
    g729a = Narrowband(ie=11, bpl=19, ppl=2)
    assert loss_impairment(g729a.ie, g729a.bpl, g729a.ppl) == 19
    assert g729a.rating == approx(74.206208)
    assert scale.mos(g729a.rating) == approx(3.787558)


@pytest.mark.parametrize(
    ("rating", "mos"), [(50, 2.575), (60, 3.1), (70, 3.597), (80, 4.024), (90, 4.339), (93.2, 4.409286)]
)
def test_opinions(rating, mos) -> None:
    assert scale.mos(rating) == approx(mos)


def test_the_opinion_never_falls_as_the_rating_rises_and_has_an_inverse() -> None:
    opinions = [scale.mos(rating / 10) for rating in range(-100, 1100)]
    assert opinions == sorted(opinions)
    assert (opinions[0], opinions[-1]) == (1.0, 4.5)
    for opinion in (1.0, 1.001, 1.5, 2.7, 3.9, 4.4, 4.499, 4.5):
        assert scale.mos(scale.rating(opinion)) == approx(opinion)
    assert scale.rating(0.2) == scale.rating(1.0) == approx(6.515308)
    assert scale.rating(5.0) == approx(100)


def test_wideband() -> None:
    assert WIDEBAND.rating() == approx(128.846315)
    assert WIDEBAND.mos(64.5) == approx(2.575)
    assert WIDEBAND.mos(116.1) == approx(4.339)
    assert WIDEBAND.mos(129 - 13) == approx(4.337096), "AMR-WB at 12.65 kb/s"
    assert WIDEBAND.rating(delay_ms=250) == approx(128.846315 - 1.29 * 8.916710)
    assert WIDEBAND.rating(0, 13, 4.3, 2) == approx(128.846315 - 13 - (95 - 13) * 2 / (2 + 4.3))
    assert WIDEBAND.rating_of(WIDEBAND.mos(100)) == approx(100)


@pytest.mark.parametrize(
    ("lost", "rating", "mos"),
    [(0, 137.8, 4.407500), (1, 114.818868, 3.929356), (5, 72.316129, 2.515369), (10, 52.625175, 1.852459)],
)
def test_fullband(lost, rating, mos) -> None:
    found = FULLBAND.rating(equipment=10.2, robustness=4.3, lost_percent=lost)
    assert found == approx(rating)
    assert FULLBAND.mos(found) == approx(mos)


@pytest.mark.parametrize(
    ("delay_ms", "impairment"),
    [(150, 0.242), (200, 4.506), (250, 13.197), (300, 21.846), (400, 35.624), (500, 45.341)],
)
def test_fullband_delay(delay_ms, impairment) -> None:
    assert FULLBAND.rating() - FULLBAND.rating(delay_ms=delay_ms) == pytest.approx(impairment, abs=5e-4)


def test_the_burst_ratio_is_one_for_independent_losses_and_the_markov_chains_for_bursts() -> None:
    # a chain with p = 0.02 and q = 0.2: bursts of 1 / q, a share of p / (p + q) lost, BurstR = 1 / (p + q)
    lost = 10_000 * 0.02 / 0.22
    assert burst_ratio(lost, lost * 0.2, 10_000) == pytest.approx(1 / 0.22)
    assert burst_ratio(1000, 900, 10_000) == pytest.approx(1)
