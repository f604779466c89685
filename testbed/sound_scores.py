"""The scores of the sounds of some calls; calls with equal sound share them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from testbed.adaptive.played import Heard
from testbed.cache.call_cache import CallCache
from testbed.cache.keys import SoundKey
from testbed.codecs.pcm import float_from_int16
from testbed.conversation import conversational_mos
from testbed.errors import MetricError
from testbed.measurements import score
from testbed.metrics import CONVERSATIONAL, METRICS
from testbed.metrics.metric import Signal
from testbed.metrics.scorer import Score
from testbed.plan import CallId
from testbed.references import References
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
        return not self._missing(sound, self._heard_in(call)) and sound in self._scores

    def score(self, sound: SoundKey, calls: Sequence[CallId], heard: Heard) -> None:
        """Score a sound by each metric that any of its calls needs and that has not scored it."""
        self.admit(sound)
        missing = self._missing(sound, [name for call in calls for name in self._heard_in(call)])
        if missing:
            self._add(
                sound,
                missing,
                References(self._context.clip(calls[0]).pcm, heard.edits),
                float_from_int16(heard.pcm),
            )

    def add_to(self, row: dict[str, Any], sound: SoundKey, call: CallId) -> None:
        """Add to the row of a call the scores of the metrics that it needs, and no others.

        Raises
        ------
        MetricError
            One of them failed.
        """
        reasons = []
        for name in self._heard_in(call):
            found = _valid(self._scores[sound][name])
            row[name] = found.value
            if found.reason:
                reasons.append(f"{name}: {found.reason}")
        if CONVERSATIONAL in self._metrics_of(call):
            row[CONVERSATIONAL] = self._conversational(row, call)
        row["error"] = "; ".join(reasons)

    def _conversational(self, row: dict[str, Any], call: CallId) -> float:
        """Return the conversational quality of a call; NaN without a delay, or if its sound has no score."""
        conversation = self._context.scenario(call).conversation
        name, sound = conversation.metric, self._cache.keys.clean(self._context.clip(call))
        if self._missing(sound, [name]):
            clip = self._context.clip(call).pcm
            self._add(sound, [name], References(clip), clip)
        heard, undamaged = row[name], _valid(self._scores[sound][name]).value
        is_ceiling = self._context.scheme(call).is_ceiling
        delay_ms = 0.0 if is_ceiling else row["mouth_to_ear_ms"] + conversation.devices_ms
        is_known = math.isfinite(heard) and math.isfinite(delay_ms) and undamaged > 1
        return conversational_mos(heard, undamaged, delay_ms) if is_known else math.nan

    def _add(self, sound: SoundKey, metrics: Iterable[str], references: References, heard: Signal) -> None:
        scores = self._scores.setdefault(sound, {})
        for metric in metrics:
            try:
                found = score(metric, references.of(metric), heard)
            except MetricError as error:
                scores[metric] = error
            else:
                scores[metric] = found
                self._cache.keep_score(sound, self._engine, metric, found)

    def _missing(self, sound: SoundKey, metrics: Iterable[str]) -> list[str]:
        scores, missing = self._scores.get(sound, {}), []
        for name in dict.fromkeys(metrics):
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

    def _heard_in(self, call: CallId) -> list[str]:
        """Return the metrics that score the sound of a call."""
        return [name for name in self._metrics_of(call) if METRICS[name].hears]

    def _metrics_of(self, call: CallId) -> list[str]:
        language = self._context.clips[call.clip].language
        return self._context.scenario(call).metrics_of(call.realization, language)


def _valid(found: Score | MetricError) -> Score:
    """Return a score; raise the error of a metric that failed."""
    if isinstance(found, MetricError):
        raise found
    return found
