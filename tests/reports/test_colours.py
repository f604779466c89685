import itertools

import numpy as np
import pytest

from testbed.reports.colours import PALETTE, PARTS, looks, looks_in_order

WHITE, DARK = "#ffffff", "#12161b"
ENTRIES = (
    {"name": "classic PLC", "plc": {}},
    {"name": "neural PLC", "neural_plc": {}},
    *({"name": f"RED x{copies}", "red": {"copies": copies}} for copies in (1, 2, 4, 8)),
    *({"name": f"LBRR {kbps}", "lbrr": {"bitrate_kbps": kbps}} for kbps in (4, 16, 64)),
    {"name": "DRED", "dred": {"depth_ms": [20, 40, 100, 200, 500, 1000, 2000]}},
    *(
        {"name": f"LBRR + DRED {depth} ms", "lbrr": {}, "dred": {"depth_ms": [depth]}}
        for depth in (20, 200, 2000)
    ),
)
FAMILIES = {
    "PLC": ["classic PLC", "neural PLC"],
    "RED": [f"RED x{copies}" for copies in (1, 2, 4, 8)],
    "LBRR": [f"LBRR {kbps}" for kbps in (4, 16, 64)],
    "DRED": [f"DRED {depth} ms" for depth in (20, 40, 100, 200, 500, 1000, 2000)],
    "mixed": [f"LBRR + DRED {depth} ms" for depth in (20, 200, 2000)],
}
NAMES = [name for names in FAMILIES.values() for name in names]
# Machado, Oliveira and Fernandes (2009), severity 1.0; they apply to linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour, sight):
    """CIE 1976 L*a*b*, in which 2.3 is a difference that is just noticed."""
    ratios = (XYZ @ np.clip(SIGHT[sight] @ linear(colour), 0, 1)) / (0.95047, 1, 1.08883)
    x, y, z = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(colour, page):
    dim, bright = sorted(0.05 + float(XYZ[1] @ linear(each)) for each in (colour, page))
    return bright / dim


@pytest.mark.parametrize(("page", "on"), [("colour", WHITE), ("dark", DARK)])
def test_schemes_and_lines_stand_out_from_the_page(page, on):
    found = [*looks(["no loss", *NAMES, "a plugin"], ENTRIES, "no loss").values(), *PALETTE]
    assert min(contrast(getattr(look, page), on) for look in found) >= 4.5


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("page", ["colour", "dark"])
def test_mechanisms_differ_for_the_colour_blind_too(page, sight):
    found = looks(NAMES, ENTRIES, None)
    for one, other in itertools.combinations(FAMILIES.values(), 2):
        apart = [
            np.linalg.norm(lab(getattr(found[a], page), sight) - lab(getattr(found[b], page), sight))
            for a in one
            for b in other
        ]
        assert min(apart) > 12, (one, other)


def test_a_scheme_has_the_same_colour_in_every_report():
    alone, among = looks(["DRED 500 ms"], [], "no loss"), looks(NAMES, ENTRIES, None)
    assert alone["DRED 500 ms"].colour == among["DRED 500 ms"].colour
    named = [{"name": "mine", "dred": {"depth_ms": [500]}}]
    assert looks(["mine"], named, None)["mine"].colour == among["DRED 500 ms"].colour
    plugin = [{"name": "parity", "parity": {"packets": 2}}]
    assert looks(["plc", "parity"], plugin, None)["parity"] == looks(["parity"], plugin, None)["parity"]


def test_many_schemes_of_a_mechanism_are_told_apart_by_depth_and_shape():
    names = [f"DRED {depth} ms" for depth in range(80, 2081, 160)]
    found = list(looks(names, [], None).values())
    assert len(found) == 13
    for one, other in itertools.combinations(found, 2):
        apart = np.linalg.norm(lab(one.colour, "usual") - lab(other.colour, "usual"))
        assert one.shape != other.shape or apart > 4.6
    assert len({(look.colour, look.shape) for look in looks_in_order(names[:10]).values()}) == 10


def test_vocoders_are_told_apart_by_colour_and_shape():
    entries = [
        {"name": name, "dred": {"depth_ms": [500], "vocoder": name}} for name in ("fargan", "lpcnet", "lpc")
    ]
    found = looks([entry["name"] for entry in entries], entries, None)
    assert found["fargan"].colour == looks(["DRED 500 ms"], [], None)["DRED 500 ms"].colour
    for one, other in itertools.combinations(found.values(), 2):
        assert one.shape != other.shape
        assert np.linalg.norm(lab(one.colour, "usual") - lab(other.colour, "usual")) > 4.6


def test_redundancy_has_one_hue_in_bars_and_lines():
    found = looks(NAMES, ENTRIES, None)
    for part, name in (("red", "RED x1"), ("lbrr", "LBRR 4"), ("dred", "DRED 20 ms")):
        assert PARTS[part][1:] == (found[name].colour, found[name].dark)


@pytest.mark.parametrize("entry", ["text", None, {"name": "a"}, {"name": "a", "dred": {"depth_ms": ["x"]}}])
def test_entries_that_are_no_schemes_are_passed_over(entry):
    assert looks(["a"], [entry], None)["a"].colour
