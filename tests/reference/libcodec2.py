"""The C program of LPCNet, called in a process of its own: its random generator starts afresh each time."""

import ctypes
import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.lpcnet import weights

Array = NDArray[Any]
FRAME_SAMPLES = 160
_CONDITION, _GRU_A, _GRU_B, _LEVELS, _LPC_ORDER = 128, 384, 16, 256, 16
_CONV_STATES = 2 * 102 + 2 * 128


def frame_network(features: Array) -> tuple[Array, Array]:
    """Return the conditions (frames, 128) and (frames, 1152) of `run_frame_network`.

    Parameters
    ----------
    features
        Shape (frames, 38).
    """
    out = _call("frame_network", features=features)
    return out["condition"], out["gru_a_condition"]


def sample_network(
    condition: Array, gru_a_condition: Array, last_exc: Array, last_sig: Array, pred: Array
) -> tuple[Array, Array, Array]:
    """Return the logits and the states of both GRUs after each step of `run_sample_network`.

    Parameters
    ----------
    condition, gru_a_condition
        Shapes (steps, 128) and (steps, 1152).
    last_exc, last_sig, pred
        Mu-law levels, shape (steps,).

    Returns
    -------
    tuple
        Arrays of shape (steps, 256), (steps, 384) and (steps, 16).
    """
    inputs = {"condition": condition, "gru_a_condition": gru_a_condition}
    out = _call("sample_network", **inputs, last_exc=last_exc, last_sig=last_sig, pred=pred)
    return out["logits"], out["gru_a"], out["gru_b"]


def draws(logits: Array, boost: Array, floor: float) -> Array:
    """Return the level that `sample_from_pdf` draws from each row of logits (steps, 256)."""
    return _call("draws", logits=logits, boost=boost, floor=np.array(floor))["levels"]


def lpc(cepstra: Array) -> Array:
    """Return the coefficients (frames, 16) of `lpc_from_cepstrum` for cepstra (frames, 18)."""
    return _call("lpc", cepstra=cepstra)["lpc"]


def synthesize(features: Array) -> tuple[Array, float]:
    """Return the PCM of `lpcnet_synthesize` and its processor seconds.

    Parameters
    ----------
    features
        Shape (frames, 38). The first two frames of sound are silence: the network looks two frames ahead.

    Returns
    -------
    tuple
        Samples at 16 kHz, int16, and seconds.
    """
    out = _call("synthesize", features=features)
    return out["pcm"], float(out["seconds"])


def _call(name: str, **arrays: Array) -> dict[str, Array]:
    assert not weights.missing(), weights.missing()
    given = io.BytesIO()
    np.savez(given, allow_pickle=False, **arrays)
    command = [sys.executable, "-m", "tests.reference.libcodec2", str(weights.library()), name]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, input=given.getvalue(), stdout=subprocess.PIPE, cwd=root, check=True)
    with np.load(io.BytesIO(done.stdout)) as got:
        return dict(got)


class _Program:
    """The library, in the process of its own."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.lpcnet_create.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._library.lpcnet_create())

    def frame_network(self, features: Array) -> dict[str, Array]:
        features = np.ascontiguousarray(features, np.float32)
        condition = np.zeros((len(features), _CONDITION), np.float32)
        gru_a_condition = np.zeros((len(features), 3 * _GRU_A), np.float32)
        for frame, outputs in enumerate(zip(condition, gru_a_condition, strict=True)):
            pitch = int(np.floor(0.1 + 50 * float(features[frame, 36]) + 100))
            self._library.run_frame_network(
                self._state, *(_pointer(part) for part in (*outputs, features[frame])), pitch
            )
        return {"condition": condition, "gru_a_condition": gru_a_condition}

    def sample_network(
        self, condition: Array, gru_a_condition: Array, last_exc: Array, last_sig: Array, pred: Array
    ) -> dict[str, Array]:
        steps = len(pred)
        out = {
            "logits": np.zeros((steps, _LEVELS), np.float32),
            "gru_a": np.zeros((steps, _GRU_A), np.float32),
            "gru_b": np.zeros((steps, _GRU_B), np.float32),
        }
        state = np.zeros(_CONV_STATES + _GRU_A + _GRU_B, np.float32)  # C's NNetState
        condition, gru_a_condition = (
            np.ascontiguousarray(part, np.float32) for part in (condition, gru_a_condition)
        )
        for step in range(steps):
            self._library.run_sample_network(
                _pointer(state),
                _pointer(out["logits"][step]),
                _pointer(condition[step]),
                _pointer(gru_a_condition[step]),
                *(int(level[step]) for level in (last_exc, last_sig, pred)),
            )
            out["gru_a"][step] = state[_CONV_STATES : _CONV_STATES + _GRU_A]
            out["gru_b"][step] = state[_CONV_STATES + _GRU_A :]
        return out

    def draws(self, logits: Array, boost: Array, floor: Array) -> dict[str, Array]:
        draw = self._library.sample_from_pdf
        draw.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_float]
        rows = np.ascontiguousarray(logits, np.float32)
        levels = [
            draw(row.ctypes.data, _LEVELS, float(more), float(floor))
            for row, more in zip(rows, boost, strict=True)
        ]
        return {"levels": np.array(levels)}

    def lpc(self, cepstra: Array) -> dict[str, Array]:
        rows = np.ascontiguousarray(cepstra, np.float32)
        out = np.zeros((len(rows), _LPC_ORDER), np.float32)
        self._library.lpc_from_cepstrum.restype = ctypes.c_float
        for row, coefficients in zip(rows, out, strict=True):
            self._library.lpc_from_cepstrum(_pointer(coefficients), _pointer(row))
        return {"lpc": out}

    def synthesize(self, features: Array) -> dict[str, Array]:
        rows = np.ascontiguousarray(features, np.float32)
        pcm = np.zeros((len(rows), FRAME_SAMPLES), np.int16)
        started = time.process_time()
        for row, samples in zip(rows, pcm, strict=True):
            self._library.lpcnet_synthesize(self._state, _pointer(samples), _pointer(row), FRAME_SAMPLES, 0)
        return {"pcm": pcm.reshape(-1), "seconds": np.array(time.process_time() - started)}


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def main(path: str, name: str) -> None:
    """Call one function of the library: arrays in, arrays out."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as given:
        out = getattr(_Program(path), name)(**given)
    np.savez(sys.stdout.buffer, **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
