"""The context of a run: what its calls have in common, sent to each process once."""

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.cache.terms import CacheTerms
from testbed.codecs.schemes import SchemeSpec
from testbed.mixing import Mixer
from testbed.plan import CallId
from testbed.scenario.loading import Point, Scenario
from testbed.speech import Clip


@dataclass(frozen=True, eq=False)
class RunContext:
    """The points, schemes and clips of a run, and what it keeps of calls.

    Attributes
    ----------
    points, schemes
        See `testbed.plan.Plan`.
    clips
        The speech, before anything is mixed into it.
    save
        Files to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    examples
        The calls that the report plays and draws.
    cache
        The use of the cache; None: nothing is taken from it or kept in it.
    mixer
        Mixes noise and talkers into the clips; None: they are sent as they are.
    """

    points: Sequence[Point[Scenario]]
    schemes: Sequence[Sequence[SchemeSpec]]
    clips: Sequence[Clip]
    save: frozenset[str]
    examples: frozenset[CallId]
    cache: CacheTerms | None = None
    mixer: Mixer | None = None

    def scenario(self, call: CallId) -> Scenario:
        """Return the scenario of a call's point."""
        return self.points[call.point].scenario

    def scheme(self, call: CallId) -> SchemeSpec:
        """Return a call's scheme."""
        return self.schemes[call.point][call.scheme]

    def clip(self, call: CallId) -> Clip:
        """Return a call's clip, as it is sent."""
        return self.clip_at(call.point, call.clip)

    def clip_at(self, point: int, clip: int) -> Clip:
        """Return a clip as it is sent at a point."""
        if self.mixer is None:
            return self.clips[clip]
        return self.mixer.clip(clip, self.points[point].scenario.speech.mixture)
