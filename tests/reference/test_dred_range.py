"""Range coder and Laplace symbols are held against libopus's own, byte by byte and symbol by symbol."""

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.opus import build as opus_build
from testbed.kernels import range_decoder as rd
from testbed.kernels import range_encoder as re

CHECKER = Path(__file__).with_name("dred_range_check.c")
STREAMS = 2_000


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    """Compile the checker with libopus's sources; return what it prints for lines."""
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    program = tmp_path_factory.mktemp("checker") / "dred_range_check"
    parts = [f"celt/{name}.c" for name in ("entcode", "entenc", "entdec", "laplace")]
    command = [
        "gcc",
        "-O1",
        "-w",
        "-DOPUS_BUILD",
        "-DUSE_ALLOCA",
        "-Iinclude",
        "-Icelt",
        str(CHECKER),
        *parts,
    ]
    subprocess.run([*command, "-lm", "-o", str(program)], cwd=found.source, check=True)

    def lines(told):
        done = subprocess.run([program], input="\n".join(told).encode(), capture_output=True, check=True)
        answers = done.stdout.decode().splitlines()
        assert len(answers) == len(told)
        return answers

    return lines


def symbols(rng):
    """Give a stream's symbols: kind, parameters, value."""
    made = []
    for _ in range(rng.randint(0, 80)):
        kind = rng.choice("ubll")
        if kind == "u":
            total = rng.randint(2, 256)
            made.append((kind, (total,), rng.randrange(total)))
        elif kind == "b":
            log = rng.randint(1, 15)
            made.append((kind, (log,), int(rng.random() < 0.5**log)))
        else:
            spread = rng.choice((0.5, 3, 30))
            made.append(
                (kind, (rng.randrange(1, 255) << 7, rng.randrange(1, 256) << 7), int(rng.gauss(0, spread)))
            )
    return made


def told(made):
    return " ".join(":".join(str(n) for n in (kind, *numbers, value)) for kind, numbers, value in made)


def encoded(made):
    state, buffer = np.zeros(re.STATE_SIZE, np.int64), np.zeros(8192, np.uint8)
    re.start(state)
    for kind, numbers, value in made:
        coder = {"u": re.encode_uniform, "b": re.encode_bit, "l": re.encode_laplace}[kind]
        coder(state, buffer, value, *numbers)
    used = re.tell(state)
    return used, buffer[: re.finish(state, buffer)].tobytes()


def decoded(made, data):
    state, array = np.zeros(rd.STATE_SIZE, np.int64), np.frombuffer(data, np.uint8)
    rd.start(state, array)
    values = []
    for kind, numbers, _ in made:
        coder = {"u": rd.decode_uniform, "b": rd.decode_bit, "l": rd.decode_laplace}[kind]
        values.append(coder(state, array, *numbers))
    return [*values, rd.tell(state)]


def test_encoded_bytes_are_libopus_bytes(checker):
    rng = random.Random(1)
    streams = [symbols(rng) for _ in range(STREAMS)]
    for made, answer in zip(streams, checker([f"e {told(made)}" for made in streams]), strict=True):
        used, data = encoded(made)
        assert f"{used} {data.hex()}" == answer


def test_decoded_symbols_are_libopus_symbols(checker):
    """Of streams that were encoded, and of random bytes, which run into every corner and past the end."""
    rng = random.Random(2)
    streams = [symbols(rng) for _ in range(STREAMS)]
    inputs = [
        encoded(made)[1]
        if rng.random() < 0.3
        else rng.choice((b"\xff", b"\0", rng.randbytes(1))) * rng.randint(0, 30)
        if rng.random() < 0.3
        else rng.randbytes(rng.randint(0, 60))
        for made in streams
    ]
    lines = [f"d {data.hex() or '-'} {told(made)}" for made, data in zip(streams, inputs, strict=True)]
    for made, data, answer in zip(streams, inputs, checker(lines), strict=True):
        assert decoded(made, data) == [int(word) for word in answer.split()]
