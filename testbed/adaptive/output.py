"""The output: decoded, concealed and stretched sound, played 10 ms at a time, and what it stands for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from testbed.adaptive.media_map import MediaMap
from testbed.adaptive.packet_decoder import PacketDecoder
from testbed.codecs.concealers import Concealer
from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16
from testbed.codecs.recovery import Recovery
from testbed.kernels.expand import OVERLAP_SAMPLES
from testbed.neteq.status import STRETCHES, LastMode, Operation

TICK_SAMPLES = SAMPLE_RATE_HZ // 100
_LONGEST_CONCEALMENT_SAMPLES = 2 * SAMPLE_RATE_HZ
"""libopus's concealment after which silence is played: 2 s, as long as NetEq's lasts."""


class Decoded(NamedTuple):
    """Sound of one packet.

    Attributes
    ----------
    sound
        Its samples.
    media
        Media time of the first.
    source, carrier
        See `testbed.adaptive.media_map.SoundRun`.
    is_dtx
        Whether the packet held no sound.
    """

    sound: Pcm16
    media: int
    source: Recovery
    carrier: int
    is_dtx: bool


class Output:
    """Sound in playing order; the media map has an entry for each of its samples.

    Parameters
    ----------
    media
        The map.
    decoder
        The decoder, which also makes comfort noise.
    concealer
        Who conceals: the codec or NetEq.
    removes_several
        Whether fast accelerate removes as many periods as it can, and not one.

    Attributes
    ----------
    last
        What the last tick in which there was something to do became.
    removed
        Samples that a stretch removed in the last tick; negative: inserted.
    """

    def __init__(
        self, media: MediaMap, decoder: PacketDecoder, concealer: Concealer, removes_several: bool
    ) -> None:
        self.last = LastMode.NORMAL
        self.removed = 0
        self._media = media
        self._decoder = decoder
        self._conceals_itself = concealer == "neteq"
        self._removes_several = removes_several
        self._buffer = SyncBuffer()
        self._played: list[Pcm16] = []

    @property
    def left(self) -> int:
        """Samples that can be played before more is needed."""
        return self._buffer.ready_samples

    @property
    def mute_factor_q14(self) -> int:
        """Gain of NetEq's concealment."""
        return round(self._buffer.mute_factor * (1 << 14))

    @property
    def concealed_until(self) -> int:
        """Media time up to which the open gap is concealed; what a merge can replace does not count."""
        replaceable = min(self.left, self._media.concealed) if self._conceals_itself else 0
        return self._media.end + self._media.concealed - replaceable

    def is_due(self, media: int) -> bool:
        """Return whether media after the open gap are due in this tick."""
        return media < self.concealed_until + (TICK_SAMPLES if self._conceals_itself else 1)

    def add(self, operation: Operation, decoded: Sequence[Decoded], keeps_delay: bool = False) -> None:
        """Add decoded sound by an operation other than concealment.

        Parameters
        ----------
        keeps_delay
            Whether a merge puts the sound at its own time, instead of where it fits best.
        """
        sound = np.concatenate([each.sound for each in decoded]) if decoded else np.zeros(0, np.int16)
        if operation == Operation.MERGE and decoded:
            at = None
            if keeps_delay:
                self._continue_until(decoded[0].media)
                excess = self._media.end + self._media.concealed - decoded[0].media
                at = max(self._buffer.next_position, self._buffer.end_position - excess)
            first = self._buffer.merge(sound, at) - OVERLAP_SAMPLES
            self._media.conceal(first - self._media.sound_size, Recovery.PLC)
        elif operation not in STRETCHES and decoded:
            self._buffer.normal(sound)
        for each in decoded:
            self._media.decode(len(each.sound), each.media, each.source, each.carrier)
        if operation in STRETCHES:
            self._stretch(operation, sound)
        elif decoded:
            self.last = LastMode.MERGE if operation == Operation.MERGE else LastMode.NORMAL
        if any(each.is_dtx for each in decoded):
            self.last = LastMode.COMFORT_NOISE

    def conceal(self) -> None:
        """Conceal until a tick can be played."""
        if self._conceals_itself:
            self._expand(TICK_SAMPLES)
            self.last = LastMode.EXPAND
            return
        while self.left < TICK_SAMPLES:
            is_long = self._media.concealed >= _LONGEST_CONCEALMENT_SAMPLES
            self._buffer.append(
                np.zeros(TICK_SAMPLES, np.int16) if is_long else self._decoder.conceal(TICK_SAMPLES)
            )
            self._media.conceal(TICK_SAMPLES, Recovery.PLC)
        self.last = LastMode.CODEC_PLC

    def fill_pause(self) -> None:
        """Add comfort noise until a tick can be played."""
        while self.left < TICK_SAMPLES:
            self._buffer.append(self._decoder.fill_pause(TICK_SAMPLES))
            self._media.conceal(TICK_SAMPLES, Recovery.DTX)
        self.last = LastMode.COMFORT_NOISE

    def play(self) -> None:
        """Play a tick."""
        self._played.append(self._buffer.play(TICK_SAMPLES))

    def finish(self) -> Pcm16:
        """Return all sound of the call."""
        self._played.append(self._buffer.play(self._buffer.end_position - self._buffer.next_position))
        size = self._media.finish()
        return np.concatenate(self._played)[OVERLAP_SAMPLES : OVERLAP_SAMPLES + size]

    def _expand(self, samples: int) -> None:
        """Continue by NetEq's Expand until so many samples can be played."""
        before = self._buffer.end_position
        self._buffer.expand(samples)
        self._media.conceal(self._buffer.end_position - before, Recovery.PLC)

    def _continue_until(self, media: int) -> None:
        """Continue the open gap up to a media time."""
        missing = media - self._media.end - self._media.concealed
        if missing > 0:
            self._expand(self.left + missing)

    def _stretch(self, operation: Operation, sound: Pcm16) -> None:
        if operation == Operation.PREEMPTIVE_EXPAND:
            splice = self._buffer.preemptive_expand(sound)
            if splice is not None:
                self._media.insert_period(splice.at - OVERLAP_SAMPLES, splice.period)
                self.removed = -splice.period
        else:
            several = self._removes_several and operation == Operation.FAST_ACCELERATE
            splice = self._buffer.accelerate(sound, several)
            if splice is not None:
                self._media.remove_period(splice.at + splice.period - OVERLAP_SAMPLES, splice.period)
                self.removed = splice.period
        self.last = LastMode.NOT_STRETCHED if splice is None else LastMode.STRETCHED
