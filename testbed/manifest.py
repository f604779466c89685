"""The manifest of a run: everything that shaped its numbers, so that it can be repeated."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from testbed.codecs.opus.capabilities import capabilities
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.schemes import NO_LOSS
from testbed.diagnosis import Diagnosis
from testbed.kept_files import CLEAN_EXAMPLE, file_stem
from testbed.metrics import METRICS, packages
from testbed.plan import Plan
from testbed.plugins import versions_used
from testbed.provenance import Provenance
from testbed.run_context import RunContext
from testbed.scenario.base import BaseScenario

_SHAPE_NUMBERS = ("speech-testbed", "numpy", "scipy", "numba", "pandas", "simpy", "soxr", "soundfile")
"""Packages whose versions can change a number in the table, besides those of the metrics."""


def make_manifest(
    whole: Plan,
    context: RunContext,
    rows: int,
    warnings: Sequence[str],
    diagnosed: Sequence[Diagnosis] | None,
    origin: Provenance,
) -> dict[str, Any]:
    """Return the manifest of a run, ready for JSON.

    Parameters
    ----------
    rows
        Number of rows of the table.
    warnings
        Warnings for the reader of the numbers.
    diagnosed
        Problems of each scheme at each point; None before the diagnosis.
    origin
        Provenance, known since the start of the run.
    """
    scenario = whole.scenario
    return {
        **origin.as_manifest(),
        "scheme_names": [scheme.name for scheme in whole.schemes[0]],
        "ceiling": NO_LOSS,
        "baseline": _baseline(whole),
        "metrics": list(scenario.metrics),
        "swept": list(scenario.sweep),
        "points": [point.parameters for point in whole.points],
        "versions": versions([point.scenario for point in whole.points]),
        "seeds": {"scenario": scenario.seed, "channel": "SHA-256 of seed, clip, realization and stage name"},
        "clips": [
            {
                "name": clip.name,
                "speaker": clip.speaker,
                "language": clip.language,
                "seconds": len(clip.pcm) / SAMPLE_RATE_HZ,
                "source": clip.source,
                "converted": clip.converted,
                "licence": clip.licence,
                "sha256": clip.sha256,
            }
            for clip in context.clips
        ],
        "complete": rows == whole.calls,
        "rows": rows,
        "save": sorted(context.save),
        "warnings": [*warnings],
        "diagnoses": None if diagnosed is None else [asdict(each) for each in diagnosed],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "examples": [
            {
                "point": call.point,
                "scheme": context.schemes[call.point][call.scheme].name,
                "clip": context.clips[call.clip].name,
                "realization": call.realization,
                "audio": f"examples/{file_stem(context, call)}.flac",
                "timeline": f"examples/{file_stem(context, call)}.parquet",
            }
            for call in sorted(context.examples)
        ],
        "clean": [{"clip": context.clips[0].name, "audio": CLEAN_EXAMPLE}],
    }


def _baseline(whole: Plan) -> str | None:
    """Return the first scheme that is classic PLC alone."""
    names = (scheme.name for schemes in whole.schemes for scheme in schemes if scheme.is_baseline)
    return next(names, None)


def versions(scenarios: Sequence[BaseScenario]) -> dict[str, str]:
    """Return the versions of everything that shapes a number, the plugins that scenarios name included."""
    found = {"python": platform.python_version(), "libopus": capabilities().version}
    used = {name for scenario in scenarios for name in getattr(scenario, "metrics", ())}
    metrics = [METRICS[name] for name in METRICS if name in METRICS.builtin or name in used]
    for package in (*_SHAPE_NUMBERS, *packages(metrics)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | versions_used(scenarios)
