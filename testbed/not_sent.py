"""Redundancy that was asked for and not sent: why, and what to set so that it is."""

from collections.abc import Sequence

from testbed.observed import Case, percent
from testbed.scenario import Scenario
from testbed.sweep import Plan, known_loss

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


def will_not_be_sent(whole: Plan) -> list[str]:
    """Say which schemes will send no LBRR and no DRED, as far as that is known before any call; each once."""
    said = []
    for point, schemes in zip(whole.points, whole.schemes, strict=True):
        why = None if point.scenario.is_closed_loop else why_none_is_expected(point.scenario)
        for scheme in schemes if why else ():
            asked = ["LBRR"] * bool(scheme.lbrr) + ["DRED"] * bool(scheme.dred and not scheme.added_dred())
            if asked:
                said.append(f"{scheme.name} will send no {' and no '.join(asked)}: {why}")
    return list(dict.fromkeys(said))


def why_none_is_expected(scenario: Scenario) -> str | None:
    """Say why libopus is told to expect no loss, and so sends neither LBRR nor DRED; None if it is not."""
    given, known = scenario.codec.expected_loss, known_loss(scenario)
    if round(100 * (known if given is None else given)):
        return None
    if given is not None:
        return f"codec.expected_loss is {given:g}" + (", which rounds to 0 %" if given else "")
    if scenario.is_closed_loop:
        return "libopus expects the loss that is reported, and none was"
    if known:
        return f"the channel's loss of {percent(known)} rounds to 0 %, and libopus expects none"
    return "libopus expects no loss, since no stage of the channel states one"


def _reason(case: Case, none: Sequence[str]) -> str:
    """Say why no redundancy was sent, and what to set so that it is."""
    scenario, is_of_encoder = case.scenario, set(none) != {"RED"}
    why = why_none_is_expected(scenario) if is_of_encoder else None
    is_told_so = why is not None and scenario.codec.expected_loss is not None
    if scenario.is_controlled and not is_told_so:
        if case.seen.packet_loss:
            return (
                "the allocation gave it nothing, as the target rate or the loss that was reported is too low"
            )
        expect = f" and codec.expected_loss: {_EXAMPLE_LOSS:g}" if is_of_encoder else ""
        return f"no loss was reported. To send it anyway, set allocation.policy: fixed{expect}"
    if why is not None:
        return f"{why}. {_advice(case)}"
    return (
        f"libopus sends none at {case.settings.bitrate_bps / 1000:g} kb/s in all and an "
        f"expected loss of {case.settings.expected_loss_percent} %"
    )


def _advice(case: Case) -> str:
    """Name the loss to expect: what was lost or late, unless that is because a link is overrun."""
    lost, late = case.seen.packet_loss, case.seen.late
    became = [f"{percent(share)} {how}" for share, how in ((lost, "were lost"), (late, "came late")) if share]
    if became and case.link_load <= 1:
        expected = max(0.01, round(lost + late, 2))
        return f"Of its packets {' and '.join(became)}: set codec.expected_loss: {expected:g}"
    expected = 0.01 if known_loss(case.scenario) else _EXAMPLE_LOSS
    return f"To send it anyway, set codec.expected_loss, e.g. {expected:g}"
