"""Plain version of `testbed.kernels.range_encoder`."""


class RangeEncoder:
    """The same encoder on one integer that only grows: carries take care of themselves; slow."""

    def __init__(self) -> None:
        self.low = 0
        self.range = 2**31
        self.shifts = 0

    def encode(self, low: int, high: int, total: int) -> None:
        """Narrow the interval to the parts from `low` to `high` of `total`; the first takes the remainder."""
        unit = self.range // total
        bottom = self.range - unit * (total - low) if low else 0
        top = self.range - unit * (total - high)
        self.low += bottom
        self.range = top - bottom
        while self.range <= 2**23:
            self.low *= 256
            self.range *= 256
            self.shifts += 1

    def uniform(self, symbol: int, total: int) -> None:
        """Encode one of `total` equally likely symbols."""
        self.encode(symbol, symbol + 1, total)

    def bit(self, bit: int, log_probability: int) -> None:
        """Encode a bit, 1 with probability 2**-log_probability."""
        total = 2**log_probability
        self.encode(total - 1 if bit else 0, total if bit else total - 1, total)

    def laplace(self, value: int, zero: int, decay: int) -> None:
        """Encode an integer by its sign, then by its distance from 0 in sevens."""
        negative = (32768 - zero) // 2
        if value == 0:
            self.encode(0, zero, 32768)
            return
        low, high = (zero, 32768 - negative) if value > 0 else (32768 - negative, 32768)
        self.encode(low, high, 32768)
        tails = [32768, max(7, decay)]
        while len(tails) < 8:
            tails.append(max(8 - len(tails), tails[-1] * decay // 32768))
        tails.append(0)
        sevens, rest = divmod(abs(value) - 1, 7)
        for step in [7] * sevens + [rest]:
            self.encode(32768 - tails[step], 32768 - tails[step + 1], 32768)

    def tell(self) -> int:
        """Return the bits used, rounded up."""
        return 33 + 8 * self.shifts - self.range.bit_length()

    def finish(self) -> bytes:
        """Return the number in the interval that ends in most zeros, in the bytes that `tell` asks for."""
        zeros = self.range.bit_length() - 1
        while True:
            end = -(-self.low >> zeros) << zeros
            if end + 2**zeros <= self.low + self.range:
                break
            zeros -= 1
        size = (self.tell() + 7) // 8
        unused = 31 + 8 * self.shifts - 8 * size
        return (end >> unused if unused >= 0 else end << -unused).to_bytes(size, "big")
