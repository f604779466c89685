"""Probabilities of the symbols of Opus's SILK layer (RFC 6716, section 4.2), one distribution per row.

Each row lists probabilities in 256ths, as the RFC prints them; a kernel reads the table as inverse cumulative
distributions, 256 minus the running sum: uint8, a row padded with zeros, which end every search.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.uint8]


def _icdf(text: str) -> Table:
    rows = [[int(number) for number in line.split()] for line in text.strip().splitlines()]
    table = np.zeros((len(rows), max(map(len, rows))), np.uint8)
    for row, probabilities in zip(table, rows, strict=True):
        row[: len(probabilities)] = 256 - np.cumsum(probabilities)
    return table


def _letters(text: str) -> NDArray[Any]:
    return np.array([[ord(letter) - ord("a") for letter in word] for word in text.split()], np.uint8)


# Which frames of a 40 ms, then of a 60 ms packet have LBRR: 1 + symbol is a bit mask (4.2.4).
LBRR_FLAGS = _icdf("""
    53 53 150
    41 20 29 41 15 28 82
""")

# Coarse part of both stereo weights, 5 * first + second (4.2.7.1); then two finer ones each.
STEREO_COARSE = _icdf("""
    7 2 1 1 1 10 24 8 1 1 3 23 92 23 3 1 1 8 24 10 1 1 1 2 7
""")

# n equally likely values, as well as 256ths can say it, for n of 3, 4, 5, 6 and 8.
UNIFORM = _icdf("""
    85 86 85
    64 64 64 64
    51 51 52 51 51
    43 42 43 43 42 43
    32 32 32 32 32 32 32 32
""")
UNIFORM_3, UNIFORM_4, UNIFORM_5, UNIFORM_6, UNIFORM_8 = range(5)

# Whether the side channel is left out (4.2.7.2).
MID_ONLY = _icdf("192 64")

# Signal type and quantization offset of an active frame: 2 + symbol is 2 * type + offset (4.2.7.3).
FRAME_TYPE = _icdf("""
    24 74 148 10
""")

# Three upper bits of an independently coded gain, by signal type (4.2.7.4).
GAIN_HIGH = _icdf("""
    32 112 68 29 12 1 1 1
    2 17 45 60 62 47 19 4
    1 3 26 71 94 50 9 2
""")

# Change of gain from one subframe to the next (4.2.7.4).
GAIN_DELTA = _icdf("""
    6 5 11 31 132 21 8 4 3 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
""")

# First stage of the spectral envelope (4.2.7.5.1): up to 12 kHz not voiced and voiced, 16 kHz the same.
LSF_FIRST = _icdf("""
    44 34 30 19 21 12 11 3 3 2 16 2 2 1 5 2 1 3 3 1 1 2 2 2 3 1 9 9 2 7 2 1
    1 10 1 8 3 8 8 14 13 14 1 14 12 13 11 11 12 11 10 10 11 8 9 8 7 8 1 1 6 1 6 5
    31 21 3 17 1 8 17 4 1 18 16 4 2 3 1 10 1 3 16 11 16 2 2 3 2 11 1 4 9 8 7 3
    1 4 16 5 18 11 5 14 15 1 3 12 13 14 14 6 14 12 2 6 1 12 12 11 10 3 10 5 1 1 1 3
""")

# Second stage, codebooks a to h (up to 12 kHz) and i to p (16 kHz) (4.2.7.5.2).
LSF_SECOND = _icdf("""
    1 1 1 15 224 11 1 1 1
    1 1 2 34 183 32 1 1 1
    1 1 4 42 149 55 2 1 1
    1 1 8 52 123 61 8 1 1
    1 3 16 53 101 74 6 1 1
    1 3 17 55 90 73 15 1 1
    1 7 24 53 74 67 26 3 1
    1 1 18 63 78 58 30 6 1
    1 1 1 9 232 9 1 1 1
    1 1 2 28 186 35 1 1 1
    1 1 3 42 152 53 2 1 1
    1 1 10 49 126 65 2 1 1
    1 4 19 48 100 77 5 1 1
    1 1 14 54 100 72 12 1 1
    1 1 15 61 87 61 25 4 1
    1 7 21 50 77 81 17 1 1
""")

# How far a second-stage index lies beyond -4 or 4 (4.2.7.5.2).
LSF_EXTENSION = _icdf("""
    156 60 24 9 4 2 1
""")

# Codebook of each coefficient, by the first stage's index, up to 12 kHz (4.2.7.5.2).
LSF_CODEBOOKS_NARROW = _letters("""
    aaaaaaaaaa bdbccbcbbb cbbbbbbbbb bccccbcbbb cddddccccc afddccccbb accccccccb cdgeeefeff
    ceffefegee ceehefeffe edddcdcccc bffgefefff chegffffff chfffffgfe ddfeefefee cddffeeeee
    ceegefefff cfegfffefe chefefefff cfeghgfgfe dghegffgef chgeeefeff effeggfgfe cffgfgegee
    efffdheffe cdeffgeffe cdcddecddd bbcccccdcc effgggfgef dffeeeeddc cfdhffeefe eefefgfgfe
