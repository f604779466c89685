"""Tables that the command line prints: clips, scenarios, the cache's content, and the wobble of metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.cache.sqlite_file import folder
from testbed.cache.terms import SIZE_VARIABLE, bound_bytes
from testbed.cache.upkeep import content
from testbed.metrics import METRICS
from testbed.metrics.metric import Metric
from testbed.scenario.document import read_document
from testbed.scenario.packaged import packaged_scenarios
from testbed.speech import list_clips
from testbed.words import aligned

if TYPE_CHECKING:
    from testbed.wobble import Wobble


def clips() -> str:
    """Return a table of the clips on this machine."""
    rows = [("corpus", "clip", "speaker", "language", "codec", "seconds", "licence")]
    listed: set[Path] = set()  # `more` has the clips of `asterisk` too
    for corpus, its_clips in list_clips().items():
        for clip in (clip for clip in its_clips if clip.file not in listed):
            seconds = f"{clip.seconds:.1f}"
            rows.append((corpus, clip.name, clip.speaker, clip.language, clip.codec, seconds, clip.licence))
        listed |= {clip.file for clip in its_clips}
    return "\n".join(aligned(rows))


def scenarios() -> str:
    """Return a table of the packaged scenarios."""
    documents = {name: read_document(path, name, Path()) for name, path in packaged_scenarios().items()}
    ordered = sorted(documents, key=lambda name: "/" in name)
    return "\n".join(aligned([(name, documents[name].data["about"]) for name in ordered]))


def cache() -> str:
    """Return the file, the sizes and the entries of the cache."""
    found = content(folder())
    rows = [
        ("size", f"{found.disk_bytes / 1e6:.1f} MB", ""),
        ("largest", f"{bound_bytes() / 1e6:.1f} MB", SIZE_VARIABLE),
        *(
            (kind, f"{size / 1e6:.1f} MB", f"{number} entr{'y' if number == 1 else 'ies'}")
            for kind, (number, size) in found.entries.items()
        ),
    ]
    return "\n".join([str(found.path), *aligned(rows, right={1})])


def wobbles(found: "Sequence[Wobble]") -> str:
    """Return a table of the wobble of metrics."""
    rows = [("metric", "change", "single scores", "difference, one call", "difference, mean")]
    for each in found:
        metric = METRICS[each.metric]
        mean, low, high = (_rounded(value, "+", metric) for value in (each.mean, each.lowest, each.highest))
        one, all_ = (_rounded(value, "", metric) for value in (each.one_pair, each.mean_pair))
        rows.append((metric.label, each.change, f"{mean} [{low} to {high}]", one, all_))
    return "\n".join(aligned(rows))


def _rounded(value: float | None, sign: str, metric: Metric) -> str:
    return "–" if value is None else f"{value:{sign}z.{metric.decimals}f}"
