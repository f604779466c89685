"""Networks of one's own: their folders, payloads and features; damaged and foreign ones are refused."""

from pathlib import Path

import numpy as np
import pytest

from testbed.cache.digests import key_of
from testbed.codecs.dred import network, payload
from testbed.codecs.dred.network_folder import (
    CARD,
    LIBOPUS,
    MAX_QUANTIZERS_BYTES,
    QUANTIZERS,
    WEIGHTS,
    find_network,
    shipped_networks,
)
from testbed.codecs.dred.quantizers import parse_quantizers, quantizers, text_of
from testbed.codecs.opus.settings import WrittenDred
from testbed.errors import CodecError
from testbed.kernels import weights_writer
from tests.codecs.dred.own_network import LATENTS, STATES, own_folder, random_arrays


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return find_network(str(own_folder(tmp_path_factory.mktemp("networks") / "mine")))


@pytest.fixture(scope="module")
def encoded(mine):
    rng = np.random.default_rng(1)
    features = np.sin(np.cumsum(rng.normal(0, 0.3, (200, 20)), axis=0)).astype(np.float32)
    return network.encode(features, mine)


def test_a_network_of_any_size_is_written_and_read(mine, encoded):
    assert encoded.latents.shape == (100, LATENTS)
    assert encoded.states.shape == (100, STATES)
    made = network.payload(encoded, 90, 12, q0=2, dq=3)
    assert np.any(made.latents)
    written = payload.write(made, mine)
    assert written[:2] == bytes([ord("D"), mine.version])
    found = payload.parse(written, network=mine)
    assert 11 <= found.chunks <= 12
    assert np.array_equal(found.state, made.state)
    assert np.array_equal(found.latents, made.latents[: found.chunks])
    assert payload.parse_header(written) == found.header == made.header
    (features,) = network.decode([made], mine)
    assert features.shape == (48, 20)
    assert np.isfinite(features).all()
    assert np.ptp(features) > 0.1


def test_a_reader_with_another_network_refuses(mine, encoded, tmp_path):
    made = network.payload(encoded, 90, 12)
    written = payload.write(made, mine)
    other = find_network(str(own_folder(tmp_path / "other", seed=2)))
    for reader in (LIBOPUS, other):
        with pytest.raises(CodecError, match=f"version {mine.version} is of a network of its own"):
            payload.parse(written, network=reader)
        with pytest.raises(CodecError, match="alone"):
            network.decode([made], reader)
    with pytest.raises(CodecError, match=f"version 12 is of .*'mine', of version {mine.version}"):
        payload.parse(b"D\x0c" + written[2:], network=mine)


def test_a_version_is_never_that_of_libopus_and_follows_from_the_content(mine, tmp_path):
    versions = [find_network(str(own_folder(tmp_path / str(seed), seed))).version for seed in (2, 3, 4)]
    assert all(128 <= version < 256 for version in (*versions, mine.version))
    again = find_network(str(own_folder(tmp_path / "again")))
    assert (again, again.version, again.title) == (mine, mine.version, "again")
    assert LIBOPUS.version == 12


