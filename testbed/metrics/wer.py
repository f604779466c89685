"""Word error rate: wrong words per word of the clean recording, in %, by an offline recognizer of English.

Huggins-Daines et al.: "PocketSphinx: a free, real-time continuous speech recognition system for hand-held
devices", ICASSP 2006; by the package `pocketsphinx`, with the model of US English that it ships. The extra
`wer` installs it: `pip install 'speech-testbed[wer]'` (40 MB).

The words recognized in the clean recording are the reference. So no text is needed, and a word misheard in
both sounds alike is no error. Words replaced, left out and inserted are wrong; with many inserted, the rate
exceeds 100 %. A call costs 2.5 s of processor time for 10 s of speech, and each clean recording as much once.
Clips known to be in another language than English are not scored.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from testbed.codecs.pcm import int16_from_float
from testbed.metrics.metric import CannotScoreError, Measure, Metric, Signal

_KEPT_REFERENCES = 8
"""A clip of 10 s takes 320 kB."""


def create() -> Measure:
    """Load the acoustic model, the language model and the dictionary."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")

    def words(pcm: bytes) -> list[str]:
        decoder.reinit_feat()  # it adapts to the noise and level of the last sound
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        return heard.hypstr.split() if heard else []

    words_of_reference = lru_cache(maxsize=_KEPT_REFERENCES)(words)

    def measure(reference: Signal, degraded: Signal) -> float:
        said = words_of_reference(int16_from_float(reference).tobytes())
        if not said:
            raise CannotScoreError("WER: no word was recognized in the reference")
        return 100 * word_errors(said, words(int16_from_float(degraded).tobytes())) / len(said)

    return measure


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest replaced, left out and inserted words that turn `said` into `heard`."""
    errors = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        diagonal, errors[0] = errors[0], row
        for column, other in enumerate(heard, 1):
            cheapest = min(errors[column] + 1, errors[column - 1] + 1, diagonal + (word != other))
            diagonal, errors[column] = errors[column], cheapest
    return errors[-1]


METRIC = Metric(
    label="WER",
    about="words that a recognizer of English gets wrong, per word in the clean recording",
    create=create,
    unit="%",
    bounds=(0.0, math.inf),
    decimals=0,
    better="lower",
    packages=("pocketsphinx",),
    extra="wer",
    margin=5.0,
    reference="unwarped",
    languages=("en",),
)
"""The margin of 5 % is one word in 20, about one in each clip of 10 s."""
