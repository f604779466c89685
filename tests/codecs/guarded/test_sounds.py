"""Gaps reach a plugin's process in parts of bounded size."""

from dataclasses import dataclass

import numpy as np
import pytest

from testbed.codecs.guarded.sounds import MOST_GAPS, sounds_of
from testbed.errors import PluginError


@dataclass(frozen=True)
class Gap:
    samples: int
    number: int


class Plugin:
    def __init__(self, extra=0):
        self.sizes = []
        self.extra = extra

    def sounds(self, items):
        self.sizes.append(len(items))
        for item in items:
            yield np.full(int(item["samples"]) + self.extra, int(item["number"]), np.int16)


def test_many_gaps_are_given_in_parts_and_their_sounds_keep_the_order():
    plugin = Plugin()
    gaps = [Gap(2, number) for number in range(2 * MOST_GAPS + 1)]
    assert [sound.tolist() for sound in sounds_of(plugin, gaps)] == [[gap.number] * 2 for gap in gaps]
    assert plugin.sizes == [MOST_GAPS, MOST_GAPS, 1]


def test_a_process_that_returns_another_length_is_refused():
    with pytest.raises(PluginError, match="returned 3 samples, not 2"):
        sounds_of(Plugin(extra=1), [Gap(2, 0)])