""")

# The same for 16 kHz.
LSF_CODEBOOKS_WIDE = _letters("""
    iiiiiiiiiiiiiiii klllllkkkkkjjjil knnlpmmnknmnnmll ikjkkjjjjjiiiiij
    ionmompnmmmnnmml ilnnmllnllllllkm iiiiiiiiiiiiiiii ikolpknlmnnmllkl
    iokoomnmonmmnlll kjiiiiiiiiiiiiii ijiiiiiiiiiiiiij kklmnlllllllkkjl
    kkllmllllllllkjl lmmmommnlnmmnmlm iomnmpnkonpmmlnl ijijjjjjjjiiiiji
    jonpnmnlmnmmmllm jllmmllnkllnnnlm kllkkklkjkjkjjjm iklnllkkkjjiiiii
    lmlnllkkjjjjjkkm kolppmnmnlnllkll klnoolnlmmllllkm jllmmmmlnnnljjjj
    knloompmmnlmmlll iojjiiiiiiiiiiii ioolnknnlmmppmmm llplnmlllkklllkl
    iijiiikjkjjkkkjj ilknllklkjiijiij lnnmpnllklkkjiji klnlmlllkjkomiii
""")

# Interpolation with the frame before, 20 ms only (4.2.7.5.5).
LSF_INTERPOLATION = _icdf("""
    13 22 29 11 181
""")

# Upper part of an absolute pitch lag (4.2.7.6.1).
LAG_HIGH = _icdf("""
    3 3 6 11 21 30 32 19 11 10 12 13 13 12 11 9 8 7 6 4 2 2 2 1 1 1 1 1 1 1 1 1
""")

# Change of lag; 0 says that an absolute one follows (4.2.7.6.1).
LAG_DELTA = _icdf("""
    46 2 2 3 4 6 10 15 26 38 30 22 15 10 7 6 4 4 2 2 2
""")

# Pitch contour: 8 kHz of 10 ms and 20 ms, above 8 kHz of 10 ms and 20 ms (4.2.7.6.1).
PITCH_CONTOUR = _icdf("""
    143 50 63
    68 12 21 17 19 22 30 24 17 16 10
    91 46 39 19 14 12 8 7 6 5 5 4
    33 22 18 16 15 14 14 13 13 10 9 9 8 6 6 6 5 4 4 4 3 3 3 2 2 2 2 2 2 2 1 1 1 1
""")

# Which codebook of long-term filters (4.2.7.6.2).
LTP_PERIODICITY = _icdf("""
    77 80 99
""")

# Long-term filter of a subframe, by periodicity (4.2.7.6.2).
LTP_FILTER = _icdf("""
    185 15 13 13 9 9 6 6
    57 34 21 20 15 13 12 13 10 10 9 10 9 8 7 8
    15 16 14 12 12 12 11 11 11 10 9 9 9 9 8 8 8 8 7 7 6 6 5 4 5 4 4 4 3 4 3 2
""")

# Scaling of the long-term prediction (4.2.7.6.3).
LTP_SCALING = _icdf("""
    128 64 64
""")

# Rate level of the excitation: not voiced, voiced (4.2.7.8.1).
RATE_LEVEL = _icdf("""
    15 51 12 46 45 13 33 27 14
    33 30 36 17 34 49 18 21 18
""")

# Pulses in 16 samples, by rate level; 17 announces one more low bit and another count, by row 9, and after
# ten low bits by row 10 (4.2.7.8.2).
PULSE_COUNT = _icdf("""
    131 74 25 8 3 3 1 1 1 1 1 1 1 1 1 1 1 1
    58 93 60 23 7 3 1 1 1 1 1 1 1 1 1 1 1 1
    43 51 46 33 24 16 11 8 6 3 3 3 2 1 1 2 1 2
    17 52 71 57 31 12 5 1 1 1 1 1 1 1 1 1 1 1
    6 21 41 53 49 35 21 11 6 3 2 2 1 1 1 1 1 1
    7 14 22 28 29 28 25 20 17 13 11 9 7 5 4 4 3 10
    2 5 14 29 42 46 41 31 19 11 6 3 2 1 1 1 1 1
    1 2 4 10 19 29 35 37 34 28 20 14 8 5 4 2 2 2
    1 2 2 5 9 14 20 24 27 28 26 23 20 15 11 8 6 15
    1 1 1 6 27 58 56 39 25 14 10 6 3 3 2 1 1 2
    2 1 6 27 58 56 39 25 14 10 6 3 3 2 1 1 2
