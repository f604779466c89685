import pytest

from testbed.errors import ScenarioError
from testbed.scenario.loading import load_scenario, parse_scenario
from testbed.words import counted, shortened

TEXT = """\
name: t
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24}
schemes: [plc]
"""


def test_nouns_agree_with_their_number():
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("schemes: [fec]", "schemes.0: unknown name 'fec'; did you mean lbrr?"),
        ("schemes: [FEC]", "schemes.0: unknown name 'FEC'; did you mean lbrr?"),
        (
            "schemes: [{in-band fec: {bitrate_kbps: 9}}]",
            "schemes.0.in-band fec: unknown key; did you mean lbrr?",
        ),
        ("schemes: [deep_plc]", "unknown name 'deep_plc'; did you mean neural_plc?"),
        ("schemes: [classic-plc]", "unknown name 'classic-plc'; did you mean plc?"),
        ("schemes: [{rfc2198: {copies: 1}}]", "did you mean red?"),
        ("codec: {bitrate_kbps: 24, fec: true}", "codec.fec: unknown key; did you mean the scheme lbrr?"),
        ("codec: {bitrate_kbps: 24, packet_loss_perc: 10}", "did you mean expected_loss?"),
    ],
)
def test_names_of_other_programs_are_understood(written, wanted):
    key = written.partition(":")[0]
    text = "".join(
        f"{written}\n" if line.startswith(key) else line for line in TEXT.splitlines(keepends=True)
    )
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert wanted in str(caught.value)


def test_an_override_is_told_what_a_scheme_is_called():
    with pytest.raises(ScenarioError, match="'fec'; did you mean lbrr"):
        load_scenario("quickstart", ["schemes.fec.bitrate_kbps=9"])


def test_a_long_list_is_shortened():
    assert shortened(["a", 2], most=2) == "a, 2"
    assert shortened(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