def test_the_cache_knows_a_network_by_its_content(mine, tmp_path):
    again = find_network(str(own_folder(tmp_path / "again")))
    other = find_network(str(own_folder(tmp_path / "other", seed=2)))
    keys = [key_of(WrittenDred(400, 6, 5, 15, each)) for each in (mine, again, other, LIBOPUS)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_networks_that_come_with_the_testbed_have_a_card_and_a_version_each():
    found = shipped_networks()
    for name, each in found.items():
        assert name == each.title == find_network(name).name
        assert len((Path(each.folder) / CARD).read_text("utf-8")) > 100
        assert sum(path.stat().st_size for path in each.files) < 1_150_000
        network.models(each)
    assert len({each.version for each in found.values()}) == len(found)


def test_a_relative_path_begins_at_the_folder_of_the_scenario(tmp_path):
    own_folder(tmp_path / "nets" / "mine")
    assert find_network("nets/mine", tmp_path).folder == str(tmp_path / "nets" / "mine")


def test_names_that_are_none(tmp_path):
    with pytest.raises(CodecError, match=r"no network 'libopsu'.*did you mean libopus"):
        find_network("libopsu", tmp_path)
    with pytest.raises(CodecError, match=r"weights\.bin: no such file"):
        folder = own_folder(tmp_path / "half")
        (folder / WEIGHTS).unlink()
        find_network("half", tmp_path)
    with pytest.raises(CodecError, match=r"quantizers\.txt: more than"):
        folder = own_folder(tmp_path / "huge")
        (folder / QUANTIZERS).write_bytes(bytes(MAX_QUANTIZERS_BYTES + 1))
        find_network("huge", tmp_path)
    for name in ("x" * 5000, "~nobody-has-this-name/mine"):
        with pytest.raises(CodecError, match="no network '"):
            find_network(name, tmp_path)


def test_a_network_that_changes_after_it_was_named_is_refused(tmp_path):
    named = find_network(str(own_folder(tmp_path / "mine", seed=5)))
    (tmp_path / "mine" / WEIGHTS).write_bytes(weights_writer.blob(random_arrays(6)))
    with pytest.raises(CodecError, match="has changed"):
        network.models(named)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda arrays: {}, "empty"),
        (lambda arrays: {**arrays, "enc_gru2_input_scale": np.ones(3, np.float32)}, "enc_gru2_input_scale"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "dec_dense1_bias"}, "dec_dense1_bias"),
        (lambda arrays: random_arrays(1, latents=12), "11 latents, and weights of 19 and 12"),
        (lambda arrays: {**arrays, "enc_zdense_bias": np.ones(1, np.float32)}, "enc_zdense"),
    ],
)
def test_damaged_weights_are_refused(tmp_path, damage, says):
    folder = own_folder(tmp_path / "mine")
    (folder / WEIGHTS).write_bytes(weights_writer.blob(damage(random_arrays(1))))
    with pytest.raises(CodecError, match=says):
        network.models(find_network(str(folder)))


def test_quantizers_come_back_from_their_text():
    for version in (10, 12):
        state, latent = quantizers(version)
        found = parse_quantizers(text_of(state, latent, "two\nlines"), "x")
        for tables, again in zip((state, latent), found, strict=True):
            assert all(np.array_equal(one, other) for one, other in zip(tables, again, strict=True))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("\n19 11\n", "\n19\n", "x:2: must be 2 whole numbers from 1 to 256"),
        ("\n19 11\n", "\n19 300\n", "x:2: must be 2 whole numbers from 1 to 256"),
        ("\n19 11\n", "\n18 11\n", "x:3: must be 29 whole numbers from 0 to 255"),
        ("\n255 ", "\n256 ", "x:3: must be 30 whole numbers from 0 to 255"),
        ("\n255 ", "\n-1 ", "x:3: must be 30 whole numbers"),
        ("\n255 ", "\nnan ", "x:3: must be 30 whole numbers"),
        ("\n255 ", "\n", "x:3: must be 30 whole numbers"),
        ("\n19 11\n", "\n", "64 lines of numbers, not 65"),
    ],
)
def test_damaged_quantizers_are_refused(tmp_path, before, after, says):
    text = (own_folder(tmp_path / "mine") / QUANTIZERS).read_text()
    assert before in text
    with pytest.raises(CodecError, match=says):
        parse_quantizers(text.replace(before, after, 1), "x")


def test_a_number_without_a_probability_of_zero_is_refused():
    state, latent = quantizers(12)
    with pytest.raises(CodecError, match="probability of 0"):
        parse_quantizers(text_of(state, latent._replace(zero=np.zeros_like(latent.zero)), "a"), "x")
