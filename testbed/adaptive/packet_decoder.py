"""Decoding by libopus of what the packet buffer holds."""

import numpy as np

from testbed.adaptive.packet_buffer import BufferedPacket
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.engines.libopus import FrameDecoder
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action, Recovery

_FADE_SAMPLES = SAMPLE_RATE_HZ // 200
_ACTIONS = {Recovery.LBRR: Action.DECODE_LBRR, Recovery.DRED: Action.DECODE_DRED}


class PacketDecoder:
    """One libopus decoder, and what it is given instead of lost packets.

    Parameters
    ----------
    complexity
        Of `testbed.codecs.opus.codec.Decoder`.
    conceals
        Whether it conceals: a packet of which a part is skipped then fades in from its concealment.
    """

    def __init__(self, complexity: int, conceals: bool) -> None:
        self._complexity = complexity
        self._conceals = conceals
        self.reset()

    def reset(self) -> None:
        """Begin a stream."""
        self._decoder = FrameDecoder(self._complexity)
        self._heard: EncodedFrame | None = None

    def decode(self, packet: BufferedPacket) -> tuple[Pcm16, Recovery]:
        """Return the sound of a packet, without what is skipped, and what it was played from.

        As in `testbed.codecs.recovery.recover`, it counts as concealed where libopus cannot use it.

        Raises
        ------
        CodecError
            libopus cannot decode it.
        """
        before = self.conceal(_FADE_SAMPLES) if packet.skipped and self._conceals else None
        samples = packet.skipped + packet.samples
        out = np.zeros(samples, np.int32)
        content, source = packet.content, packet.source
        heard, action = self._heard, _ACTIONS.get(source, Action.DECODE)
        is_useless = source == Recovery.DRED and (heard is None or not heard.allows_neural_concealment)
        payload = None if is_useless else content.payload
        is_concealed = self._decoder.play(action, payload, packet.distance, out)
        if source == Recovery.LBRR:
            is_concealed = heard is not None and heard.mode == "celt"
        elif source != Recovery.DRED and not content.is_dtx:
            self._heard = content
        sound = int16_from_24_bit(out)[packet.skipped :]
        if before is not None:
            fade = min(_FADE_SAMPLES, len(sound))
            share = np.arange(1, fade + 1) / (fade + 1)
            sound[:fade] = np.rint(before[:fade] * (1 - share) + sound[:fade] * share)
        return sound, Recovery.PLC if is_concealed else source

    def conceal(self, samples: int) -> Pcm16:
        """Return concealment."""
        return self._made_up(Action.CONCEAL, samples)

    def fill_pause(self, samples: int) -> Pcm16:
        """Return comfort noise of a pause."""
        return self._made_up(Action.FILL_PAUSE, samples)

    def _made_up(self, action: Action, samples: int) -> Pcm16:
        out = np.zeros(samples, np.int32)
        self._decoder.play(action, None, 0, out)
        return int16_from_24_bit(out)
