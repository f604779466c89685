import pytest
from pydantic import ValidationError

from testbed.codecs.schemes import SchemeSpec


def scheme(**parts):
    return SchemeSpec.model_validate(parts)


@pytest.mark.parametrize(
    ("parts", "concealer", "name"),
    [
        ({"plc": None}, "codec", "classic PLC"),
        ({"plc": {"concealer": "neteq"}}, "neteq", "NetEq PLC"),
        ({"neural_plc": None}, "codec", "neural PLC"),
        ({"red": {"copies": 1}}, None, "RED x1"),
        ({"plc": {"concealer": "neteq"}, "red": {"copies": 1}}, "neteq", "NetEq PLC + RED x1"),
        ({"plc": {"concealer": "neteq"}, "lbrr": {"bitrate_kbps": 8}}, "neteq", "NetEq PLC + LBRR"),
        ({"dred": {"depth_ms": 500, "bitrate_kbps": 16}}, "codec", "DRED 500 ms"),
    ],
)
def test_a_scheme_says_who_conceals_if_one_of_its_parts_does(parts, concealer, name):
    assert scheme(**parts).concealed_by() == concealer
    assert scheme(**parts).name == name


def test_only_classic_plc_of_libopus_is_the_baseline():
    assert scheme(plc=None).is_baseline
    assert not scheme(plc={"concealer": "neteq"}).is_baseline
    assert not scheme(plc=None, red={"copies": 1}).is_baseline


@pytest.mark.parametrize("other", [{"neural_plc": None}, {"dred": {"depth_ms": 500, "bitrate_kbps": 16}}])
def test_neteq_conceals_for_no_scheme_with_networks(other):
    with pytest.raises(ValidationError, match="exclude each other"):
        scheme(plc={"concealer": "neteq"}, **other)
