"""The vocoder of a scheme in a scenario: its name in tables, a sweep of it, and where it is refused."""

from pathlib import Path

import pytest

from testbed.codecs.lpcnet import weights
from testbed.codecs.vocoders import synthesis
from testbed.errors import ScenarioError
from testbed.scenario.checks import check_vocoders
from testbed.scenario.loading import parse_scenario, points

DRED = "{depth_ms: 100, bitrate_kbps: 20}"
TEXT = f"""\
name: small
speech: {{corpus: packaged}}
codec: {{bitrate_kbps: 24}}
schemes:
  - plc
  - neural_plc
  - dred: {DRED}
channel: [{{loss: {{model: bernoulli, rate: 0.2}}}}]
playout: {{policy: fixed, delay_ms: 60}}
realizations: 2
seed: 1
metrics: [plcmos]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            DRED,
            "{depth_ms: 100, bitrate_kbps: 20, vocoder: lpc}",
            "7: schemes.2.dred.vocoder: lpc needs engine: numba; libopus's own decoder has fargan alone",
        ),
        (
            "- neural_plc",
            "- neural_plc: {vocoder: lpb}",
            "6: schemes.1.neural_plc.vocoder: unknown vocoder 'lpb'; did you mean lpc?",
        ),
        (
            "- plc",
            "- {neural_plc: {}, dred: {depth_ms: 100, bitrate_kbps: 9, vocoder: lpc}}",
            "5: schemes.0: a receiver has one vocoder (neural_plc: fargan, dred: lpc); "
            "give the parts the same one",
        ),
    ],
)
def test_a_mistake_names_its_place_and_what_would_be_right(old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(old, new), label="s.yaml")
    assert str(caught.value) == f"s.yaml:{message}"


def test_a_vocoder_is_named_in_the_name_of_its_scheme() -> None:
    text = TEXT.replace(DRED, "{depth_ms: [100, 200], bitrate_kbps: 20, vocoder: lpc}")
    text = text.replace("- neural_plc", "- neural_plc: {vocoder: lpc}").replace("seed: 1", "engine: numba")
    _, first, last = parse_scenario(text).schemes
    assert first.name == "neural PLC, LPC"
    assert [each.name for each in last.each()] == ["DRED 100 ms, LPC", "DRED 200 ms, LPC"]


def test_a_vocoder_is_swept() -> None:
    text = TEXT.replace("seed: 1", "engine: numba\nsweep: {schemes.dred.vocoder: [fargan, lpc]}")
    swept = [point.scenario.schemes[-1] for point in points(parse_scenario(text))]
    assert [scheme.synthesized_by() for scheme in swept] == ["fargan", "lpc"]


def test_a_vocoder_that_libopus_lacks_is_refused_where_libopus_decodes() -> None:
    ours = TEXT.replace(DRED, "{depth_ms: 100, bitrate_kbps: 20, vocoder: lpc}")
    ours = ours.replace("seed: 1", "engine: numba")
    for old, new, needed in (
        ("{policy: fixed, delay_ms: 60}", "{policy: adaptive}", "another playout than adaptive"),
        ("{bitrate_kbps: 24}", "{bitrate_kbps: 24, dtx: true}", "codec.dtx: false"),
        ("{bitrate_kbps: 24}", "{bitrate_kbps: 24, bandwidth: narrowband}", "codec.bandwidth: wideband"),
    ):
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(ours.replace(old, new))
        [line] = str(caught.value).splitlines()
        assert line.startswith(f"scenario:7: schemes.2.dred.vocoder: lpc needs {needed}")


def test_a_vocoder_without_its_weights_is_named_with_the_command_that_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXT.replace("seed: 1", "engine: numba\nsweep: {schemes.dred.vocoder: [fargan, lpcnet]}")
    scenario = parse_scenario(text)
    check_vocoders(scenario)
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    weights.weights.cache_clear()
    synthesis._made.cache_clear()
    with pytest.raises(ScenarioError) as caught:
        check_vocoders(scenario)
    assert str(caught.value) == (
        "scenario:12: schemes.2.dred.vocoder: LPCNet's weights are not on this machine; "
        "`testbed lpcnet fetch` gets them"
    )
