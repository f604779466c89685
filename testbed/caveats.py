"""What one must know about a run before one believes its numbers, in sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from testbed.codecs.scheme import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.codecs.schemes import NO_LOSS
from testbed.codecs.settings import EncoderSettings
from testbed.dred_depth import ENOUGH, sufficient_kbps
from testbed.rows import to_int16
from testbed.speech import Clip
from testbed.sweep import Plan

if TYPE_CHECKING:
    import pandas as pd

_MOST_LATE = 0.5
_MOST_NARROW = 0.1


def caveats(whole: Plan, clips: Sequence[Clip], table: "pd.DataFrame") -> list[str]:
    """Return what must be said of a run, finished or not.

    Parameters
    ----------
    whole
        What was to be done.
    clips
        Its speech.
    table
        A row for each call that was.
    """
    found = [*_failures(table), *_late(whole, table), *_narrow(whole, table)]
    if len(table) == whole.calls:
        found += _shallow_dred(whole, clips, table)
    return found


def _failures(table: "pd.DataFrame") -> list[str]:
    failed = table[table["payload_kbps"].isna()]
    if failed.empty:
        return []
    return [f"{len(failed)} of {len(table)} calls failed; the first: {failed['error'].iloc[0]}"]


def _late(whole: Plan, table: "pd.DataFrame") -> list[str]:
    """Name each point at which most packets came too late."""
    late = _shares(table[table["scheme"] != NO_LOSS], "frames_late", ["point"])
    return [
        f"{_at(whole, point) or 'the playout'}: {100 * share:.0f} % of all packets came after their frame "
        "had to play: the playout delay is too short for this network"
        for (point,), share in late.items()
        if share > _MOST_LATE
    ]


def _narrow(whole: Plan, table: "pd.DataFrame") -> list[str]:
    """Name each scheme that would have networks conceal, and has packets after which libopus does not."""
    narrow = _shares(table, "frames_narrow", ["point", "scheme"])
    said: dict[tuple[str, str], str] = {}
    for point, schemes in enumerate(whole.schemes):
        codec = whole.points[point].scenario.codec
        for scheme in schemes:
            is_neural = scheme.decoder_complexity(codec.decoder_complexity) >= NEURAL_CONCEALMENT_COMPLEXITY
            share = narrow.get((point, scheme.name), 0.0)
            if is_neural and not scheme.is_ceiling and share > _MOST_NARROW:
                percent = f"{100 * share:.0f} %"
                said.setdefault((scheme.name, percent), _named(whole, point, scheme.name))
    return [
        f"{named}: {percent} of the packets are narrowband or mediumband, where libopus conceals without "
        "networks: neither neural PLC nor DRED is heard"
        for (_, percent), named in said.items()
    ]


def _shares(table: "pd.DataFrame", of: str, by: list[str]) -> dict[tuple[Any, ...], float]:
    """Return by group the share of its frames that are such."""
    sums = table.groupby(by)[[of, "frames"]].sum().reset_index()
    shares = (sums[of] / sums["frames"]).to_numpy(float, na_value=np.nan)
    return dict(zip(sums[by].itertuples(index=False, name=None), shares.tolist(), strict=True))


def _shallow_dred(whole: Plan, clips: Sequence[Clip], table: "pd.DataFrame") -> list[str]:
    """Name each scheme and encoding that sent much less DRED than was asked.

    Where the loop is closed the allocation decides how much is asked of the encoder, frame by frame.
    """
    sent_ms: dict[Any, float] = table.groupby(["point", "scheme"])["dred_sent_ms"].mean().to_dict()
    groups = {(call.point, call.scheme): group for group in whole.groups for call in group.calls}
    said: dict[tuple[str, EncoderSettings], str] = {}
    for (point, index), group in sorted(groups.items(), key=lambda each: each[0]):
        settings, name = group.settings, whole.schemes[point][index].name
        sent = sent_ms[(point, name)]
        is_told = (name, settings) in said or whole.points[point].scenario.is_closed_loop
        if is_told or not sent < ENOUGH * settings.dred_depth_ms:
            continue
        enough = sufficient_kbps(to_int16(clips[group.clip].pcm), settings)
        advice = (
            f"{enough} kb/s in all would send {100 * ENOUGH:.0f} % of it"
            if enough
            else "no bitrate sends it"
            + ("" if settings.expected_loss_percent else ": the expected loss is 0")
        )
        said[name, settings] = (
            f"{_named(whole, point, name)}: asked for {settings.dred_depth_ms} ms of DRED, sent {sent:.0f} "
            f"ms on average at {settings.bitrate_bps / 1000:g} kb/s in all; {advice}"
        )
    return list(said.values())


def _at(whole: Plan, point: int) -> str:
    """Say where in the sweep a point is."""
    return ", ".join(f"{key} = {value}" for key, value in whole.points[point].parameters.items())


def _named(whole: Plan, point: int, scheme: str) -> str:
    at = _at(whole, point)
    return f"{scheme} ({at})" if at else scheme