""")

# Pulses in the first half of 16 samples; row n - 1 is for n pulses in all of them (4.2.7.8.3).
SPLIT_BLOCK = _icdf("""
    126 130
    56 142 58
    25 101 104 26
    12 60 108 64 12
    7 35 84 87 37 6
    4 20 59 86 63 21 3
    3 12 38 72 75 42 12 2
    2 8 25 54 73 59 27 7 1
    2 5 17 39 63 65 42 18 4 1
    1 4 12 28 49 63 54 30 11 3 1
    1 4 8 20 37 55 57 41 22 8 2 1
    1 3 7 15 28 44 53 48 33 16 6 1 1
    1 2 6 12 21 35 47 48 40 25 12 5 1 1
    1 1 4 10 17 27 37 47 43 33 21 9 4 1 1
    1 1 1 8 14 22 33 40 43 38 28 16 8 1 1 1
    1 1 1 1 13 18 27 36 41 41 34 24 14 1 1 1 1
""")

# Pulses in the first half of 8 samples; row n - 1 is for n pulses in all of them (4.2.7.8.3).
SPLIT_OCTET = _icdf("""
    127 129
    53 149 54
    22 105 106 23
    11 61 111 63 10
    6 35 86 88 36 5
    4 20 59 87 62 21 3
    3 13 40 71 73 41 13 2
    3 9 27 53 70 56 28 9 1
    3 8 19 37 57 61 44 20 6 1
    3 7 15 28 44 54 49 33 17 5 1
    1 7 13 22 34 46 48 38 28 14 4 1
    1 1 11 22 27 35 42 47 33 25 10 1 1
    1 1 6 14 26 37 43 43 37 26 14 6 1 1
    1 1 4 10 20 31 40 42 40 31 20 10 4 1 1
    1 1 3 8 16 26 35 38 38 35 26 16 8 3 1 1
    1 1 2 6 12 21 30 36 38 36 30 21 12 6 2 1 1
""")

# Pulses in the first half of 4 samples; row n - 1 is for n pulses in all of them (4.2.7.8.3).
SPLIT_QUAD = _icdf("""
    127 129
    49 157 50
    20 107 109 20
    11 60 113 62 10
    7 36 84 87 36 6
    6 24 57 82 60 23 4
    5 18 39 64 68 42 16 4
    6 14 29 47 61 52 30 14 3
    1 15 23 35 51 50 40 30 10 1
    1 1 21 32 42 52 46 41 18 1 1
    1 6 16 27 36 42 42 36 27 16 6 1
    1 5 12 21 31 38 40 38 31 21 12 5 1
    1 3 9 17 26 34 38 38 34 26 17 9 3 1
    1 3 7 14 22 29 34 36 34 29 22 14 7 3 1
    1 2 5 11 18 25 31 35 35 31 25 18 11 5 2 1
    1 1 4 9 15 21 28 32 34 32 28 21 15 9 4 1 1
""")

# Pulses in the first half of 2 samples; row n - 1 is for n pulses in all of them (4.2.7.8.3).
SPLIT_PAIR = _icdf("""
    128 128
    42 172 42
    21 107 107 21
    12 60 112 61 11
    8 34 86 86 35 7
    8 23 55 90 55 20 5
    5 15 38 72 72 36 15 3
    6 12 27 52 77 47 20 10 5
    6 19 28 35 40 40 35 28 19 6
    4 14 22 31 37 40 37 31 22 14 4
    3 10 18 26 33 38 38 33 26 18 10 3
    2 8 13 21 29 36 38 36 29 21 13 8 2
    1 5 10 17 25 32 38 38 32 25 17 10 5 1
    1 4 7 13 21 29 35 36 35 29 21 13 7 4 1
    1 2 5 10 17 25 32 36 36 32 25 17 10 5 2 1
    1 2 4 7 13 21 28 34 36 34 28 21 13 7 4 2 1
""")

# One low bit of a pulse (4.2.7.8.4).
LOW_BIT = _icdf("136 120")

# Whether a pulse is negative (0) or positive (1): row 7 * (2 * signal type + quantization offset) + the
# pulses of its block, of which 6 stands for all above (4.2.7.8.5).
_NEGATIVE = np.array(
    [
        [2, 207, 189, 179, 174, 163, 157],
        [58, 245, 238, 232, 225, 220, 211],
        [1, 210, 190, 178, 169, 162, 152],
        [48, 242, 235, 224, 214, 205, 190],
        [1, 162, 152, 147, 144, 141, 138],
        [8, 203, 187, 176, 168, 161, 154],
    ],
    np.int64,
)
SIGN = np.stack((256 - _NEGATIVE.ravel(), np.zeros(_NEGATIVE.size)), axis=1).astype(np.uint8)
