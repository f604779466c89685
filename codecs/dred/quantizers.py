"""Tables of DRED's quantizers and symbol distributions, one pair per experimental version or network.

Those of libopus are in its source, not in its weights blob, and here in ``version_N.txt``. A table is text:
lines that begin with ``#`` say what it is; then come the numbers of states and of latents; then four times 16
rows of whole numbers from 0 to 255, for the four fields of `testbed.kernels.dred_symbols.Tables` one row per
level. A row has the states, then the latents.
"""

from functools import cache
from pathlib import Path

import numpy as np

from testbed.errors import CodecError
from testbed.kernels.dred_symbols import LEVELS, Tables

MAX_NUMBERS = 256
"""The most states, and the most latents."""
_ROWS = len(Tables._fields) * LEVELS


@cache
def quantizers(version: int) -> tuple[Tables, Tables]:
    """Return the tables of states and of latent vectors of libopus's version 10 or 12."""
    path = Path(__file__).with_name(f"version_{version}.txt")
    return parse_quantizers(path.read_text(encoding="utf-8"), str(path))


def parse_quantizers(text: str, where: str) -> tuple[Tables, Tables]:
    """Return the tables of states and of latent vectors from their text; `where` is named in errors.

    Raises
    ------
    CodecError
        The text is not such a table; the message names the line.
    """
    lines = [
        (number, line.split())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if len(lines) != _ROWS + 1:
        raise CodecError(
            f"{where}: {len(lines)} lines of numbers, not {_ROWS + 1}: the sizes and {_ROWS} rows"
        )
    (first, sizes), *rows = lines
    states, latents = _whole(sizes, where, first, 2, 1, MAX_NUMBERS)
    every = [_whole(row, where, number, states + latents, 0, 255) for number, row in rows]
    tables = np.array(every, np.uint8).reshape(len(Tables._fields), LEVELS, -1)
    state, latent = (Tables(*part.copy()) for part in np.split(tables, [states], axis=2))
    for each in (state, latent):
        if np.any((each.zero == 0) & (each.decay != 0)):
            raise CodecError(f"{where}: a number that is sent needs a probability of 0 above 0")
    return state, latent


def text_of(state: Tables, latent: Tables, about: str) -> str:
    """Return tables as text that `parse_quantizers` reads; `about` is its comment, one line or more."""
    rows = np.concatenate([np.stack(state), np.stack(latent)], axis=2).reshape(_ROWS, -1)
    sizes = [state.scale.shape[1], latent.scale.shape[1]]
    lines = [f"# {line}".rstrip() for line in about.splitlines()]
    lines += [" ".join(map(str, row)) for row in (sizes, *rows.tolist())]
    return "\n".join(lines) + "\n"


def _whole(words: list[str], where: str, line: int, count: int, lowest: int, highest: int) -> list[int]:
    if len(words) == count and all(word.isascii() and word.isdigit() and len(word) < 4 for word in words):
        found = list(map(int, words))
        if lowest <= min(found) and max(found) <= highest:
            return found
    raise CodecError(f"{where}:{line}: must be {count} whole numbers from {lowest} to {highest}")
