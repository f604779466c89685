"""Networks of one's own in a run: named, swept, decoded, in the manifest, and refused where they cannot."""

import shutil

import pytest

from testbed.codecs.dred.network_folder import find_network
from testbed.codecs.engines import ENGINES
from testbed.codecs.engines.engine import decode_one
from testbed.errors import CodecError, ScenarioError
from testbed.runner import run
from testbed.scenario.loading import parse_scenario
from tests.codecs.dred.own_network import own_folder
from tests.testbed.cache.conftest import own_cache

__all__ = ["own_cache"]

SCENARIO = """
name: networks
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0, decoder_complexity: 5}
schemes: [plc, {name: ours, dred: {writer: testbed, depth_ms: 200, network: nets/mine}}]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
engine: numba
sweep: {schemes.ours.dred.network: [libopus, nets/mine, nets/other]}
metrics: [estoi]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("scenario")
    for seed, name in enumerate(("mine", "other")):
        own_folder(made / "nets" / name, seed)
    (made / "networks.yaml").write_text(SCENARIO, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def result(folder):
    return run(folder / "networks.yaml", folder / "run", jobs=1)


def of_ours(table):
    return table[table["scheme"] == "ours"].set_index("schemes.ours.dred.network")


def test_a_sweep_compares_networks(result):
    rows = of_ours(result.table)
    assert list(rows.index) == ["libopus", "nets/mine", "nets/other"]
    assert (rows["frames_dred"] > 20).all()
    assert rows["dred_kbps"].nunique() == rows["estoi"].nunique() == rows["dred_distortion"].nunique() == 3
    assert rows["estoi"].idxmax() == "libopus"  # the others are random
    assert result.table[result.table["scheme"] == "classic PLC"]["estoi"].nunique() == 1


def test_the_manifest_has_the_files_of_the_networks(result, folder):
    found = {each["path"]: each["sha256"] for each in result.manifest["files"] if each["role"] == "network"}
    expected = {
        str(path) for name in ("mine", "other") for path in find_network(f"nets/{name}", folder).files
    }
    assert found.keys() == expected
    assert result.manifest["scenario"]["schemes"][1]["dred"]["network"] == "nets/mine"


def test_a_call_is_repeated_with_its_network(result):
    row = int(result.table.index[result.table["schemes.ours.dred.network"] == "nets/other"][2])
    again = result.call(row)
    assert result.table.loc[row, "scheme"] == "ours"
    assert again.simulation.job.network.title == "other"


def test_the_cache_knows_a_changed_network(folder, tmp_path, own_cache):
    text = SCENARIO.replace("[libopus, nets/mine, nets/other]", "[nets/changing]")
    text = text.replace("network: nets/mine", "network: nets/changing").replace("[plc, ", "[")
    (tmp_path / "networks.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(folder / "nets" / "mine", tmp_path / "nets" / "changing")
    first, again = (run(tmp_path / "networks.yaml", tmp_path / name, jobs=1) for name in "ab")
    shutil.rmtree(tmp_path / "nets" / "changing")
    own_folder(tmp_path / "nets" / "changing", seed=1)
    changed = run(tmp_path / "networks.yaml", tmp_path / "c", jobs=1)
    kbps = [of_ours(each.table)["dred_kbps"].item() for each in (first, again, changed)]
    assert kbps[0] == kbps[1] != kbps[2]


def test_schemes_name_their_network(folder):
    text = SCENARIO.replace("name: ours, ", "").partition("sweep")[0] + "metrics: []"
    (_, scheme) = parse_scenario(text, folder).schemes
    assert scheme.name == "testbed DRED 200 ms, network mine"
    text = text.replace("depth_ms: 200", "depth_ms: [100, 200]")
    (_, scheme) = parse_scenario(text, folder).schemes
    names = [each.name for each in scheme.each()]
    assert names == ["testbed DRED 100 ms, network mine", "testbed DRED 200 ms, network mine"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("nets/mine}", "nets/mien}", r"no network 'nets/mien'"),
        ("nets/mine}", "7}", r"must be the name of a network"),
        ("writer: testbed", "writer: libopus, bitrate_kbps: 20", "libopus writes with its own network"),
        ("engine: numba", "engine: libopus", "mine needs engine: numba"),
        ("complexity: 0", "complexity: 0, dtx: true", "mine needs codec.dtx: false"),
        ("complexity: 0", "complexity: 0, bandwidth: narrowband", "mine needs codec.bandwidth: wideband"),
        ("policy: offline", "policy: adaptive, concealer: codec", "mine needs another playout than adaptive"),
    ],
)
def test_where_a_network_cannot_be_used_the_scenario_says_so(folder, old, new, says):
    text = SCENARIO.partition("sweep")[0] + "metrics: []"
    assert old in text
    with pytest.raises(ScenarioError, match=says) as caught:
        parse_scenario(text.replace(old, new), folder)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("scenario:5: schemes.1.dred.network: ")


def test_speech_that_libopus_must_decode_fails_with_the_reason(result):
    row = int(result.table.index[result.table["schemes.ours.dred.network"] == "nets/mine"][2])
    job = result.call(row).simulation.job
    with pytest.raises(CodecError, match="libopus decodes this call, and has no network 'mine'"):
        decode_one(ENGINES["libopus"].create(64), job)
