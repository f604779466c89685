"""All formats of recorded networks, and conversion between them.

A new format is one file that makes a `Format`, and one line here.
"""

from dataclasses import replace
from pathlib import Path

from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.channels.recordings.file import read_content
from testbed.channels.recordings.kind import decide
from testbed.errors import ChannelError
from testbed.registry import Registry
from testbed.traces.arrivals import CSV
from testbed.traces.capture import PCAP
from testbed.traces.delays import DELAY_PROFILE
from testbed.traces.delivery import MAHIMAHI
from testbed.traces.error_patterns import BYTES, WORDS
from testbed.traces.format import Format, StreamChoice
from testbed.traces.losses import DIGITS, OPUS_DEMO, PLC_CHALLENGE
from testbed.traces.measured import GETSTATS, WEBRTC_INTERNALS
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.ogg_opus import OGG_OPUS
from testbed.traces.recording import NetworkTrace, Recording, evenly_spaced
from testbed.traces.rtpdump import RTPDUMP
from testbed.traces.skew import with_skew

FORMATS: Registry[Format] = Registry(
    "format",
    {
        entry.name: entry
        for entry in (
            PCAP,
            RTPDUMP,
            OGG_OPUS,
            WORDS,
            BYTES,
            CSV,
            DELAY_PROFILE,
            MAHIMAHI,
            PLC_CHALLENGE,
            OPUS_DEMO,
            DIGITS,
            WEBRTC_INTERNALS,
            GETSTATS,
        )
    },
)
"""Formats by the names of `testbed.channels.recordings.kind`."""


def read(
    path: Path, name: str | None = None, choice: StreamChoice | None = None, remove_skew: bool | None = None
) -> tuple[Format, NetworkTrace]:
    r"""Read a recorded network.

    Parameters
    ----------
    path
        The file.
    name
        Its format's name; None to have `testbed.channels.recordings.kind` decide.
    choice
        The stream of a capture, and other facts that the file does not hold.
    remove_skew
        Whether to remove clock skew from delays; None: from captures only, which have two clocks.

    Returns
    -------
    tuple
        The file's format and the recording; its notes say if the format is in doubt.

    Raises
    ------
    UnknownNameError
        There is no format of this name.
    ChannelError
        The file cannot be read, or is not of the format.

    Examples
    --------
    >>> from pathlib import Path
    >>> from testbed.traces.formats import read
    >>> _ = Path("losses.txt").write_text("0\n1\n0\n0\n")
    >>> found, recorded = read(Path("losses.txt"))
    >>> found.name, recorded.lost.tolist()
    ('plc_challenge', [False, True, False, False])
    """
    content = read_content(path)
    if name is not None:
        found, doubt = FORMATS[name], ""
    else:
        found, doubt = _decided(content, path)
    trace = found.read(content, str(path), choice or StreamChoice())
    if isinstance(trace, Recording):
        trace = with_skew(trace, found.two_clocks if remove_skew is None else remove_skew)
    return found, replace(trace, notes=(doubt, *trace.notes)) if doubt else trace


def _decided(content: bytes, path: Path) -> tuple[Format, str]:
    """Return the format of a file, and the doubt about it or ""."""
    decision = decide(content, str(path))
    if decision.kind is None:
        raise ChannelError(f"{path}: {decision.doubt}")
    return FORMATS[decision.kind], decision.doubt


def of_suffix(path: Path) -> Format | None:
    """Return the format of a file name's suffix, the longest that fits."""
    ends = {end: entry for entry in FORMATS.values() for end in entry.suffixes}
    fitting = [end for end in ends if path.name.lower().endswith(end)]
    return ends[max(fitting, key=len)] if fitting else None


def write(
    path: Path, trace: NetworkTrace, name: str | None = None, interval_ms: float | None = None
) -> list[str]:
    """Write a recording in a format, by default that of the file name's suffix.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    trace
        The recording.
    name
        The format's name.
    interval_ms
        Packet interval for losses without times.

    Returns
    -------
    list
        Parts of the recording that the format does not keep.

    Raises
    ------
    UnknownNameError
        There is no format of this name.
    ChannelError
        The format cannot hold the recording.

    Examples
    --------
    >>> from testbed.traces.formats import write
    >>> write(Path("losses.g192"), recorded)
    []
    """
    target = FORMATS[name] if name is not None else of_suffix(path)
    if target is None:
        raise ChannelError(f"{path}: its suffix names no format: give --to ({', '.join(_writable())})")
    if isinstance(trace, DeliveryTrace):
        raise ChannelError(
            f"{path}: a delivery trace holds the capacity of a link, not the fate of packets, and cannot "
            f"become {target.name}; replay it with a link's 'trace' and record the run"
        )
    if isinstance(trace, MeasuredCall):
        raise ChannelError(
            f"{path}: statistics hold counts per interval, not the fate of packets, and cannot become "
            f"{target.name}; `testbed trace fit` writes them as a stage, measured"
        )
    if target.write is None:
        what = "can only be read"
        if target.keeps in ("capacity", "statistics"):
            what = f"holds a {'link' if target.keeps == 'capacity' else 'call'}'s {target.keeps}, which "
            what += "a recorded call does not show"
        raise ChannelError(f"{path}: {target.name} {what}; write one of {', '.join(_writable())}")
    if trace.send_ns is None and target.keeps == "times" and interval_ms is not None:
        trace = evenly_spaced(trace.lost, round(interval_ms * 1e6))
    try:
        target.write(path, trace)
    except ChannelError as error:
        raise error if str(error).startswith(str(path)) else ChannelError(f"{path}: {error}") from None
    return _not_kept(target, trace)


def _writable() -> list[str]:
    return [entry.name for entry in FORMATS.values() if entry.write is not None]


def _not_kept(target: Format, trace: Recording) -> list[str]:
    missing = []
    if target.keeps == "losses" and trace.send_ns is not None:
        missing.append(f"{target.name} holds losses only: times of sending and arrival are not kept")
    if trace.duplicates:
        missing.append(f"{trace.duplicates} duplicates are not kept: the first copy counts")
    if target.two_clocks and trace.rtp is None:
        missing.append("packets become RTP headers without a payload")
    if target.two_clocks and (trace.lost[0] or trace.lost[-1]):
        missing.append("packets lost before the first arrival and after the last leave no mark in a capture")
    return missing
