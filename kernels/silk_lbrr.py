"""Extent of the LBRR frames of an Opus frame: reads its SILK layer up to their end (RFC 6716, section 4.2).

LBRR frames lie between the header's flags and the speech, so their size is the difference of the range
decoder's position after the last and before the first of them. Every symbol must be decoded, but only those
that select later ones are kept.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels import silk_tables as tables
from testbed.kernels.range_decoder import (
    STATE_SIZE,
    Bytes,
    State,
    decode_bit,
    decode_symbol,
    start,
    tell_eighths,
)

_BLOCK = 16
_MAX_BLOCKS = 20
_TYPE_VOICED = 2
_ESCAPE = 17
_MAX_LOW_BITS = 10

_LBRR_FLAGS, _STEREO_COARSE, _MID_ONLY = tables.LBRR_FLAGS, tables.STEREO_COARSE, tables.MID_ONLY
_UNIFORM, _FRAME_TYPE = tables.UNIFORM, tables.FRAME_TYPE
_UNIFORM_3, _UNIFORM_4, _UNIFORM_5 = tables.UNIFORM_3, tables.UNIFORM_4, tables.UNIFORM_5
_UNIFORM_8 = tables.UNIFORM_8
_LAG_LOW_ROW = (tables.UNIFORM_4, tables.UNIFORM_6, tables.UNIFORM_8)  # at 8, 12 and 16 kHz
_GAIN_HIGH, _GAIN_DELTA = tables.GAIN_HIGH, tables.GAIN_DELTA
_LSF_FIRST, _LSF_SECOND, _LSF_EXTENSION = tables.LSF_FIRST, tables.LSF_SECOND, tables.LSF_EXTENSION
_LSF_NARROW, _LSF_WIDE = tables.LSF_CODEBOOKS_NARROW, tables.LSF_CODEBOOKS_WIDE
_LSF_INTERPOLATION = tables.LSF_INTERPOLATION
_LAG_HIGH, _LAG_DELTA, _PITCH_CONTOUR = tables.LAG_HIGH, tables.LAG_DELTA, tables.PITCH_CONTOUR
_LTP_PERIODICITY, _LTP_FILTER, _LTP_SCALING = tables.LTP_PERIODICITY, tables.LTP_FILTER, tables.LTP_SCALING
_RATE_LEVEL, _PULSE_COUNT, _LOW_BIT, _SIGN = (
    tables.RATE_LEVEL,
    tables.PULSE_COUNT,
    tables.LOW_BIT,
    tables.SIGN,
)
_SPLIT_BLOCK, _SPLIT_OCTET = tables.SPLIT_BLOCK, tables.SPLIT_OCTET
_SPLIT_QUAD, _SPLIT_PAIR = tables.SPLIT_QUAD, tables.SPLIT_PAIR


@numba.njit(cache=True, fastmath=False, parallel=False)
def _skip_parameters(state: State, data: Bytes, rate_khz: int, subframes: int, previous_type: int) -> int:
    """Decode a frame's parameters (4.2.7.3 to 4.2.7.7); return 2 * signal type + quantization offset.

    `previous_type` is that of the LBRR frame just before, on which this one then depends, or 0.
    """
    conditional = previous_type > 0
    frame_type = 2 + decode_symbol(state, data, _FRAME_TYPE, 0)
    voiced = frame_type >> 1 == _TYPE_VOICED
    wide = rate_khz == 16
    if conditional:
        decode_symbol(state, data, _GAIN_DELTA, 0)
    else:
        decode_symbol(state, data, _GAIN_HIGH, frame_type >> 1)
        decode_symbol(state, data, _UNIFORM, _UNIFORM_8)
    for _ in range(subframes - 1):
        decode_symbol(state, data, _GAIN_DELTA, 0)

    vector = decode_symbol(state, data, _LSF_FIRST, 2 * int(wide) + int(voiced))
    for coefficient in range(16 if wide else 10):
        codebook = _LSF_WIDE[vector, coefficient] if wide else _LSF_NARROW[vector, coefficient]
        index = decode_symbol(state, data, _LSF_SECOND, int(codebook))
        if index in (0, 8):
            decode_symbol(state, data, _LSF_EXTENSION, 0)
    if subframes == 4:
        decode_symbol(state, data, _LSF_INTERPOLATION, 0)

    if voiced:
        # A change of lag of 0 stands for "an absolute lag follows".
        if previous_type >> 1 != _TYPE_VOICED or decode_symbol(state, data, _LAG_DELTA, 0) == 0:
            decode_symbol(state, data, _LAG_HIGH, 0)
            decode_symbol(state, data, _UNIFORM, _LAG_LOW_ROW[rate_khz // 4 - 2])
        decode_symbol(state, data, _PITCH_CONTOUR, 2 * int(rate_khz > 8) + int(subframes == 4))
        periodicity = decode_symbol(state, data, _LTP_PERIODICITY, 0)
        for _ in range(subframes):
            decode_symbol(state, data, _LTP_FILTER, periodicity)
        if not conditional:
            decode_symbol(state, data, _LTP_SCALING, 0)
    decode_symbol(state, data, _UNIFORM, _UNIFORM_4)
    return frame_type


@numba.njit(cache=True, fastmath=False, parallel=False)
def _split(state: State, data: Bytes, table: Bytes, count: int) -> int:
    """Decode how many of `count` pulses are in the first half (4.2.7.8.3)."""
    return decode_symbol(state, data, table, count - 1) if count > 0 else 0


@numba.njit(cache=True, fastmath=False, parallel=False)
def _place_pulses(state: State, data: Bytes, count: int, pulses: NDArray[np.int64]) -> None:
    """Decode where the `count` pulses of a block are: halves of halves, the first half always first."""
    octet_0 = _split(state, data, _SPLIT_BLOCK, count)
    for octet in range(2):
        in_octet = octet_0 if octet == 0 else count - octet_0
        quad_0 = _split(state, data, _SPLIT_OCTET, in_octet)
        for quad in range(2):
            in_quad = quad_0 if quad == 0 else in_octet - quad_0
            pair_0 = _split(state, data, _SPLIT_QUAD, in_quad)
            for pair in range(2):
                in_pair = pair_0 if pair == 0 else in_quad - pair_0
                first = _split(state, data, _SPLIT_PAIR, in_pair)
                position = 8 * octet + 4 * quad + 2 * pair
                pulses[position] = first
                pulses[position + 1] = in_pair - first


@numba.njit(cache=True, fastmath=False, parallel=False)
def _skip_excitation(state: State, data: Bytes, frame_type: int, blocks: int) -> None:
    """Decode a frame's pulses (4.2.7.8): all counts, then all places, then all low bits, then all signs."""
    counts = np.zeros(_MAX_BLOCKS, np.int64)
    low_bits = np.zeros(_MAX_BLOCKS, np.int64)
    pulses = np.zeros((_MAX_BLOCKS, _BLOCK), np.int64)
    level = decode_symbol(state, data, _RATE_LEVEL, int(frame_type >> 1 == _TYPE_VOICED))
    for block in range(blocks):
        count = decode_symbol(state, data, _PULSE_COUNT, level)
        while count == _ESCAPE:
            low_bits[block] += 1
            count = decode_symbol(state, data, _PULSE_COUNT, 9 + int(low_bits[block] == _MAX_LOW_BITS))
        counts[block] = count
    for block in range(blocks):
        if counts[block] > 0:
            _place_pulses(state, data, counts[block], pulses[block])
    for block in range(blocks):
        if low_bits[block] > 0:
            for position in range(_BLOCK):
                for _ in range(low_bits[block]):
                    pulses[block, position] |= decode_symbol(state, data, _LOW_BIT, 0)
    for block in range(blocks):
        row = 7 * frame_type + min(counts[block], 6)
        for position in range(_BLOCK):
            if pulses[block, position] != 0:
                decode_symbol(state, data, _SIGN, row)


