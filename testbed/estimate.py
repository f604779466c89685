"""Bitrates, time and disk that a study of calls needs, estimated from a sample of its calls."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from testbed import compilation
from testbed.calls import results_of
from testbed.codecs.engines import ENGINES
from testbed.codecs.opus.settings import EncoderSettings
from testbed.example_choice import MOST_TRIALS
from testbed.kept_files import clean_speech
from testbed.plan import CallId, Group, Plan
from testbed.run_context import RunContext
from testbed.run_estimate import MANY_TASKS, RunEstimate
from testbed.stopwatch import Stopwatch
from testbed.trials import MOST_SECONDS

_MOST_S = 6.0
"""Processor time for the sample; each scheme of the middle point takes what it takes."""
_MOST_POINTS = 5
_CALLS, _CALLS_OF_BATCH = 2, 12
"""Calls of a group for each choice of metrics; more if an engine decodes them together, which is cheaper."""
_LOADING_S = 4.0
"""Longest time to load kernels; compiling them takes longer, but only once after installation."""
_END_S, _CELL_S, _ROW_S = 2.0, 2.5e-3, 3e-4
"""Time of the answer and the page, for each scheme at a point, and to keep a row."""
_PAGE_BYTES, _CELL_BYTES, _CELLS_IN_PAGE, _ROW_BYTES = 150_000, 3000, 2000, 150
_BASE64 = 4 / 3
_SOUND_BYTES = 6_000_000
"""The page holds the examples' sounds, too, up to this size."""

_TIMINGS = ("seconds_encode", "seconds_simulate", "seconds_decode", "seconds_metrics")

Kind = tuple[str, bool, tuple[str, ...]]
"""Calls that cost about the same: name of the scheme, whether the loop is closed, and metrics."""


def estimate(plan: Plan, context: RunContext, report: Callable[[int, int], None]) -> RunEstimate:
    """Make calls of each scheme at the middle point, then at others, and estimate from these.

    Parameters
    ----------
    plan, context
        Those of the study.
    report
        Called with the number of groups made, and that of the whole sample.
    """
    begin_s = time.process_time()
    groups = list(_sample(plan))
    least = len(plan.schemes[groups[0].calls[0].point])
    report(0, len(groups))
    if compilation.is_needed(plan):
        compilation.compile_kernels(plan)
    begin_s += min(_LOADING_S, time.process_time() - begin_s)
    warm_up = Stopwatch()
    results_of(replace(context), [groups[0]])  # with a context of its own, so that its encoding is not kept
    warm_up_s, spent, sample = warm_up.seconds, Stopwatch(), _Sample(plan, context)
    for number, group in enumerate(groups, 1):
        sample.add(group)
        if number == 1:
            warm_up_s = max(0.0, warm_up_s - spent.seconds)
        total = min(len(groups), max(least, number, int(number * _MOST_S / spent.seconds)))
        report(number, total)
        if number == total:
            break
    cells = sum(map(len, plan.schemes))
    return RunEstimate(
        begin_s=begin_s,
        warm_up_s=warm_up_s,
        work_s=sample.work_s(),
        end_s=_END_S + _CELL_S * cells + _ROW_S * plan.calls,
        tasks=sum(1 for _ in islice(plan.tasks(), MANY_TASKS)),
        disk_bytes=_PAGE_BYTES
        + _CELL_BYTES * min(cells, _CELLS_IN_PAGE)
        + _ROW_BYTES * plan.calls
        + sample.kept_bytes(),
        failure=sample.failure,
        wire_kbps=sample.wire_kbps(),
    )


