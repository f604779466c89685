"""Kept files of a run, besides its table: clean speech, and the sound, packets and timelines of calls.

If one cannot be written, the run continues, and the row has the reason.
"""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.files import written_whole
from testbed.timeline import NEVER

if TYPE_CHECKING:
    from testbed.call import Simulation
    from testbed.plan import CallId
    from testbed.run_context import RunContext

KEEPABLE = ("audio", "packets", "timelines")
_KEPT = re.compile(
    r"(examples|audio|packets|timelines)/"
    r"(clean[a-z0-9-]*|\d{3,}-\d{2,}-[a-z0-9-]*-\d{3,}-\d{3,})\.(flac|wav|parquet|(sent|received)\.pcap)"
)
CLEAN_EXAMPLE = "examples/clean.flac"
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


def keep_clean(context: "RunContext") -> list[str]:
    """Write the clean speech of the example, with ``--save audio`` of each clip; return the failures."""
    wanted = [(context.folder / CLEAN_EXAMPLE, context.clips[0].pcm)]
    if "audio" in context.save:
        wanted += [
            (context.folder / "audio" / f"clean-{index:03d}-{slug(clip.name)}.wav", clip.pcm)
            for index, clip in enumerate(context.clips)
        ]
    return [reason for path, pcm in wanted for reason in _reasons(_write_sound, path, pcm)]


def keep_sound(context: "RunContext", call: "CallId", pcm: NDArray[np.int16]) -> list[str]:
    """Write a call's sound if it is to be kept; return the failures."""
    stem, reasons = file_stem(context, call), []
    if call in context.examples:
        reasons += _reasons(_write_sound, context.folder / "examples" / f"{stem}.flac", pcm)
    if "audio" in context.save:
        reasons += _reasons(_write_sound, context.folder / "audio" / f"{stem}.wav", pcm)
    return reasons


def keep_timeline(context: "RunContext", call: "CallId", simulation: "Simulation") -> list[str]:
    """Write a call's timeline and packets if they are to be kept; return the failures."""
    stem, reasons = file_stem(context, call), []
    if call in context.examples:
        reasons += _reasons(simulation.timeline.write, context.folder / "examples" / f"{stem}.parquet")
    if "timelines" in context.save:
        reasons += _reasons(simulation.timeline.write, context.folder / "timelines" / f"{stem}.parquet")
    if "packets" in context.save:
        from testbed.pcap import write_pcap

        sent = [(packet.sent_ns, packet.payload) for packet in simulation.sent]
        timeline = simulation.timeline
        arrivals = zip(timeline.arrived_ns[timeline.is_sent].tolist(), sent, strict=True)
        received = sorted((at_ns, data) for at_ns, (_, data) in arrivals if at_ns != NEVER)
        reasons += _reasons(write_pcap, context.folder / "packets" / f"{stem}.sent.pcap", sent)
        reasons += _reasons(write_pcap, context.folder / "packets" / f"{stem}.received.pcap", received)
    return reasons


def _reasons(write: Callable[..., None], path: Path, *content: Any) -> list[str]:
    try:
        path.parent.mkdir(exist_ok=True)  # not the run's folder, which the user may have moved
        write(path, *content)
    except OSError as error:
        return [f"{NOT_KEPT}: {path.parent.name}/{path.name} ({error.strerror or error})"]
    return []


def _write_sound(path: Path, pcm: NDArray[Any]) -> None:
    import soundfile

    # libsndfile does not report a full disk, so it writes to memory.
    sound = io.BytesIO()
    soundfile.write(sound, pcm, SAMPLE_RATE_HZ, format=path.suffix[1:].upper(), subtype="PCM_16")
    with written_whole(path) as temporary:
        temporary.write_bytes(sound.getbuffer())