@numba.njit(cache=True, fastmath=False, parallel=False)
def lbrr_extent(
    data: Bytes, rate_khz: int, frames: int, subframes: int, channels: int
) -> tuple[int, int, int, int]:
    """Return the extent of the LBRR frames of one Opus frame with a SILK layer.

    Parameters
    ----------
    data
        The Opus frame without the packet's TOC byte, uint8. Damaged data give some numbers, no error.
    rate_khz
        Rate of the SILK layer: 8, 12 or 16.
    frames
        SILK frames in this Opus frame: 1 to 3.
    subframes
        5 ms subframes of each: 2 (10 ms, then `frames` is 1) or 4 (20 ms).
    channels
        1 or 2.

    Returns
    -------
    tuple
        Eighths of bits that the range decoder has used after the LBRR flag of each channel and after the last
        LBRR frame; then a bit mask of the SILK frames that have LBRR, lowest bit first, for the mid (or only)
        channel and for the side channel.
    """
    state = np.zeros(STATE_SIZE, np.int64)
    start(state, data)
    masks = np.zeros(2, np.int64)
    for channel in range(channels):
        for _ in range(frames):
            decode_bit(state, data, 1)  # voice activity, of the speech itself
        masks[channel] = decode_bit(state, data, 1)
    begin = tell_eighths(state)
    for channel in range(channels):
        if masks[channel] != 0 and frames > 1:
            masks[channel] = 1 + decode_symbol(state, data, _LBRR_FLAGS, frames - 2)

    blocks = (5 * rate_khz * subframes + _BLOCK - 1) // _BLOCK
    previous_type = np.zeros(2, np.int64)
    for frame in range(frames):
        for channel in range(channels):
            if masks[channel] >> frame & 1 == 0:
                previous_type[channel] = 0
                continue
            if channels == 2 and channel == 0:
                decode_symbol(state, data, _STEREO_COARSE, 0)
                for _ in range(2):
                    decode_symbol(state, data, _UNIFORM, _UNIFORM_3)
                    decode_symbol(state, data, _UNIFORM, _UNIFORM_5)
                if masks[1] >> frame & 1 == 0:
                    decode_symbol(state, data, _MID_ONLY, 0)
            frame_type = _skip_parameters(state, data, rate_khz, subframes, previous_type[channel])
            _skip_excitation(state, data, frame_type, blocks)
            previous_type[channel] = frame_type
    return begin, tell_eighths(state), masks[0], masks[1]
