"""The scores of the sounds of some calls; calls with equal sound share them."""

from collections.abc import Sequence
from typing import Any

from testbed.cache.call_cache import CallCache
from testbed.cache.keys import SoundKey
from testbed.codecs.pcm import Pcm16, float_from_int16
from testbed.errors import MetricError
from testbed.measurements import score
from testbed.metrics.scorer import Score
from testbed.plan import CallId
from testbed.run_context import RunContext


class SoundScores:
    """Scores by sound and metric: those of the cache, and new ones, which it keeps.

    Parameters
    ----------
    context
        The run.
    cache
        The cache.
    engine
        Name of the engine that decodes the sounds.
    """

    def __init__(self, context: RunContext, cache: CallCache, engine: str) -> None:
        self._context = context
        self._cache = cache
        self._engine = engine
        self._scores: dict[SoundKey, dict[str, Score | MetricError]] = {}
        self._not_cached: set[tuple[SoundKey, str]] = set()

    def admit(self, sound: SoundKey) -> None:
        """Note that a sound was decoded before, by whatever metrics it was scored."""
        self._scores.setdefault(sound, {})

    def has(self, sound: SoundKey, call: CallId) -> bool:
        """Return whether a sound was decoded and has the scores that a call needs."""
        return not self._missing(sound, [call]) and sound in self._scores

    def score(self, sound: SoundKey, calls: Sequence[CallId], pcm: Pcm16) -> None:
        """Score a sound by each metric that any of its calls needs and that has not scored it."""
        self.admit(sound)
        missing = self._missing(sound, calls)
        if not missing:
            return
        clip, heard = self._context.clip(calls[0]).pcm, float_from_int16(pcm)
        for metric in missing:
            try:
                found = score(metric, clip, heard)
            except MetricError as error:
                self._scores[sound][metric] = error
            else:
                self._scores[sound][metric] = found
                self._cache.keep_score(sound, self._engine, metric, found)

    def add_to(self, row: dict[str, Any], sound: SoundKey, call: CallId) -> None:
        """Add to the row of a call the scores of the metrics that it needs, and no others.

        Raises
        ------
        MetricError
            One of them failed.
        """
        reasons = []
        for name in self._metrics_of(call):
            found = self._scores[sound][name]
            if isinstance(found, MetricError):
                raise found
            row[name] = found.value
            if found.reason:
                reasons.append(f"{name}: {found.reason}")
        row["error"] = "; ".join(reasons)

    def _missing(self, sound: SoundKey, calls: Sequence[CallId]) -> list[str]:
        scores, missing = self._scores.get(sound, {}), []
        for name in dict.fromkeys(name for call in calls for name in self._metrics_of(call)):
            if name in scores:
                continue
            if (sound, name) not in self._not_cached:
                kept = self._cache.score(sound, self._engine, name)
                if kept is not None:
                    self._scores.setdefault(sound, {})[name] = kept
                    continue
                self._not_cached.add((sound, name))
            missing.append(name)
        return missing

    def _metrics_of(self, call: CallId) -> list[str]:
        language = self._context.clip(call).language
        return self._context.scenario(call).metrics_of(call.realization, language)
