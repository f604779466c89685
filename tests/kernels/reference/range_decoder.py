"""Plain version of `testbed.kernels.range_decoder`."""

from collections.abc import Sequence


class RangeDecoder:
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
        """Return the next bits of the stream, first bit highest, with endless zeros after its end."""
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
        """Decode one bit, of which 0 comes first and is more likely (section 4.1.3.2)."""
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
        """Decode one of `total` equally likely symbols (section 4.1.5)."""
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
