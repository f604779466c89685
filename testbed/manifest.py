"""The manifest of a run: everything that shaped its numbers, so that it can be repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from testbed.codecs.schemes import NO_LOSS
from testbed.diagnosis import Diagnosis
from testbed.environment import modules_sha256, plugin_hashes, versions
from testbed.example_choice import calls_of, first_trial
from testbed.kept_files import clean_example, clips_of_examples, file_stem
from testbed.metrics import METRICS
from testbed.plan import CallId, Plan
from testbed.provenance import Provenance, testbed_version
from testbed.run_context import RunContext
from testbed.scenario.models import Point


def shared_entries(
    origin: Provenance,
    points: Sequence[Point[Any]],
    rows: int,
    warnings: Sequence[str],
    seeds: Mapping[str, str],
) -> dict[str, Any]:
    """Return the entries that the manifests of both kinds of study have.

    Parameters
    ----------
    origin
        Provenance, known since the start of the run.
    points
        The points of the scenario.
    rows
        Number of rows of the table.
    warnings
        Warnings for the reader of the numbers.
    seeds
        Derivation of random streams from the scenario's seed, by purpose.
    """
    return {
        **origin.as_manifest(),
        "testbed": {**testbed_version(), "modules_sha256": modules_sha256()},
        "swept": list(origin.scenario.grid.values),
        "points": [point.parameters for point in points],
        "versions": versions([point.scenario for point in points]),
        "plugins": plugin_hashes([point.scenario for point in points]),
        "seeds": {"scenario": origin.scenario.seed, **seeds},
        "rows": rows,
        "warnings": [*warnings],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def make_manifest(
    plan: Plan,
    context: RunContext,
    rows: int,
    warnings: Sequence[str],
    diagnosed: Sequence[Diagnosis] | None,
    origin: Provenance,
) -> dict[str, Any]:
    """Return the manifest of a run of calls, ready for JSON.

    Parameters
    ----------
    rows, warnings, origin
        See `shared_entries`.
    diagnosed
        Problems of each scheme at each point; None before the diagnosis.
    """
    seeds = {"channel": "SHA-256 of seed, clip, realization and stage name"}
    if context.mixer is not None:
        seeds["mixing"] = "SHA-256 of seed and clip"
    return {
        **shared_entries(origin, plan.points, rows, warnings, seeds),
        "own_point": plan.own_point,
        "scheme_names": [scheme.name for scheme in plan.schemes[0]],
        "ceiling": NO_LOSS,
        "baseline": _baseline(plan),
        "metrics": plan.scenario.metric_names,
        "scored_realizations": {
            metric.name: metric.part.realizations
            for metric in plan.scenario.metrics
            if metric.part.realizations is not None
        },
        "clips_not_scored": {
            name: clips
            for name in plan.scenario.metric_names
            if (clips := [each.name for each in context.clips if not METRICS[name].judges(each.language)])
        },
        "clips": [
            {
                "name": clip.name,
                "speaker": clip.speaker,
                "language": clip.language,
                "seconds": clip.seconds,
                "source": clip.source,
                "codec": clip.codec,
                "converted": clip.converted,
                "licence": clip.licence,
                "sha256": clip.sha256,
            }
            for clip in context.clips
        ],
        **_mixed(plan, context),
        "complete": rows == plan.calls,
        "save": sorted(context.save),
        "diagnoses": None if diagnosed is None else [asdict(each) for each in diagnosed],
        "examples": [
            {
                "point": call.point,
                "scheme": context.schemes[call.point][call.scheme].name,
                "clip": context.clips[call.clip].name,
                "realization": call.realization,
                "audio": f"examples/{file_stem(context, call)}.flac",
                "timeline": f"examples/{file_stem(context, call)}.parquet",
            }
            for call in _trial_by_trial(plan, context)
        ],
        "clean": [
            {"clip": context.clips[clip].name, "audio": clean_example(context, clip)}
            for clip in clips_of_examples(context)
        ],
    }


def _trial_by_trial(plan: Plan, context: RunContext) -> list[CallId]:
    """Return the examples, those of the trial that every run keeps first."""
    first = calls_of([first_trial(plan, context.clips)], plan, context.clips)

    def place(call: CallId) -> tuple[bool, int, int, int, int]:
        return (call not in first, call.point, call.clip, call.realization, call.scheme)

    return sorted(context.examples, key=place)


def _mixed(plan: Plan, context: RunContext) -> dict[str, Any]:
    """Return the recordings that are mixed into clips; nothing if none are."""
    if context.mixer is None:
        return {}
    mixtures = dict.fromkeys(point.scenario.speech.mixture for point in plan.points)
    return {"mixed": context.mixer.described(list(mixtures))}


def _baseline(plan: Plan) -> str | None:
    """Return the first scheme that is classic PLC alone."""
    names = (scheme.name for schemes in plan.schemes for scheme in schemes if scheme.is_baseline)
    return next(names, None)
