"""The sound of gaps from concealers that are not the testbed's own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.concealers.concealer import GapToFill
from testbed.codecs.concealers.filling import filled
from testbed.codecs.engines.concealment_stream import Gap
from testbed.codecs.features import features_of_signals
from testbed.codecs.guarded.sounds import MOST_GAPS
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16
from testbed.kernels.bark import FRAME

_FULL_SCALE = np.float32(32768)


def past_samples(concealer: PlacedConcealer) -> int:
    """Return the samples before a gap that a concealer is given."""
    return concealer.parameters.past_ms * SAMPLE_RATE_HZ // 1000


def fill_gaps(gaps: Sequence[Gap], weights: Path) -> list[Pcm16]:
    """Return the sound of gaps of different streams, and add it to the streams' histories.

    Raises
    ------
    PluginError
        A concealer fails.
    """
    made: dict[int, Pcm16] = {}
    for concealer in dict.fromkeys(gap.concealer for gap in gaps):
        if concealer is not None:
            places = [place for place, gap in enumerate(gaps) if gap.concealer == concealer]
            sounds = _of_concealer(concealer, [gaps[place] for place in places], weights)
            made.update(zip(places, sounds, strict=True))
    for place, gap in enumerate(gaps):
        gap.stream.add_concealed(made[place])
    return [made[place] for place in range(len(gaps))]


def _of_concealer(concealer: PlacedConcealer, gaps: Sequence[Gap], weights: Path) -> list[Pcm16]:
    """Return the sound of the gaps of one concealer; equal gaps are filled once."""
    pasts = [gap.past(past_samples(concealer)) for gap in gaps]
    keys = [
        (past.tobytes(), gap.given.tobytes(), gap.known.tobytes(), gap.seed)
        for past, gap in zip(pasts, gaps, strict=True)
    ]
    first = {key: place for place, key in reversed([*enumerate(keys)])}
    made: dict[object, Pcm16] = {}
    places = sorted(first.values())
    for begin in range(0, len(places), MOST_GAPS):
        part = places[begin : begin + MOST_GAPS]
        features = features_of_signals(_FULL_SCALE * np.stack([pasts[place] for place in part]), weights)
        sounds = filled(
            concealer,
            [
                GapToFill(
                    past=pasts[place],
                    past_features=past_features,
                    samples=gaps[place].frames * FRAME,
                    features=gaps[place].given,
                    known=gaps[place].known,
                    seed=gaps[place].seed,
                )
                for place, past_features in zip(part, features, strict=True)
            ],
        )
        made.update(zip([keys[place] for place in part], sounds, strict=True))
    return [made[key] for key in keys]