def _sample(plan: Plan) -> Iterator[Group]:
    """Yield groups of the middle point, one of the other kind of loop, and others, each with another clip."""
    last = len(plan.points) - 1
    is_closed = [point.scenario.is_closed_loop for point in plan.points]
    middle = (last + 1) // 2
    other = [index for index, closed in enumerate(is_closed) if closed != is_closed[middle]][:1]
    points = list(dict.fromkeys([middle, *other, 0, last, last // 4, 3 * last // 4]))[:_MOST_POINTS]
    clips = min(plan.clips, _MOST_POINTS)
    for index in range(max(len(points), clips)):
        point, clip = points[index % len(points)], index % clips * plan.clips // clips
        for scheme in range(len(plan.schemes[point])):
            encoding = plan.encoding_of[point, scheme]
            most = _CALLS_OF_BATCH if ENGINES[encoding.engine].uses_kernels else _CALLS
            calls = [
                CallId(point, scheme, clip, realization)
                for realizations in _by_metrics(plan).values()
                for realization in realizations[:most]
            ]
            yield Group(clip, encoding.settings, encoding.engine, encoding.batch_mb, sorted(calls))


def _by_metrics(plan: Plan, language: str = "") -> dict[tuple[str, ...], list[int]]:
    """Return the realizations by the metrics that score their calls with clips of a language."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for realization in range(plan.scenario.realizations):
        found[tuple(plan.scenario.metrics_of(realization, language))].append(realization)
    return found


class _Sample:
    """The costs of groups of calls, per second of speech."""

    def __init__(self, plan: Plan, context: RunContext) -> None:
        self.failure = ""
        self._plan = plan
        self._context = context
        self._costs: dict[Kind, list[float]] = defaultdict(list)
        self._encoding_costs: dict[tuple[int, EncoderSettings], float] = {}
        self._wire_kbps: dict[str, list[float]] = {}
        self._kept_bytes = Counter[str]()
        self._heard_s = self._examples_s = 0.0

    def add(self, group: Group) -> None:
        """Make the calls of a group."""
        watch = Stopwatch()
        results = results_of(self._context, [group])
        spent_s, first = watch.seconds, group.calls[0]
        scheme, scenario = self._context.scheme(first), self._context.scenario(first)
        clip, is_closed = self._context.clip(first), scenario.is_closed_loop
        self._heard_s += clip.seconds * len(group.calls)
        self._examples_s += clip.seconds * len(self._context.examples.intersection(group.calls))
        for files in results.files.values():
            for name, content in files.items():
                self._kept_bytes[name.partition("/")[0]] += len(content)
        made = {call: row for call, row in results.rows.items() if "wire_kbps" in row}
        rates = [float(row["wire_kbps"]) for row in made.values()]
        if first.point == len(self._plan.points) // 2:
            self._wire_kbps.setdefault(scheme.name, []).extend(rates)
        failed = [row["error"] for call, row in results.rows.items() if call not in made]
        self.failure = self.failure or next(iter(failed), "")
        timed = [row[name] for row in made.values() for name in _TIMINGS]
        if not sum(timed):
            return
        factor = spent_s / sum(timed) / clip.seconds  # rows do not have the time between their stages
        costs: dict[Kind, list[float]] = defaultdict(list)
        for call in sorted(made):
            encode_s, *others_s = (made[call][name] for name in _TIMINGS)
            kind = scheme.name, is_closed, tuple(scenario.metrics_of(call.realization, clip.language))
            costs[kind].append(factor * (sum(others_s) + encode_s * is_closed))
        if not is_closed:
            encode_s = sum(row["seconds_encode"] for row in made.values())
            self._encoding_costs.setdefault((group.clip, group.settings), factor * encode_s)
        for kind, found in costs.items():
            weights = np.ones(len(found))
            if scheme.is_ceiling:  # a group decodes and scores it once
                most = min(self._plan.scenario.realizations, ENGINES[group.engine].max_calls)
                weights[1:] = (most - 1) / max(1, len(found) - 1)
            self._costs[kind].append(float(np.average(found, weights=weights)))

    def work_s(self) -> float:
        """Return the processor time of all calls; NaN if none of the sample worked."""
        if not self._costs:
            return float("nan")
        speech_s = defaultdict[str, float](float)
        for clip in self._context.clips:
            speech_s[clip.language] += clip.seconds
        calls_s = 0.0
        for language, seconds in speech_s.items():
            for metrics, realizations in _by_metrics(self._plan, language).items():
                for (name, is_closed), uses in _uses(self._plan).items():
                    cost = self._cost((name, is_closed, metrics))
                    calls_s += seconds * uses * len(realizations) * cost
        open_loops = [
            encoding
            for encoding in self._plan.encodings
            if not self._plan.points[encoding.uses[0][0]].scenario.is_closed_loop
        ]
        encode = float(np.mean([*self._encoding_costs.values()])) if self._encoding_costs else 0.0
        return calls_s + sum(speech_s.values()) * len(open_loops) * encode

    def _cost(self, kind: Kind) -> float:
        """Return the mean cost of calls of a kind, or of those that are most like it in the sample."""
        for shared in (slice(0, 3), slice(1, 3), slice(2, 3), slice(0, 0)):
            costs = [
                cost for each, found in self._costs.items() if each[shared] == kind[shared] for cost in found
            ]
            if costs:
                break
        return float(np.mean(costs))

    def kept_bytes(self) -> float:
        """Return the size of the files kept besides the table, and of the sounds in the page."""
        clean = sum(len(content) for content in clean_speech(self._context).values())
        kept = sum(size for folder, size in self._kept_bytes.items() if folder != "examples")
        speech_s = self._plan.calls_per_clip * sum(clip.seconds for clip in self._context.clips)
        examples_s = min(speech_s, MOST_SECONDS, MOST_TRIALS * speech_s / self._plan.trials)
        examples = self._kept_bytes["examples"] / max(self._examples_s, 1.0) * examples_s
        return kept * speech_s / self._heard_s + clean + examples + min(_BASE64 * examples, _SOUND_BYTES)

    def wire_kbps(self) -> dict[str, float]:
        """Return the mean bitrate on the wire of each scheme of the middle point."""
        found = self._wire_kbps
        middle = self._plan.schemes[len(self._plan.points) // 2]
        return {
            scheme.name: float(np.mean(found[scheme.name])) if found.get(scheme.name) else float("nan")
            for scheme in middle
        }


def _uses(plan: Plan) -> Counter[tuple[str, bool]]:
    """Return the number of points with each scheme, by the kind of its loop."""
    return Counter(
        (scheme.name, point.scenario.is_closed_loop)
        for point, schemes in zip(plan.points, plan.schemes, strict=True)
        for scheme in schemes
    )
