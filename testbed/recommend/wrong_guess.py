"""The cost of a wrong guess: the same configuration with expected loss and buffer off by a factor of two."""

from collections.abc import Iterator
from dataclasses import replace

from testbed.recommend.candidates import Candidate

FACTOR = 2
_LEAST_LOSS, _MOST_LOSS = 0.01, 1.0
_MOST_BUFFER_MS = 10_000


def wrong_guesses(chosen: Candidate) -> Iterator[tuple[str, Candidate]]:
    """Yield each wrong value in words, and the configuration with it; none for what is not guessed."""
    if chosen.uses_expected_loss:
        loss = chosen.codec["expected_loss"]
        for value in (loss / FACTOR, loss * FACTOR):
            wrong = min(_MOST_LOSS, max(_LEAST_LOSS, round(100 * value) / 100))
            if wrong != loss:
                codec = {**chosen.codec, "expected_loss": wrong}
                yield f"expected loss {100 * wrong:g} %", replace(chosen, codec=codec)
    if chosen.buffer_ms:
        for value in (chosen.buffer_ms / FACTOR, chosen.buffer_ms * FACTOR):
            wrong = min(_MOST_BUFFER_MS, value)
            yield f"buffer {wrong:g} ms", replace(chosen, playout={**chosen.playout, "buffer_ms": wrong})
