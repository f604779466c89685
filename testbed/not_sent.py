"""Redundancy that was asked for and not sent: the cause, and the setting that sends it."""

from collections.abc import Sequence

from testbed.cases import Case, percent
from testbed.plan import Plan, encoder_settings, known_loss
from testbed.scenario.loading import Scenario

ENOUGH_DRED = 0.8
"""Share of the depth asked for below which too little DRED is reported."""
ENOUGH_LBRR = 0.25
"""Share of packets with LBRR below which too little is reported; libopus omits LBRR in silence."""
_EXAMPLE_LOSS = 0.1


def not_sent(case: Case) -> str | None:
    """Return the requested redundancy that was not sent, the cause and the remedy; None if all was sent.

    In a closed loop the allocation decides per frame how much the encoder is asked for, so only redundancy
    that was never sent counts.
    """
    seen, asked_ms = case.seen, case.settings.dred_depth_ms
    is_open = not case.scenario.is_closed_loop
    none, little = [], []
    if case.scheme.distances() and seen.red_kbps == 0:
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


def will_not_be_sent(plan: Plan) -> list[str]:
    """Return the schemes that will send no LBRR or no DRED, as far as is known before the run; each once."""
    said = []
    for point, schemes in zip(plan.points, plan.schemes, strict=True):
        why = None if point.scenario.is_closed_loop else why_none_is_expected(point.scenario)
        for scheme in schemes if why else ():
            asked = encoder_settings(scheme, point.scenario)
            missing = ["LBRR"] * asked.inband_fec + ["DRED"] * (asked.dred_depth_ms > 0)
            if missing:
                said.append(f"{scheme.name} will send no {' and no '.join(missing)}: {why}")
    return list(dict.fromkeys(said))


def why_none_is_expected(scenario: Scenario) -> str | None:
    """Return the reason why libopus expects no loss, and so sends no redundancy; None if it expects some."""
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
    """Return the cause of redundancy that was not sent, and the remedy."""
    scenario, is_of_encoder = case.scenario, set(none) != {"RED"}
    why = why_none_is_expected(scenario) if is_of_encoder else None
    is_set_to_none = why is not None and scenario.codec.expected_loss is not None
    if scenario.is_controlled and not is_set_to_none:
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
    """Return the loss to expect: the share lost or late, unless an overrun link is the cause."""
    lost, late = case.seen.packet_loss, case.seen.late
    shares = ((lost, "were lost"), (late, "came late"))
    effects = [f"{percent(share)} {how}" for share, how in shares if share]
    if effects and case.link_load <= 1:
        expected = max(0.01, round(lost + late, 2))
        return f"Of its packets {' and '.join(effects)}: set codec.expected_loss: {expected:g}"
    expected = 0.01 if known_loss(case.scenario) else _EXAMPLE_LOSS
    return f"To send it anyway, set codec.expected_loss, e.g. {expected:g}"
