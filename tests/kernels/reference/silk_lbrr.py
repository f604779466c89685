"""Plain version of `testbed.kernels.silk_lbrr`."""

import numpy as np
from numpy.typing import NDArray

from reference import range_decoder
from testbed.kernels import silk_tables as tables


class _Silk(range_decoder.RangeDecoder):
    """The same walk in the words of the RFC, on the plain range decoder."""

    def pick(self, table: NDArray[np.uint8], row: int = 0) -> int:
        return self.symbol(table[row].tolist())

    def parameters(self, rate_khz: int, subframes: int, previous: str | None) -> tuple[str, int]:
        """Read a frame up to its seed; `previous` is the kind of the LBRR frame just before, or None."""
        kind, offset = (("unvoiced", 0), ("unvoiced", 1), ("voiced", 0), ("voiced", 1))[
            self.pick(tables.FRAME_TYPE)
        ]
        voiced = kind == "voiced"
        if previous is None:
            self.pick(tables.GAIN_HIGH, 2 if voiced else 1)
            self.pick(tables.UNIFORM, 4)
            subframes_left = subframes - 1
        else:
            subframes_left = subframes
        while subframes_left:
            self.pick(tables.GAIN_DELTA)
            subframes_left -= 1
        books = tables.LSF_CODEBOOKS_WIDE if rate_khz == 16 else tables.LSF_CODEBOOKS_NARROW
        for book in books[self.pick(tables.LSF_FIRST, (rate_khz == 16) * 2 + voiced)].tolist():
            if abs(self.pick(tables.LSF_SECOND, book) - 4) == 4:
                self.pick(tables.LSF_EXTENSION)
        if subframes == 4:
            self.pick(tables.LSF_INTERPOLATION)
        if voiced:
            relative = previous == "voiced" and self.pick(tables.LAG_DELTA) > 0
            if not relative:
                self.pick(tables.LAG_HIGH)
                self.pick(tables.UNIFORM, {8: 1, 12: 3, 16: 4}[rate_khz])
            self.pick(
                tables.PITCH_CONTOUR, {(8, 2): 0, (8, 4): 1}.get((rate_khz, subframes), 1 + subframes // 2)
            )
            filters = self.pick(tables.LTP_PERIODICITY)
            for _ in range(subframes):
                self.pick(tables.LTP_FILTER, filters)
            if previous is None:
                self.pick(tables.LTP_SCALING)
        self.pick(tables.UNIFORM, 1)
        return kind, offset

    def spread(self, count: int, size: int) -> list[int]:
        """Return how `count` pulses are spread over `size` samples."""
        if size == 1 or count == 0:
            return [count] + [0] * (size - 1)
        table = {2: tables.SPLIT_PAIR, 4: tables.SPLIT_QUAD, 8: tables.SPLIT_OCTET, 16: tables.SPLIT_BLOCK}[
            size
        ]
        first = self.pick(table, count - 1)
        return self.spread(first, size // 2) + self.spread(count - first, size // 2)

    def excitation(self, kind: str, offset: int, samples: int) -> None:
        level = self.pick(tables.RATE_LEVEL, int(kind == "voiced"))
        blocks: list[tuple[int, int]] = []
        for _ in range(0, samples, 16):
            shifts, count = 0, self.pick(tables.PULSE_COUNT, level)
            while count == 17:
                shifts += 1
                count = self.pick(tables.PULSE_COUNT, 10 if shifts == 10 else 9)
            blocks.append((count, shifts))
        magnitudes = [self.spread(count, 16) for count, _ in blocks]
        for (_, shifts), magnitude in zip(blocks, magnitudes, strict=True):
            for position in range(16):
                for _ in range(shifts):
                    magnitude[position] = 2 * magnitude[position] + self.pick(tables.LOW_BIT)
        for (count, _), magnitude in zip(blocks, magnitudes, strict=True):
            row = 7 * (2 * (2 if kind == "voiced" else 1) + offset) + (count if count < 6 else 6)
            for _ in range(sum(value > 0 for value in magnitude)):
                self.pick(tables.SIGN, row)


def lbrr_extent(
    data: bytes, rate_khz: int, frames: int, subframes: int, channels: int
) -> tuple[int, int, int, int]:
    """As the kernel, in plain Python."""
    silk = _Silk(data)
    flags = []
    for _ in range(channels):
        for _ in range(frames):
            silk.bit(1)
        flags.append(silk.bit(1))
    begin = silk.tell_eighths()
    has: list[list[bool]] = []
    for flag in flags:
        symbol = 0 if not flag else 1 if frames == 1 else 1 + silk.pick(tables.LBRR_FLAGS, frames - 2)
        has.append([bool(symbol & bit) for bit in (1, 2, 4)[:frames]])
    kinds: list[str | None] = [None] * channels
    for frame in range(frames):
        for channel in range(channels):
            if not has[channel][frame]:
                kinds[channel] = None
                continue
            if channels == 2 and channel == 0:
                silk.pick(tables.STEREO_COARSE)
                for row in (0, 2, 0, 2):
                    silk.pick(tables.UNIFORM, row)
                if not has[1][frame]:
                    silk.pick(tables.MID_ONLY)
            kind, offset = silk.parameters(rate_khz, subframes, kinds[channel])
            silk.excitation(kind, offset, 5 * rate_khz * subframes)
            kinds[channel] = kind
    masks = [sum(bit << index for index, bit in enumerate(channel)) for channel in has] + [0]
    return begin, silk.tell_eighths(), masks[0], masks[1]
