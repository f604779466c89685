"""Sounds as differences from a base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.adaptive.played import Edit, EditKind, Heard
from testbed.cache.sounds import packed, packed_edited, unpacked, unpacked_edited
from testbed.codecs.pcm import Pcm16

BASE: Pcm16 = np.random.default_rng(0).integers(-32768, 32768, 20_000).astype(np.int16)


@given(st.lists(st.tuples(st.integers(0, 19_999), st.integers(1, 3000)), max_size=8))
def test_a_sound_is_the_same_afterwards(gaps):
    sound = BASE.copy()
    for begin, length in gaps:
        sound[begin : begin + length] = -32768
    for base in (BASE, None):
        again = unpacked(packed(sound, base), len(sound), base)
        assert again is not None
        assert np.array_equal(again, sound)


def test_differences_take_less_than_the_whole():
    sound = BASE.copy()
    sound[5000:7000] = 0
    assert len(packed(BASE, BASE)) < 500
    assert len(packed(sound, BASE)) < len(packed(sound, None)) / 4


@pytest.mark.parametrize("cut", [0, 4, 100, 5000])
def test_bytes_that_are_cut_short_are_no_sound(cut):
    assert unpacked(packed(BASE, None)[:cut], len(BASE), None) is None


def test_a_sound_is_kept_with_its_edits():
    edits = (Edit(EditKind.REMOVED_PERIOD, 400, 100), Edit(EditKind.INSERTED_TIME, 900, 160))
    stored = packed_edited(Heard(BASE, edits))
    again = unpacked_edited(stored, len(BASE) - 60)
    assert again is not None
    assert np.array_equal(again.pcm, BASE)
    assert again.edits == edits
    assert unpacked_edited(stored, len(BASE)) is None


@given(st.binary(max_size=100))
def test_bytes_of_others_are_no_sound_with_edits(stored):
    assert unpacked_edited(stored, 1000) is None


@pytest.mark.parametrize(
    "edit", [(7, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 1001, 1), (0, 0, 0), (2, 0, 1 << 40)]
)
def test_edits_that_cannot_be_are_refused(edit):
    stored = (1).to_bytes(4, "little") + np.array(edit, "<i8").tobytes() + packed(BASE, None)
    assert unpacked_edited(stored, 1000) is None


def test_edits_that_are_out_of_order_are_refused():
    edits = (Edit(EditKind.SKIPPED, 400, 100), Edit(EditKind.INSERTED_TIME, 499, 100))
    assert unpacked_edited(packed_edited(Heard(BASE, edits)), len(BASE)) is None


def test_a_sound_of_another_length_is_refused():
    assert unpacked(packed(BASE, None), len(BASE) - 1, None) is None
    assert unpacked(packed(BASE, BASE), len(BASE), BASE[:-1]) is None
