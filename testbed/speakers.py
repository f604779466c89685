"""Speakers as the sample of a run, where they are known and enough.

Clips of one speaker resemble each other, so intervals that resample clips are too narrow for other speakers.
With ten speakers of five clips each, and a tenth, a fifth or two fifths of the variance between speakers,
they cover the true value in 91, 87 and 79 % of cases, not 95 %. Intervals that resample whole speakers cover
95 % in all of these cases, and are 9 % wider where speakers do not differ. `tests/testbed/test_stats.py`
measures the coverage.
"""

from collections.abc import Collection, Mapping
from typing import Any

from testbed.choice import FEWEST_CLIPS

FEWEST_SPEAKERS = FEWEST_CLIPS
"""Fewest speakers that are resampled; no scheme is recommended with fewer units of any kind. With fewer
speakers the clips are the sample, and the intervals hold for other clips of these speakers."""


def known_speakers(manifest: Mapping[str, Any], clips: Collection[str]) -> dict[str, str]:
    """Return the speaker of each clip; empty unless all are known and some have several clips."""
    named = {clip.get("name"): clip.get("speaker") for clip in manifest.get("clips") or ()}
    speakers = {clip: str(named.get(clip) or "") for clip in clips}
    several = len(set(speakers.values())) < len(speakers)
    return speakers if several and all(speakers.values()) else {}


def resampled_speakers(manifest: Mapping[str, Any], clips: Collection[str]) -> dict[str, str]:
    """Return the speaker of each clip if speakers are the sample; empty if the clips are.

    Parameters
    ----------
    manifest
        Of the run.
    clips
        The clips of the run's rows.
    """
    speakers = known_speakers(manifest, clips)
    return speakers if len(set(speakers.values())) >= FEWEST_SPEAKERS else {}
