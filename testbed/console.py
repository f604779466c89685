"""Tables that the command line prints: clips, packaged scenarios, and the content of the cache."""

from pathlib import Path

from testbed.cache.sqlite_file import folder
from testbed.cache.terms import SIZE_VARIABLE, bound_bytes
from testbed.cache.upkeep import content
from testbed.scenario.document import read_document
from testbed.scenario.packaged import packaged_scenarios
from testbed.speech import list_clips
from testbed.words import aligned


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
    """Return the files, sizes and entries of the cache."""
    found = content(folder())
    rows = [
        ("file", str(found.path), "", ""),
        ("size", f"{found.disk_bytes / 1e6:.1f} MB", "", ""),
        ("largest", f"{bound_bytes() / 1e6:.0f} MB", f"({SIZE_VARIABLE})", ""),
        *(
            (kind, f"{size / 1e6:.1f} MB", f"{number} entries", "")
            for kind, (number, size) in found.entries.items()
        ),
    ]
    return "\n".join(aligned(rows))
