"""The range decoder of Opus (RFC 6716, section 4.1): reads symbols and counts their bits.

A decoder is an int64 array of `STATE_SIZE` numbers beside the frame's bytes; `start` fills it, every other
kernel updates it. Bytes beyond the end read as zero (section 4.1.2.1), so no input can lead outside the
data, and every search ends at its table's last zero.
"""

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
        Inverse cumulative distributions, uint8, one per row, each ending in at least one zero.
    row
        Row of the distribution.
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
    """Decode a uniform number of 0 to `total` - 1, for totals of 2 to 256 (section 4.1.5)."""
    symbol = peek(state, total)
    consume(state, data, symbol, symbol + 1, total)
    return symbol


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def decode_laplace(state: State, data: Bytes, zero: int, decay: int) -> int:
    """Decode one of DRED's integers, with a two-sided geometric distribution.

    As ``ec_laplace_decode_p0`` of libopus 1.6 (``celt/laplace.c``).

    Its sign comes first, then its distance from 0 in steps of up to 7; a step below 7 is the last.

    Parameters
    ----------
    state, data
        The decoder.
    zero
        Probability of 0 in 32768ths, 0 to 32767.
    decay
        Ratio of each number's probability to the one before, in 32768ths, 0 to 32767.
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
    """Return the number of bits used so far, rounded up (section 4.1.6.1)."""
    span, length = state[_RANGE], 0
    while span > 0:
        span >>= 1
        length += 1
    return int(state[_BITS] - length)


@numba.njit(cache=True, fastmath=False, parallel=False)
def tell_eighths(state: State) -> int:
    """Return the bits used so far in eighths, rounded up (section 4.1.6.2)."""
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
