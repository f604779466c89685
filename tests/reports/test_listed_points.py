"""Points that a page lists: at most so many, on the lines of the sweep through one of them."""

import itertools

import numpy as np

from testbed.reports.listed_points import listed_points


def product(**values):
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def test_a_few_points_are_all_listed():
    assert listed_points([0, 2, 3], product(a=[1, 2, 3, 4]), 2, most=3) == [0, 2, 3]


def test_of_many_points_those_that_differ_in_one_value_are_listed():
    parameters = product(a=range(50), b=range(40))
    middle = 20 * 40 + 7
    found = listed_points(range(2000), parameters, middle, most=100)
    assert middle in found
    assert {parameters[point]["b"] for point in found if parameters[point]["a"] == 20} == {*range(40)}
    assert {parameters[point]["a"] for point in found if parameters[point]["b"] == 7} == {*range(50)}
    assert len(found) == 89


def test_of_a_long_line_evenly_spaced_points_with_both_ends_are_listed():
    parameters = product(a=range(2500), b=range(4))
    found = listed_points(range(10_000), parameters, 5001, most=104)
    values = sorted({parameters[point]["a"] for point in found})
    assert len(found) <= 104
    assert {parameters[point]["b"] for point in found} == {0, 1, 2, 3}
    assert (values[0], values[-1], len(values)) == (0, 2499, 101)
    assert max(np.diff(values)) <= 26


def test_keys_that_are_swept_together_are_one_line():
    parameters = [{"a": step, "b": 2 * step, "c": c} for step in range(30) for c in range(3)]
    found = listed_points(range(90), parameters, 45, most=40)
    assert len([point for point in found if parameters[point]["c"] == 0]) == 30
    assert len(found) == 32


def test_a_run_with_some_points_only_lists_of_those():
    parameters = product(a=range(50), b=range(40))
    done = [*range(0, 2000, 3)]
    found = listed_points(done, parameters, 999, most=100)
    assert {*found} <= {*done}
