"""The loss generator beside the one in libopus's source: the same random numbers, the same losses."""

import subprocess
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from reference import lossgen as plain
from testbed.channels.loss.lossgen import SKIPPED_PACKETS, WEIGHTS, Lossgen
from testbed.codecs.opus import build as opus_build
from testbed.errors import ChannelError, CodecError
from testbed.files import cache_dir
from testbed.kernels import lossgen
from testbed.randomness import generator

SIGMAS = 5
TOP = np.float32(2**31 - 1)
SCALAR = ("-U__SSE__", "-U__SSE2__")


@pytest.fixture(scope="module")
def libopus_draw(tmp_path_factory):
    """Return a function that lets libopus's code say what is lost, given its random integers."""
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    folder = tmp_path_factory.mktemp("lossgen")

    @cache
    def compiled(flags):
        program = folder / f"checker{len(list(folder.iterdir()))}"
        command = ["gcc", "-O2", "-w", *flags, *(f"-I{name}" for name in ("include", "celt", "dnn", "."))]
        command += [str(Path(__file__).with_name("lossgen_check.c")), "dnn/lossgen_data.c", "-lm"]
        subprocess.run([*command, "-o", str(program)], cwd=build.source, check=True)
        return program

    def draw(rate, integers, *flags):
        text = "\n".join(map(str, integers))
        done = subprocess.run(
            [compiled(flags), str(rate)], input=text, text=True, capture_output=True, check=True
        )
        return np.array(done.stdout.split(), int).astype(bool)

    return draw


@cache
def arrays():
    return lossgen.read_arrays(cache_dir() / WEIGHTS)


def random_integers(packets, seed=1):
    return np.random.default_rng(seed).integers(0, 2**31 - 1, SKIPPED_PACKETS + packets)


def uniforms(integers):
    return integers.astype(np.float32) / TOP


def drawn(rate, integers):
    state = lossgen.fresh_state()
    return lossgen.draw(lossgen.network(arrays()), *state, rate, uniforms(integers))[SKIPPED_PACKETS:]


@pytest.mark.parametrize("rate", [0.03, 0.2, 0.6])
def test_it_is_libopuss_decision_for_decision(libopus_draw, processors_reciprocal, rate):
    """With the processor's approximate reciprocal, which libopus's vector code uses."""
    integers = random_integers(1500)
    theirs = libopus_draw(rate, integers, "-mavx2", "-mfma")
    ours = plain.draw(arrays(), rate, uniforms(integers), processors_reciprocal)
    assert len(theirs) == 1500 and theirs.any()
    assert (ours[SKIPPED_PACKETS:] == theirs).all()


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_the_kernel_differs_no_more_than_two_builds_of_libopus_do(libopus_draw, rate):
    """Roundings move an 8-bit level now and then; a decision that is close then falls the other way."""
    integers = random_integers(60_000)
    vector, scalar = libopus_draw(rate, integers), libopus_draw(rate, integers, *SCALAR)
    ours = drawn(rate, integers)
    between_builds = np.mean(vector != scalar)
    assert 0 < between_builds < 0.05
    for theirs in (vector, scalar):
        assert np.mean(ours != theirs) < 2 * between_builds + 0.002


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3])
def test_kernel_and_reference_agree(rate):
    numbers = uniforms(random_integers(500))
    state = lossgen.fresh_state()
    fast = lossgen.draw(lossgen.network(arrays()), *state, rate, numbers)
    slow = plain.draw(arrays(), rate, numbers)
    first = np.flatnonzero(fast != slow)[:1]
    assert np.mean(fast != slow) < 0.02 and (not len(first) or first[0] > 50)


def mean_and_error(series):
    means = np.array([stretch.mean() for stretch in np.array_split(series, 100)])
    return means.mean(), means.std(ddof=1) / 10


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_rate_and_bursts_over_a_million_packets(libopus_draw, rate):
    """The rate is near the one asked for; rate and bursts are libopus's, within the statistics."""
    count = 1_000_000
    ours = np.fromiter(islice(Lossgen(rate=rate).losses(generator(4, "lossgen")), count), bool, count)
    theirs = libopus_draw(rate, random_integers(count, seed=9))
    mean, error = mean_and_error(ours)
    assert abs(mean - rate) < 0.15 * rate
    for ours_only, theirs_only in (
        (ours, theirs),
        (ours[1:] & ours[:-1], theirs[1:] & theirs[:-1]),
        (ours[20:] & ours[:-20], theirs[20:] & theirs[:-20]),
    ):
        mean, error = mean_and_error(ours_only)
        their_mean, their_error = mean_and_error(theirs_only)
        assert abs(mean - their_mean) < SIGMAS * np.hypot(error, their_error)


def test_losses_come_in_bursts():
    ours = drawn(0.2, random_integers(50_000))
    after_loss = ours[1:][ours[:-1]].mean()
    assert after_loss > 0.4, "independent losses would have 0.2"


def test_without_libopus_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    with pytest.raises(ChannelError, match=r"run 'testbed opus build'"):
        Lossgen(rate=0.1).losses(generator(1))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[: len(text) // 2], "lack the array"),
        (lambda text: text.replace("0.6060197949409485", "x"), "not a number"),
        (lambda text: text.replace("0.6060197949409485", "nan"), "8 finite"),
        (lambda text: text.replace("0.6060197949409485,", ""), "8 finite"),
        (lambda text: "", "lack the array"),
    ],
)
def test_damaged_weights_are_refused(monkeypatch, tmp_path, damage, words):
    text = (cache_dir() / WEIGHTS).read_text()
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    path = tmp_path / WEIGHTS
    path.parent.mkdir(parents=True)
    path.write_text(damage(text))
    with pytest.raises(ChannelError, match=words):
        Lossgen(rate=0.1).losses(generator(1))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "large.c").write_bytes(b" " * (lossgen.MAX_SOURCE_BYTES + 1))
    with pytest.raises(CodecError, match="larger than"):
        lossgen.read_arrays(tmp_path / "large.c")
