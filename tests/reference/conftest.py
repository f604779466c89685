"""Small C programs of ours, compiled with libopus's own sources as they are."""

import ctypes
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.opus import build as opus_build

HERE = Path(__file__).parent
NETWORKS = (
    "lpcnet_enc lpcnet_plc lpcnet_tables fargan fargan_data freq burg pitchdnn pitchdnn_data plc_data "
    "nnet nnet_default parse_lpcnet_weights"
)
SIGNALS = "pitch celt_lpc kiss_fft mathops"
RECIPROCAL = """
#include <immintrin.h>
void reciprocal(float *x, long count) {
   for (long i = 0; i < count; i++) x[i] = _mm_cvtss_f32(_mm_rcp_ss(_mm_set_ss(x[i])));
}
"""


@pytest.fixture(scope="session")
def network_checker(tmp_path_factory):
    """Return a function that compiles NAME_check.c, and one that then runs it: bytes in, bytes out.

    With `native` the compiler may use this processor's vector instructions, as libopus does.
    """
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"

    @cache
    def compiled(name, native):
        program = tmp_path_factory.mktemp("checker") / name
        command = ["gcc", "-O2", "-w", "-DOPUS_BUILD", "-DUSE_ALLOCA", "-DUSE_WEIGHTS_FILE"]
        command += ["-march=native"] * native + ["-ffunction-sections", "-Wl,--gc-sections"]
        command += [f"-I{folder}" for folder in ("include", "celt", "silk", "silk/float", "src", "dnn", ".")]
        command += [str(HERE / f"{name}_check.c"), *(f"dnn/{part}.c" for part in NETWORKS.split())]
        command += [f"celt/{part}.c" for part in SIGNALS.split()]
        subprocess.run([*command, "-lm", "-o", str(program)], cwd=build.source, check=True)
        return program

    def run(name, data, native=True):
        program = compiled(name, native)
        return subprocess.run([program, build.weights], input=data, capture_output=True, check=True).stdout

    return run


@pytest.fixture(scope="session")
def processors_reciprocal(tmp_path_factory):
    """Return the approximate reciprocal that libopus's vector code takes from an x86 processor."""
    folder = tmp_path_factory.mktemp("reciprocal")
    (folder / "reciprocal.c").write_text(RECIPROCAL)
    library = folder / "reciprocal.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", str(folder / "reciprocal.c"), "-o", str(library)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no x86 processor")
    function = ctypes.CDLL(str(library)).reciprocal

    def reciprocal(values):
        copy = np.array(values, np.float32, order="C", copy=True)
        function(copy.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(copy.size))
        return copy

    return reciprocal
