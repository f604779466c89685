"""The Pareto front of bitrate, delay and quality."""

from testbed.recommend.front import FrontMember, pareto_front
from testbed.stats import Estimate

NAN = float("nan")


def member(place: int, kbps: float, delay_ms: float, score: float) -> FrontMember:
    return FrontMember(place, kbps, delay_ms, score, Estimate(0, 0, 0), 3)


def front(*members: FrontMember) -> list[int]:
    return [each.place for each in pareto_front(members)]


def test_a_member_is_beaten_only_in_all_three() -> None:
    assert front(member(0, 40, 100, 4), member(1, 50, 100, 3.9)) == [0]
    assert front(member(0, 40, 100, 4), member(1, 50, 80, 3.9)) == [0, 1]
    assert front(member(0, 40, 100, 4), member(1, 50, 100, 4.1)) == [0, 1]
    assert front(member(0, 40, 100, 4), member(1, 30, 100, 3)) == [1, 0]


def test_of_equal_members_the_first_stays() -> None:
    assert front(member(0, 40, 100, 4), member(1, 40, 100, 4)) == [0]


def test_differences_that_nobody_sees_do_not_count() -> None:
    assert front(member(0, 40, 100, 4), member(1, 39.5, 98, 3.8)) == [0]


def test_the_recommended_one_is_listed_even_if_another_beats_it() -> None:
    members = [member(0, 40, 100, 4), member(1, 50, 100, 3.9), member(2, 60, 100, 3.8)]
    assert [each.place for each in pareto_front(members, 1)] == [0, 1]


def test_an_unknown_score_is_on_no_front_beside_a_known_one() -> None:
    assert front(member(0, 40, 100, NAN), member(1, 50, 100, 2)) == [1]


def test_receivers_without_a_delay_are_compared_by_the_rest() -> None:
    assert front(member(0, 40, NAN, 4), member(1, 50, NAN, 3)) == [0]
