"""The range decoder of Opus (RFC 6716, section 4.1): symbols out of a frame's bytes, and the bits they took.

A decoder is an int64 array of `STATE_SIZE` numbers beside the frame's bytes; `start` fills it, every other
kernel moves it on. Bytes beyond the end read as zero (section 4.1.2.1), so no input can lead outside the
data, and every search ends at its table's last zero. `RangeDecoderReference` is the same in plain Python, on
the RFC's formulas.
"""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

STATE_SIZE = 5
_VALUE, _RANGE, _NEXT, _REST, _BITS = range(STATE_SIZE)
_LOWEST_RANGE = 1 << 23
_VALUE_MASK = (1 << 31) - 1

Bytes = NDArray[np.uint8]
State = NDArray[np.int64]


@numba.njit(cache=True, fastmath=False, parallel=False)
def _renormalize(state: State, data: Bytes) -> None:
    value, span, following = state[_VALUE], state[_RANGE], state[_NEXT]
    rest, bits = state[_REST], state[_BITS]
    while span <= _LOWEST_RANGE:
        byte = np.int64(data[following]) if following < data.size else np.int64(0)
        following += 1
        value = (value << 8 | 255 - ((rest << 8 | byte) >> 1 & 255)) & _VALUE_MASK
        rest = byte & 1
        span <<= 8
        bits += 8
    state[_VALUE], state[_RANGE], state[_NEXT] = value, span, following
    state[_REST], state[_BITS] = rest, bits


@numba.njit(cache=True, fastmath=False, parallel=False)
def start(state: State, data: Bytes) -> None:
    """Begin a frame (section 4.1.1).

    Parameters
    ----------
    state
        int64, `STATE_SIZE`; overwritten.
    data
        The frame's bytes, uint8; may be empty.
    """
    first = np.int64(data[0]) if data.size > 0 else np.int64(0)
    state[_VALUE] = 127 - (first >> 1)
    state[_RANGE] = 128
    state[_NEXT] = 1
    state[_REST] = first & 1
    state[_BITS] = 9
    _renormalize(state, data)


@numba.njit(cache=True, fastmath=False, parallel=False)
def decode_symbol(state: State, data: Bytes, table: Bytes, row: int) -> int:
    """Decode a symbol of a distribution in 256ths (section 4.1.3.3).

    Parameters
    ----------
    state, data
        The decoder.
    table
        Inverse cumulative distributions, uint8, one a row, each ending in at least one zero.
    row
        Which one.
    """
    value, upper = state[_VALUE], state[_RANGE]
    unit = upper >> 8
    symbol = 0
    lower = unit * np.int64(table[row, 0])
    while value < lower:
        symbol += 1
        upper = lower
        lower = unit * np.int64(table[row, symbol])
    state[_VALUE] = value - lower
    state[_RANGE] = upper - lower
    _renormalize(state, data)
    return symbol


