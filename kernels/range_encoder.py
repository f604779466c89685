"""The range encoder of Opus (RFC 6716, section 5.1), the inverse of the range decoder.

An encoder is an int64 array of `STATE_SIZE` numbers beside a buffer of bytes; `start` fills it, every other
kernel updates it, `finish` returns the size. What does not fit in the buffer is dropped but counted, so
`tell` shows whether all of it fitted.
"""

import numba
import numpy as np
from numpy.typing import NDArray

STATE_SIZE = 6
_LOW, _RANGE, _WRITTEN, _HELD, _PENDING, _BITS = range(STATE_SIZE)
_LOWEST_RANGE = 1 << 23
_TOP = 1 << 31
_SHIFT = 23

Bytes = NDArray[np.uint8]
State = NDArray[np.int64]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _put(state: State, data: Bytes, byte: int) -> None:
    if state[_WRITTEN] < data.size:
        data[state[_WRITTEN]] = byte & 255
    state[_WRITTEN] += 1


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _shift_out(state: State, data: Bytes, symbol: int) -> None:
    """Take 8 bits and a carry. Bytes of 255 wait, because a later carry changes them (section 5.1.1)."""
    if symbol == 255:
        state[_PENDING] += 1
        return
    carry = symbol >> 8
    if state[_HELD] >= 0:
        _put(state, data, state[_HELD] + carry)
    while state[_PENDING] > 0:
        _put(state, data, 255 + carry)
        state[_PENDING] -= 1
    state[_HELD] = symbol & 255


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _renormalize(state: State, data: Bytes) -> None:
    # A symbol of probability 0 leaves a range of 0, which nothing would ever widen.
    while 0 < state[_RANGE] <= _LOWEST_RANGE:
        _shift_out(state, data, state[_LOW] >> _SHIFT)
        state[_LOW] = state[_LOW] << 8 & _TOP - 1
        state[_RANGE] <<= 8
        state[_BITS] += 8


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def start(state: State) -> None:
    """Begin; `state` is int64, `STATE_SIZE`, and overwritten."""
    state[_LOW], state[_RANGE] = 0, _TOP
    state[_WRITTEN], state[_HELD], state[_PENDING] = 0, -1, 0
    state[_BITS] = 33


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def encode(state: State, data: Bytes, low: int, high: int, total: int) -> None:
    """Encode the symbol that has the parts from `low` to `high` of `total`, at most 65536 (section 5.1).

    Parameters
    ----------
    state
        The encoder.
    data
        uint8, the output buffer.
    low, high, total
        0 <= low < high <= total.
    """
    unit = state[_RANGE] // total
    above = unit * (total - high)
    if low > 0:
        state[_LOW] += state[_RANGE] - unit * (total - low)
        state[_RANGE] = unit * (high - low)
    else:
        state[_RANGE] -= above
    _renormalize(state, data)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def encode_bit(state: State, data: Bytes, bit: int, log_probability: int) -> None:
    """Encode a bit that is 1 with probability 2**-log_probability, for 1 to 15 (section 5.1.3)."""
    one = state[_RANGE] >> log_probability
    if bit:
        state[_LOW] += state[_RANGE] - one
        state[_RANGE] = one
    else:
        state[_RANGE] -= one
    _renormalize(state, data)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def encode_uniform(state: State, data: Bytes, symbol: int, total: int) -> None:
    """Encode a uniform number of 0 to `total` - 1, for totals of 2 to 256 (section 5.1.4)."""
    encode(state, data, symbol, symbol + 1, total)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def encode_laplace(state: State, data: Bytes, value: int, zero: int, decay: int) -> None:
    """Encode an integer as `testbed.kernels.range_decoder.decode_laplace` decodes it, with its parameters.

    `zero` is 1 to 32766 here: a value that has no probability leaves a stream that cannot be decoded.
    """
    others = 32768 - zero
    if value == 0:
        encode(state, data, 0, zero, 32768)
        return
    if value > 0:
        encode(state, data, zero, 32768 - others // 2, 32768)
    else:
        encode(state, data, 32768 - others // 2, 32768, 32768)
    left = abs(value) - 1
    more = True
    while more:
        step = min(left, 7)
        above, tail = 32768, max(7, decay)
        for index in range(step):
            above = tail
            tail = 0 if index == 6 else max(6 - index, tail * decay >> 15)
        encode(state, data, 32768 - above, 32768 - tail, 32768)
        more = step == 7
        left -= 7


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def tell(state: State) -> int:
    """Return the number of bits used so far, rounded up (section 4.1.6.1)."""
    span, length = state[_RANGE], 0
    while span > 0:
        span >>= 1
        length += 1
    return int(state[_BITS] - length)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def finish(state: State, data: Bytes) -> int:
    """Write the rest (section 5.1.5) in the fewest bits that decode correctly, whatever follows.

    Returns
    -------
    int
        Size in bytes, all of which are in `data` if it is as large; the last ones may be 0.
    """
    used = tell(state)
    low, span = state[_LOW], state[_RANGE]
    length = 0
    while span >> length > 0:
        length += 1
    bits = 32 - length
    mask = _TOP - 1 >> bits
    end = low + mask & ~mask
    if end | mask >= low + span:
        bits += 1
        mask >>= 1
        end = low + mask & ~mask
    while bits > 0:
        _shift_out(state, data, end >> _SHIFT)
        end = end << 8 & _TOP - 1
        bits -= 8
    if state[_HELD] >= 0 or state[_PENDING] > 0:
        _shift_out(state, data, 0)
    size = (used + 7) // 8
    for position in range(state[_WRITTEN], min(size, data.size)):
        data[position] = 0
    return size
