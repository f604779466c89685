"""DRED's networks are held against libopus's own code, built for AVX2 as its library uses it.

On processors as these, our kernels and references are libopus bit by bit.
"""

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from reference import nn as plain_nn
from reference import rdovae as plain_rdovae
from testbed.kernels import nn, rdovae, weights, weights_writer
from tests.codecs.dred.own_network import perturbed_arrays
from tests.reference.libopus_build import build

CHECKER = Path(__file__).with_name("dred_network_check.c")
CPU = Path("/proc/cpuinfo")

pytestmark = pytest.mark.skipif(
    not CPU.exists() or not {"avx2", "fma"} <= set(CPU.read_text().split()),
    reason="libopus computes otherwise on processors without AVX2 and FMA",
)


@cache
def arrays():
    return weights.read_blob(build().weights)


@cache
def encoder():
    return rdovae.encoder(arrays())


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Compile the checker with libopus's sources; return what it writes, given floats."""
    program = tmp_path_factory.mktemp("checker") / "dred_network_check"
    names = ["nnet", "nnet_default", "parse_lpcnet_weights"]
    names += [f"dred_rdovae_{part}{data}" for part in ("enc", "dec") for data in ("", "_data")]
    command = ["gcc", "-O2", "-w", "-mavx2", "-mfma", "-ffp-contract=off", "-DOPUS_BUILD", "-DUSE_ALLOCA"]
    command += ["-Iinclude", "-Icelt", "-Idnn", "-Isilk", "-I.", str(CHECKER)]
    command += [f"dnn/{name}.c" for name in names]
    subprocess.run([*command, "-lm", "-o", str(program)], cwd=build().source, check=True)

    def run(arguments, floats):
        told = np.ascontiguousarray(floats, np.float32).tobytes()
        done = subprocess.run([program, *arguments], input=told, capture_output=True, check=True)
        return np.frombuffer(done.stdout, np.float32)

    return run


@pytest.fixture(scope="module")
def reciprocal(network):
    def ask(values):
        return network(["r"], values).reshape(values.shape)

    return ask


def rms(difference):
    return np.sqrt(np.mean(np.square(difference)))


def features(steps):
    """Make up smooth features with the range that speech has."""
    rng = np.random.default_rng(1)
    frames = np.cumsum(rng.normal(0, 0.3, (2 * steps, 20)), axis=0)
    frames[:, 0] = 4 * np.sin(frames[:, 0])
    frames[:, 1:] = np.sin(frames[:, 1:])
    return frames.astype(np.float32).reshape(1, steps, 40)


def test_the_encoder_is_explained_bit_by_bit(network, reciprocal):
    made = features(40)
    answer = network(["e"], made).reshape(1, 40, 75)
    latents, states = plain_rdovae.encode(arrays(), made, reciprocal)
    assert np.array_equal(latents, answer[..., :25])
    assert np.array_equal(states, answer[..., 25:])

    ours = rdovae.encode(encoder(), rdovae.encoder_state(encoder(), 1), made)
    assert np.array_equal(ours[0], answer[..., :25])
    assert np.array_equal(ours[1], answer[..., 25:])


def test_the_decoder_is_explained_bit_by_bit(network, reciprocal):
    latents, states = rdovae.encode(encoder(), rdovae.encoder_state(encoder(), 1), features(104))
    rows = np.stack([latents[0, 51::-2], latents[0, 103:51:-2]])
    level = np.full((2, 26, 1), -0.25, np.float32)
    told = np.concatenate([np.round(rows), level], axis=2).astype(np.float32)
    begins = np.round(states[0, [51, 103]]).astype(np.float32)
    both = np.concatenate([begins, told.reshape(2, -1)], axis=1)
    answer = network(["d", "26"], both).reshape(2, 104, 20)
    assert np.array_equal(plain_rdovae.decode(arrays(), begins, told, reciprocal), answer)

    assert np.array_equal(rdovae.decode(rdovae.decoder(arrays()), begins, told), answer)
    with_division = plain_rdovae.decode(arrays(), begins, told, plain_nn.exact_reciprocal)
    assert rms(with_division - answer) > 1e-2  # so the reciprocals are worth their trouble


def test_other_weights_are_computed_bit_by_bit_as_by_libopus(network, tmp_path):
    own = perturbed_arrays(arrays(), 1)
    (tmp_path / "own.bin").write_bytes(weights_writer.blob(own))
    model, path = rdovae.encoder(own), str(tmp_path / "own.bin")
    latents, states = rdovae.encode(model, rdovae.encoder_state(model, 1), features(60))
    answer = network(["e", path], features(60)).reshape(1, 60, 75)
    assert np.array_equal(latents, answer[..., :25])
    assert np.array_equal(states, answer[..., 25:])
    assert rms(latents - network(["e"], features(60)).reshape(1, 60, 75)[..., :25]) > 0.1

    told = np.concatenate([np.round(latents[:, 59::-2]), np.zeros((1, 30, 1), np.float32)], axis=2)
    begin = np.round(states[:, 59])
    both = np.concatenate([begin, told.reshape(1, -1)], axis=1)
    answer = network(["d", "30", path], both).reshape(1, 120, 20)
    assert np.array_equal(rdovae.decode(rdovae.decoder(own), begin, told), answer)


def test_activations_are_libopus_bit_by_bit(reciprocal):
    x = np.linspace(-9, 9, 8000).astype(np.float32)[None]
    assert np.array_equal(plain_nn.host_reciprocal(x), reciprocal(x))
    for kind in (nn.TANH, nn.SIGMOID):
        ours = x.copy()
        nn.activate(ours, kind)
        assert np.array_equal(ours, plain_nn.activate(x, kind, reciprocal))
