"""What one must know about a run before one believes its numbers, in sentences."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from testbed.diagnosis import Diagnosis, lateness
from testbed.observed import Case, cases
from testbed.pause_caveats import pause_caveats
from testbed.recording_caveats import recording_caveats
from testbed.rows import to_int16
from testbed.speech import Clip
from testbed.speech_caveats import speech_caveats
from testbed.sufficient import advice
from testbed.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd


_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def caveats(
    whole: Plan, clips: Sequence[Clip], table: "pd.DataFrame", diagnosed: Sequence[Diagnosis]
) -> list[str]:
    """Return what must be said of a run, finished or not.

    Parameters
    ----------
    whole
        What was to be done.
    clips
        Its speech.
    table
        A row for each call that was.
    diagnosed
        The problems of its schemes.
    """
    return [
        *_failures(table),
        *speech_caveats(clips, table),
        *pause_caveats(whole, table),
        *recording_caveats(whole),
        *_problems(whole, clips, table, diagnosed),
    ]


def _failures(table: "pd.DataFrame") -> list[str]:
    failed = table[table["payload_kbps"].isna()]
    if failed.empty:
        return []
    return [f"{len(failed)} of {len(table)} calls failed; the first: {failed['error'].iloc[0]}"]


def _problems(
    whole: Plan, clips: Sequence[Clip], table: "pd.DataFrame", diagnosed: Sequence[Diagnosis]
) -> list[str]:
    """Tell each problem of a scheme once: where it was met first, and at how many points more.

    Two texts are alike if they differ in numbers only. Packets that come late with every scheme are the
    receiver's affair, and told of it.
    """
    met: dict[int, dict[str, Case]] = defaultdict(dict)
    for case in cases(whole, table):
        met[case.point][case.scheme.name] = case
    late = Counter(each.point for each in diagnosed if each.kind == "late")
    told: dict[tuple[str, str], list[Diagnosis]] = defaultdict(list)
    for each in diagnosed:
        if each.kind == "late" and 1 < late[each.point] == len(met[each.point]):
            told["", each.kind].append(each)
        else:
            told[each.scheme, _NUMBER.sub("0", each.text)].append(each)
    said = []
    for (scheme, _), found in told.items():
        first = found[0]
        text = first.text
        if not scheme:
            text = f"playout: {lateness(list(met[first.point].values()))}"
        elif first.kind == "not_sent" and len(table) == whole.calls:
            text += _sufficient(clips, met[first.point][scheme])
        at = ", ".join(f"{key} = {value}" for key, value in whole.points[first.point].parameters.items())
        more = len({each.point for each in found}) - 1
        also = f" (also at {more} more point{'s' * (more > 1)})" if more else ""
        said.append((f"{at}: " if at else "") + text + also)
    return said


def _sufficient(clips: Sequence[Clip], case: Case) -> str:
    """Say what would send the redundancy, where it lacks in bitrate or in expected loss."""
    if case.scenario.is_closed_loop or not case.settings.expected_loss_percent:
        return ""
    return f"; {advice(to_int16(clips[0].pcm), case.settings)}"
