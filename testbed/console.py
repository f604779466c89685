"""Texts of the command line: the lists of clips and of packaged scenarios."""

from collections.abc import Sequence
from pathlib import Path

from testbed.scenario.document import read_document
from testbed.scenario.packaged import packaged_scenarios
from testbed.speech import list_clips


def clips() -> str:
    """Return a table of the clips on this machine."""
    rows = [("corpus", "clip", "speaker", "language", "seconds", "licence")]
    for corpus, its_clips in list_clips().items():
        for clip in its_clips:
            rows.append((corpus, clip.name, clip.speaker, clip.language, f"{clip.seconds:.1f}", clip.licence))
    return columns(rows)


def scenarios() -> str:
    """Return a table of the packaged scenarios."""
    documents = {name: read_document(path, name, Path()) for name, path in packaged_scenarios().items()}
    ordered = sorted(documents, key=lambda name: "/" in name)
    return columns([(name, documents[name].data["about"]) for name in ordered])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of words as aligned columns."""
    widths = [max(len(word) for word in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows)
