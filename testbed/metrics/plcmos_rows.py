"""Rows of PLCMOS's layers, each computed once while it is in memory.

Calls of one encoding share all sound outside the gaps. A row is stored under what it is made of, samples or
rows, so only rows near a gap are computed::

    256 samples each --> spectrum --> layer 1 --> layer 2 --> layer 3
       bytes, bytes --> row
                  row, row, row --> row
                             row, row, row --> row ...

A row does not depend on those computed before it, so neither does a score.
"""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice, pairwise
from threading import Lock
from typing import Any

import numpy as np

from testbed.metrics.metric import CannotScoreError, Signal
from testbed.metrics.plcmos_network import ROW_SHAPES, PlcmosNetwork, Rows

MOST_ROWS = 6144
"""Rows of each layer in memory: 95 MB, with the samples.

If a signal might not fit, all rows are forgotten before it; a signal that needs more gets more. So signals of
more than 49 s share nothing.
"""
_HOP = 256
_BELOW_WEAKEST = 12 * np.log(10) / 20  # 120 dB
_WINDOW = np.hamming(2 * _HOP + 1)[:-1]
_PADDING = 0  # the place of a row of zeros, which is before and after the signal at each layer


class RememberedRows:
    """The rows of signals, each computed once while it is in memory.

    Parameters
    ----------
    network
        Computes rows that are not in memory.
    """

    def __init__(self, network: PlcmosNetwork) -> None:
        self._network = network
        self._layers = [_Layer(shape) for shape in ROW_SHAPES]
        self._lock = Lock()

    def spectrum(self, signal: Signal) -> Rows:
        """Return the features that the network was trained on.

        Parameters
        ----------
        signal
            Samples (n,) at 16 kHz.

        Returns
        -------
        ndarray
            Natural logarithm of the power spectrum over 20, (frames, 257): periodic Hamming windows of 32
            ms, each half a window after the last, the first half before the signal. A bin of exactly zero
            power gets 120 dB less than the weakest other bin of the signal.

        Raises
        ------
        CannotScoreError
            All samples are zero.
        """
        with self._kept_whole():
            return self._layers[0].rows[self._frames(signal), :, 0]

    def convolved(self, signal: Signal) -> Rows:
        """Return a signal's rows behind the convolutions (frames - 6, 1, 128); see `spectrum`."""
        with self._kept_whole():
            places = self._frames(signal)
            for number, (before, layer) in enumerate(pairwise(self._layers), start=1):
                padded = [_PADDING, *places, _PADDING]
                places, new = layer.places(zip(padded, padded[2:], padded[4:], strict=False))
                triples = np.array(new, np.intp).reshape(-1, 3)
                self._network.convolve(number, before.rows, triples, layer.last(len(new)))
            return self._layers[-1].rows[places]

    @contextmanager
    def _kept_whole(self) -> Iterator[None]:
        """Let no other thread in; forget all rows if an error or Ctrl-C leaves some unwritten."""
        with self._lock:
            try:
                yield
            except BaseException:
                for layer in self._layers:
                    layer.forget(0)
                raise

    def _frames(self, signal: Signal) -> list[int]:
        """Return the places of a signal's rows of the spectrum."""
        frames = -(-(len(signal) + _HOP) // _HOP)
        self._make_room(2 * frames)
        samples = np.zeros((frames + 1, _HOP), np.float32)
        samples.reshape(-1)[_HOP : _HOP + len(signal)] = signal
        layer = self._layers[0]
        places, new = layer.places(pairwise(hop.tobytes() for hop in samples))
        new_samples = np.frombuffer(b"".join(chain(*new)), np.float32).reshape(-1, 2 * _HOP)
        layer.last(len(new))[:] = _log_power(new_samples)[:, :, np.newaxis]
        return self._filled(places) if np.isneginf(layer.rows[places]).any() else places

    def _filled(self, places: list[int]) -> list[int]:
        """Return the places of rows whose bins of zero power have a value, which depends on the signal."""
        layer = self._layers[0]
        rows = layer.rows[places]
        is_heard = np.isfinite(rows)
        if not is_heard.any():
            raise CannotScoreError("the degraded signal is silent")
        floor = float(rows[is_heard].min()) - _BELOW_WEAKEST
        hollow = [places[index] for index in np.flatnonzero(~is_heard.all(axis=(1, 2)))]
        filled, new = layer.places((place, floor) for place in hollow)
        sources = layer.rows[[place for place, _ in new]]
        layer.last(len(new))[:] = np.where(np.isfinite(sources), sources, floor)
        of = dict(zip(hollow, filled, strict=True))
        return [of.get(place, place) for place in places]

    def _make_room(self, count: int) -> None:
        """Forget all rows if a layer has no room for some more."""
        if any(layer.room < count for layer in self._layers):
            for layer in self._layers:
                layer.forget(count)


class _Places(dict[Any, int]):
    """Places by key; a new key gets the next place."""

    def __missing__(self, key: Hashable) -> int:
        place = self[key] = len(self)
        return place


class _Layer:
    """Rows of one layer in memory, in places by what they are made of."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self.rows = np.zeros((0, *shape), np.float32)
        self.forget(0)

    def forget(self, room: int) -> None:
        """Forget all rows, and have room for some at least."""
        self._places = _Places({None: _PADDING})
        most = max(MOST_ROWS, room + 1)
        if len(self.rows) != most:
            self.rows = np.zeros((most, *self._shape), np.float32)

    @property
    def room(self) -> int:
        """Number of rows that it still has room for."""
        return len(self.rows) - len(self._places)

    def places(self, keys: Iterable[Hashable]) -> tuple[list[int], list[Any]]:
        """Return the place of each key's row, and the keys that are new, whose rows are to be written."""
        before = len(self._places)
        places = [self._places[key] for key in keys]
        return places, list(islice(self._places, before, None))

    def last(self, count: int) -> Rows:
        """Return the rows of the latest keys, to be written."""
        return self.rows[len(self._places) - count : len(self._places)]


def _log_power(samples: Rows) -> Rows:
    """Return the logarithm of the power spectrum over 20; minus infinity for zero power."""
    power = np.square(np.abs(np.fft.rfft(samples * _WINDOW)))
    with np.errstate(divide="ignore"):
        return (np.log(power) / 20).astype(np.float32)