@numba.njit(cache=True, fastmath=False, parallel=False)
def decode_bit(state: State, data: Bytes, log_probability: int) -> int:
    """Decode a bit that is 1 with probability 2**-log_probability, for 1 to 15 (section 4.1.3.2)."""
    value, span = state[_VALUE], state[_RANGE]
    one = span >> log_probability
    bit = 1 if value < one else 0
    if bit:
        state[_RANGE] = one
    else:
        state[_VALUE] = value - one
        state[_RANGE] = span - one
    _renormalize(state, data)
    return bit


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def peek(state: State, total: int) -> int:
    """Return where in a distribution the next symbol lies, 0 to `total` - 1 (section 4.1.2).

    `consume` must follow, with the bounds of the symbol that lies there; `total` is 1 to 65536.
    """
    unit = state[_RANGE] // total
    return int(total - min(state[_VALUE] // unit + 1, total))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def consume(state: State, data: Bytes, low: int, high: int, total: int) -> None:
    """Take the symbol from `low` to `high` of `total` that `peek` fell into (section 4.1.2)."""
    unit = state[_RANGE] // total
    above = unit * (total - high)
    state[_VALUE] -= above
    state[_RANGE] = unit * (high - low) if low > 0 else state[_RANGE] - above
    _renormalize(state, data)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def decode_uniform(state: State, data: Bytes, total: int) -> int:
    """Decode a number of 0 to `total` - 1, all alike, for totals of 2 to 256 (section 4.1.5)."""
    symbol = peek(state, total)
    consume(state, data, symbol, symbol + 1, total)
    return symbol


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def decode_laplace(state: State, data: Bytes, zero: int, decay: int) -> int:
    """Decode one of DRED's integers, whose distribution is geometric to both sides.

    As ``ec_laplace_decode_p0`` of libopus 1.6 (``celt/laplace.c``).

    First its sign, then how far it is from 0, in steps of up to 7 for as long as these are full.

    Parameters
    ----------
    state, data
        The decoder.
    zero
        Probability of 0 in 32768ths, 0 to 32767.
    decay
        How much less probable each number is than the one before, in 32768ths, 0 to 32767.
    """
    others = 32768 - zero
    unit = state[_RANGE] >> 15
    lower_first, lower_second = unit * others, unit * (others // 2)
    value = state[_VALUE]
    if value >= lower_first:
        state[_VALUE] = value - lower_first
        state[_RANGE] -= lower_first
        _renormalize(state, data)
        return 0
    negative = value < lower_second
    if negative:
        state[_RANGE] = lower_second
    else:
        state[_VALUE] = value - lower_second
        state[_RANGE] = lower_first - lower_second
    _renormalize(state, data)
    magnitude, step = 1, 7
    while step == 7:
        unit, value, upper = state[_RANGE] >> 15, state[_VALUE], state[_RANGE]
        tail = max(7, decay)
        lower = unit * tail
        step = 0
        while value < lower:
            step += 1
            upper = lower
            tail = 0 if step == 7 else max(7 - step, tail * decay >> 15)
            lower = unit * tail
        state[_VALUE] = value - lower
        state[_RANGE] = upper - lower
        _renormalize(state, data)
        magnitude += step
    return -magnitude if negative else magnitude


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def tell(state: State) -> int:
    """Return how many bits were used so far, rounded up (section 4.1.6.1)."""
    span, length = state[_RANGE], 0
    while span > 0:
        span >>= 1
        length += 1
    return int(state[_BITS] - length)


@numba.njit(cache=True, fastmath=False, parallel=False)
def tell_eighths(state: State) -> int:
    """Return how many eighths of a bit were used so far, rounded up (section 4.1.6.2)."""
    span = state[_RANGE]
    log = 0
    while span >> log > 0:
        log += 1
    mantissa = span >> (log - 16)
    for _ in range(3):
        mantissa = mantissa * mantissa >> 15
        carry = mantissa >> 16
        log = 2 * log + carry
        mantissa >>= carry
    return int(state[_BITS] * 8 - log)


class RangeDecoderReference:
    """The same decoder on plain Python integers, as RFC 6716 words it; slow.

    Parameters
    ----------
    data
        The frame's bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._stream = int.from_bytes(data, "big")
        self._left = 8 * len(data)
        self.value = 127 - self._take(7)
        self.range = 128
        self.bits = 9
        self._renormalize()

    def _take(self, count: int) -> int:
        """Return the next bits of the stream, first bit highest, with zeros for ever after its end."""
        self._left -= count
        shifted = self._stream >> self._left if self._left >= 0 else self._stream << -self._left
        return shifted % (1 << count)

    def _renormalize(self) -> None:
        while self.range <= 2**23:
            self.range *= 256
            self.value = (self.value * 256 + 255 - self._take(8)) % 2**31
            self.bits += 8

    def symbol(self, inverse_cumulative: Sequence[int]) -> int:
        """Decode by cumulative frequencies of a total of 256 (sections 4.1.2 and 4.1.3.3)."""
        unit = self.range // 256
        frequency = 256 - min(self.value // unit + 1, 256)
        upper = [256 - int(number) for number in inverse_cumulative]
        symbol = next(index for index, bound in enumerate(upper) if frequency < bound)
        self._update(upper[symbol - 1] if symbol else 0, upper[symbol], 256)
        return symbol

    def bit(self, log_probability: int) -> int:
        """Decode one bit, of which 0 comes first and is the likelier (section 4.1.3.2)."""
        total = 1 << log_probability
        frequency = total - min(self.value // (self.range // total) + 1, total)
        bit = int(frequency >= total - 1)
        self._update(*((total - 1, total) if bit else (0, total - 1)), total)
        return bit

    def _update(self, low: int, high: int, total: int) -> None:
        unit = self.range // total
        self.value -= unit * (total - high)
        self.range = unit * (high - low) if low > 0 else self.range - unit * (total - high)
        self._renormalize()

    def uniform(self, total: int) -> int:
        """Decode one of `total` symbols that are all alike (section 4.1.5)."""
        symbol = total - min(self.value // (self.range // total) + 1, total)
        self._update(symbol, symbol + 1, total)
        return symbol

    def frequencies(self, counts: Sequence[int]) -> int:
        """Decode a symbol, given how many parts of the total each has (section 4.1.2)."""
        total = sum(counts)
        frequency = total - min(self.value // (self.range // total) + 1, total)
        symbol, low = 0, 0
        while frequency >= low + counts[symbol]:
            low += counts[symbol]
            symbol += 1
        self._update(low, low + counts[symbol], total)
        return symbol

    def laplace(self, zero: int, decay: int) -> int:
        """Decode an integer whose sign comes first, then its distance from 0 by sevens."""
        negative = (32768 - zero) // 2
        sign = (0, 1, -1)[self.frequencies((zero, 32768 - zero - negative, negative))]
        if sign == 0:
            return 0
        tails = [32768, max(7, decay)]
        while len(tails) < 8:
            tails.append(max(8 - len(tails), tails[-1] * decay // 32768))
        counts = [tails[k] - tails[k + 1] for k in range(7)] + [tails[7]]
        magnitude, step = 1, 7
        while step == 7:
            step = self.frequencies(counts)
            magnitude += step
        return sign * magnitude

    def tell(self) -> int:
        """Return the bits used, rounded up."""
        return self.bits - self.range.bit_length()

    def tell_eighths(self) -> int:
        """Return the eighths of bits used; log2 by comparing eighth powers."""
        length = self.range.bit_length()
        eighth_power = (self.range >> (length - 16)) ** 8
        return 8 * (self.bits - length) - (eighth_power.bit_length() - 1 - 120)
