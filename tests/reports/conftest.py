import importlib.util
import sys
import types

import numpy as np

if importlib.util.find_spec("testbed.stats") is None:
    stand_in = types.ModuleType("testbed.stats")

    def _draws(clips):
        rng = np.random.default_rng(0)
        names = np.unique(clips)
        members = [np.flatnonzero(clips == n) for n in names]
        for _ in range(400):
            chosen = rng.integers(0, len(names), len(names))
            yield np.concatenate([rng.choice(members[c], len(members[c])) for c in chosen])

    def interval(values, clips):
        low, high = np.percentile([values[d].mean() for d in _draws(clips)], [2.5, 97.5])
        return values.mean(), low, high

    def ratio(won, lost, clips):
        low, high = np.percentile([won[d].mean() / lost[d].mean() for d in _draws(clips)], [2.5, 97.5])
        return won.mean() / lost.mean(), low, high

    stand_in.interval, stand_in.ratio = interval, ratio
    sys.modules["testbed.stats"] = stand_in
