"""A clip and its encodings with one set of encoder settings."""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.pcm import Pcm16

if TYPE_CHECKING:
    from testbed.codecs.dred.writer import DredWriter


class KeptEncodings(Protocol):
    """Encodings of one clip with one set of encoder settings that outlast a run."""

    def get(self, written: WrittenDred | None) -> Encoding | None:
        """Return the encoding with some DRED written by the testbed, or none; None if it is not there."""

    def keep(self, written: WrittenDred | None, encoding: Encoding) -> None:
        """Keep an encoding."""


class EncodedClip:
    """A clip that is encoded once, when a call first needs the encoding.

    A call with congestion control encodes for itself, so it needs only `pcm` and `settings`.

    Parameters
    ----------
    pcm, settings
        The clip, mono at 16 kHz, and the encoder's initial settings.
    most_chunks
        The most chunks of 40 ms of DRED that will be written into its packets, if known.
    kept
        Encodings made before; None: there are none.
    """

    def __init__(
        self,
        pcm: Pcm16,
        settings: EncoderSettings,
        most_chunks: int = 0,
        kept: KeptEncodings | None = None,
    ) -> None:
        self._most_chunks = most_chunks
        self._kept = kept
        self._encodings: dict[WrittenDred | None, Encoding] = {}
        self.pcm = pcm
        self.settings = settings
        self._seconds = 0.0

    @property
    def encoding(self) -> Encoding:
        """The encoding of the whole clip."""
        return self.with_dred(None)

    def with_dred(self, written: WrittenDred | None) -> Encoding:
        """Return the encoding with DRED written by the testbed in its packets; None: without."""
        if written not in self._encodings:
            found = None if self._kept is None else self._kept.get(written)
            if found is None:
                found = self._made(written)
                if self._kept is not None:
                    self._kept.keep(written, found)
            self._encodings[written] = found
        return self._encodings[written]

    def _made(self, written: WrittenDred | None) -> Encoding:
        if written is None:
            encoding = encode(self.pcm, self.settings)
            self._seconds += encoding.seconds
            return encoding
        before = self._writer.seconds
        encoding = self._writer.encoding(written)
        self._seconds += self._writer.seconds - before
        return encoding

    @cached_property
    def _writer(self) -> "DredWriter":
        from testbed.codecs.dred.writer import DredWriter  # loads compiled kernels

        writer = DredWriter(self.pcm, self.encoding, self._most_chunks)
        self._seconds += writer.seconds
        return writer

    def take_seconds(self) -> float:
        """Return the processor time spent on encoding since the last call of this method."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds
