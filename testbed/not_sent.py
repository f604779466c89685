"""Redundancy that was asked for and not sent: why, and what to set so that it is."""

from collections.abc import Sequence

from testbed.observed import Case, percent
from testbed.sweep import known_loss

ENOUGH_DRED = 0.8
"""A scheme that sends less than this share of the depth asked for is told so."""
ENOUGH_LBRR = 0.25
"""The same for the share of packets with LBRR, which libopus leaves out where nobody speaks."""
_EXAMPLE_LOSS = 0.1


def not_sent(case: Case) -> str | None:
    """Say what redundancy was asked for and hardly sent, and what to set; None if it was sent.

    Where the loop is closed the allocation decides, frame by frame, how much is asked of the encoder, so
    there only what was never sent counts.
    """
    seen, asked_ms = case.seen, case.settings.dred_depth_ms
    is_open = not case.scenario.is_closed_loop
    none, little = [], []
    if case.scheme.red and seen.red_kbps == 0:
        none.append("RED")
    if case.settings.inband_fec and seen.lbrr_sent == 0:
        none.append("LBRR")
    elif case.settings.inband_fec and is_open and seen.lbrr_sent < ENOUGH_LBRR:
        little.append(f"LBRR in {percent(seen.lbrr_sent)} of its packets")
    if asked_ms and seen.dred_sent_ms == 0:
        none.append("DRED")
    elif is_open and seen.dred_sent_ms < ENOUGH_DRED * asked_ms:
        little.append(f"{seen.dred_sent_ms:.0f} ms of DRED on average ({asked_ms} ms asked for)")
    said = [f"sent no {' and no '.join(none)}: {_reason(case, none)}"] if none else []
    if little:
        said.append(f"sent {' and '.join(little)} at {case.settings.bitrate_bps / 1000:g} kb/s in all")
    return "; ".join(said) or None


def _reason(case: Case, none: Sequence[str]) -> str:
    """Say why no redundancy was sent, and what to set so that it is."""
    scenario, expected_percent = case.scenario, case.settings.expected_loss_percent
    given, known = scenario.codec.expected_loss, known_loss(scenario)
    if scenario.is_controlled and case.seen.packet_loss:
        return "the target rate left no room for it"
    if scenario.is_controlled:
        expect = f" and codec.expected_loss: {_EXAMPLE_LOSS:g}" if set(none) - {"RED"} else ""
        return f"no loss was reported. To send it all the same set allocation.policy: fixed{expect}"
    if expected_percent:
        return (
            f"libopus grants it nothing at {case.settings.bitrate_bps / 1000:g} kb/s in all and an "
            f"expected loss of {expected_percent} %"
        )
    if given is not None:
        why = f"codec.expected_loss is {given:g}" + (", which rounds to 0 %" if given else "")
    elif scenario.is_closed_loop:
        why = "libopus expects the loss that is reported, and none was"
    elif known:
        why = f"the channel's loss of {percent(known)} rounds to 0 %, and libopus expects none"
    else:
        why = "libopus expects no loss, since no stage of the channel states one"
    return f"{why}. {_advice(case, known)}"


def _advice(case: Case, known: float) -> str:
    """Name the loss to expect: what was lost or late, unless that is because a link is overrun."""
    lost, late = case.seen.packet_loss, case.seen.late
    became = [f"{percent(share)} {how}" for share, how in ((lost, "was lost"), (late, "came late")) if share]
    if became and not case.overruns_link:
        expected = max(0.01, round(lost + late, 2))
        return f"Of its packets {' and '.join(became)}: set codec.expected_loss: {expected:g}"
    expected = 0.01 if known else _EXAMPLE_LOSS
    return f"To send it all the same set codec.expected_loss, e.g. {expected:g}"
