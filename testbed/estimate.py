"""Bitrate of each scheme, time and disk that a study of calls needs, estimated from short calls."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from testbed.calls import results_of
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.measurements import identity
from testbed.plan import CallId, Group, Plan
from testbed.run_context import RunContext
from testbed.speech import Clip
from testbed.words import duration

_TRIAL_S = 5
_PAGE_BYTES, _ROW_BYTES = 500_000, 500
_BASE64 = 4 / 3
"""The page holds the examples' sounds, too."""


@dataclass(frozen=True)
class RunEstimate:
    """The need of a study.

    Attributes
    ----------
    wire_kbps
        Bitrate on the wire of each scheme at the middle point; NaN where its call failed.
    seconds
        Processor time; NaN if all calls failed.
    disk_bytes
        Size of the run's folder.
    failure
        Reason of the first failure; "" if no call failed.
    """

    wire_kbps: dict[str, float]
    seconds: float
    disk_bytes: float
    failure: str

    def lines(self, jobs: int) -> list[str]:
        """Return it in words, for a number of processes."""
        if np.isnan(self.seconds):
            return [f"no estimate, because a call of {_TRIAL_S} s failed: {self.failure}"]
        width = max(map(len, self.wire_kbps))
        rates = [
            f"  {name:{width}}  {'-' if np.isnan(kbps) else f'{kbps:.0f}':>4}"
            for name, kbps in self.wire_kbps.items()
        ]
        each_s = self.seconds / jobs
        wall = f"about {duration(each_s)}" if each_s >= 1 else "less than 1 s"
        in_all = f"{wall} in {jobs} process{'es' * (jobs > 1)}"
        return [
            "kb/s on the wire, about (payload, RTP, UDP and IPv4):",
            *rates,
            f"{in_all}, {self.disk_bytes / 1e6:.0f} MB on disk",
        ]


def estimate(plan: Plan, clips: Sequence[Clip], save: frozenset[str]) -> RunEstimate:
    """Make one short call per scheme of the middle point, and estimate from these.

    Parameters
    ----------
    plan
        The plan of the study.
    clips
        Its speech.
    save
        Files to keep of every call.
    """
    groups = _trial_groups(plan)
    short = replace(clips[0], pcm=clips[0].pcm[: _TRIAL_S * SAMPLE_RATE_HZ])
    calls = frozenset(call for group in groups for call in group.calls)
    context = RunContext(plan.points, plan.schemes, [short], save, calls)
    tried = [results_of(context, [group]) for group in groups]
    rows = {call: row for results in tried for call, row in results.rows.items()}
    sizes = Counter[str]()
    for files in (files for results in tried for files in results.files.values()):
        for name, content in files.items():
            sizes[name.partition("/")[0]] += len(content)
    named = {identity(context, call)["scheme"]: row for call, row in sorted(rows.items())}
    rates = {name: float(row.get("wire_kbps", np.nan)) for name, row in named.items()}
    failure = next((row["error"] for row in rows.values() if "wire_kbps" not in row), "")
    tried_s = short.seconds * len(rows)
    heard_s = plan.calls_per_clip * sum(clip.seconds for clip in clips)
    kept = sum(size for name, size in sizes.items() if name != "examples") * heard_s / tried_s
    examples = sizes["examples"] * clips[0].seconds / short.seconds * (1 + _BASE64)
    return RunEstimate(
        rates,
        processor_seconds(plan, clips, list(rows.values()), heard_s),
        _PAGE_BYTES + _ROW_BYTES * plan.calls + kept + examples,
        failure,
    )


def _trial_groups(plan: Plan) -> list[Group]:
    """Return a group per scheme of the middle point, for libopus: kernels take a minute to compile."""
    point = len(plan.points) // 2
    return [
        Group(0, encoding.settings, "libopus", encoding.batch_mb, [CallId(point, scheme, 0, 0)])
        for encoding in plan.encodings
        for used_at, scheme in encoding.uses
        if used_at == point
    ]


def processor_seconds(
    plan: Plan, clips: Sequence[Clip], rows: Sequence[dict[str, Any]], heard_s: float
) -> float:
    """Return the processor time of all calls; NaN if the calls tried failed.

    Parameters
    ----------
    rows
        Of the calls tried. The first does not count: its call loads the libraries.
    heard_s
        Duration of all calls.
    """
    whole_rows = [row for row in rows[1:] if "wire_kbps" in row]
    if not whole_rows:
        return float("nan")
    mean = {
        name: np.mean([row[f"seconds_{name}"] for row in whole_rows])
        for name in ("encode", "simulate", "decode", "metrics")
    }
    encodings = len({encoding.settings for encoding in plan.encodings})
    encoded_s = encodings * sum(clip.seconds for clip in clips)
    if plan.scenario.is_closed_loop:
        encoded_s = heard_s
    tried_s = min(_TRIAL_S, clips[0].seconds)
    of_calls = mean["simulate"] + mean["decode"] + mean["metrics"]
    return float(mean["encode"] * encoded_s + of_calls * heard_s) / tried_s
