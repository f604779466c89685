"""Kept files of a run, besides its table: clean speech, and the sound, packets and timelines of calls.

If one cannot be written, the run continues, and the row has the reason.
"""

import io
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.files import written_whole
from testbed.timeline import NEVER
from testbed.trials import MOST_SECONDS_OF_SOUND

if TYPE_CHECKING:
    from testbed.call import Simulation
    from testbed.plan import CallId
    from testbed.run_context import RunContext

KEEPABLE = ("audio", "packets", "timelines")
_KEPT = re.compile(
    r"(examples|audio|packets|timelines)/"
    r"(clean[a-z0-9-]*|\d{3,}-\d{2,}-[a-z0-9-]*-\d{3,}-\d{3,})\.(flac|wav|parquet|(sent|received)\.pcap)"
)
NOT_KEPT = "not kept"
"""Beginning of a reason that concerns a file and not a measurement."""


def is_kept_file(name: str) -> bool:
    """Return True if a path in a run's folder is that of a kept file."""
    return bool(_KEPT.fullmatch(name))


def slug(words: str) -> str:
    """Return words as a part of a file name that is safe on any system."""
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in words).lower().split())[:80]


def file_stem(context: "RunContext", call: "CallId") -> str:
    """Return a file name for a call that is safe on any system and unique in its run."""
    words = slug(f"{context.schemes[call.point][call.scheme].name} {context.clips[call.clip].name}")
    return f"{call.point:03d}-{call.scheme:02d}-{words}-{call.clip:03d}-{call.realization:03d}"


def keeps_sound(context: "RunContext", call: "CallId") -> bool:
    """Return True if a call's sound is kept."""
    return call in context.examples or "audio" in context.save


def keeps_timeline(context: "RunContext", call: "CallId") -> bool:
    """Return True if a call's timeline is kept."""
    return call in context.examples or "timelines" in context.save


def keeps_packets(context: "RunContext") -> bool:
    """Return True if the packets of calls are kept."""
    return "packets" in context.save


def lacks_files(context: "RunContext", call: "CallId", there: Container[str]) -> bool:
    """Return True if a file of a call that is to be kept is not there.

    Parameters
    ----------
    there
        Paths of the files in the run's folder.
    """
    stem, names = file_stem(context, call), list[str]()
    if call in context.examples:
        names += [f"examples/{stem}.flac", f"examples/{stem}.parquet"]
    if "audio" in context.save:
        names.append(f"audio/{stem}.wav")
    if "timelines" in context.save:
        names.append(f"timelines/{stem}.parquet")
    if "packets" in context.save:
        names += [f"packets/{stem}.sent.pcap", f"packets/{stem}.received.pcap"]
    return any(name not in there for name in names)


def clean_example(context: "RunContext", clip: int) -> str:
    """Return the path of the clean speech of an example."""
    return f"examples/clean-{clip:03d}-{slug(context.clips[clip].name)}.flac"


def clips_of_examples(context: "RunContext") -> list[int]:
    """Return the clips of the examples."""
    return sorted({call.clip for call in context.examples})


def clean_speech(context: "RunContext") -> dict[str, bytes]:
    """Return the clips of the examples, with ``--save audio`` all clips, with nothing mixed in, by path."""
    files = {
        clean_example(context, clip): _example(context.clips[clip].pcm) for clip in clips_of_examples(context)
    }
    if "audio" in context.save:
        for index, clip in enumerate(context.clips):
            files[f"audio/clean-{index:03d}-{slug(clip.name)}.wav"] = _sound("wav", clip.pcm)
    return files


def sounds(context: "RunContext", call: "CallId", pcm: NDArray[np.int16]) -> dict[str, bytes]:
    """Return the files of a call's sound that are to be kept."""
    stem, files = file_stem(context, call), {}
    if call in context.examples:
        files[f"examples/{stem}.flac"] = _example(pcm)
    if "audio" in context.save:
        files[f"audio/{stem}.wav"] = _sound("wav", pcm)
    return files


def timelines(context: "RunContext", call: "CallId", table: bytes) -> dict[str, bytes]:
    """Return the files of a call's timeline, a Parquet file, that are to be kept."""
    folders = [
        *(["examples"] if call in context.examples else []),
        *(["timelines"] if "timelines" in context.save else []),
    ]
    return {f"{folder}/{file_stem(context, call)}.parquet": table for folder in folders}


def packets(context: "RunContext", call: "CallId", simulation: "Simulation") -> dict[str, bytes]:
    """Return the files of a call's packets."""
    from testbed.pcap import pcap

    stem, timeline = file_stem(context, call), simulation.timeline
    sent = [(packet.sent_ns, packet.payload) for packet in simulation.sent]
    arrivals = zip(timeline.arrived_ns[timeline.is_sent].tolist(), sent, strict=True)
    received = sorted((at_ns, data) for at_ns, (_, data) in arrivals if at_ns != NEVER)
    return {f"packets/{stem}.sent.pcap": pcap(sent), f"packets/{stem}.received.pcap": pcap(received)}


def keep(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write files into the run's folder; they are on disk when this returns. Return the failures."""
    reasons = []
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(exist_ok=True)  # not the run's folder, which the user may have moved
            with written_whole(path) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            reasons.append(f"{NOT_KEPT}: {name} ({error.strerror or error})")
    return reasons


def _example(pcm: NDArray[Any]) -> bytes:
    return _sound("flac", pcm[: MOST_SECONDS_OF_SOUND * SAMPLE_RATE_HZ])


def _sound(kind: str, pcm: NDArray[Any]) -> bytes:
    import soundfile

    sound = io.BytesIO()
    soundfile.write(sound, pcm, SAMPLE_RATE_HZ, format=kind.upper(), subtype="PCM_16")
    return sound.getvalue()
