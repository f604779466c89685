"""Decoding by libopus of what the packet buffer holds."""

import numpy as np

from testbed.adaptive.packet_buffer import BufferedPacket
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.opus.codec import Decoder, DredDecoder, ParsedDred
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Recovery

_FADE_SAMPLES = SAMPLE_RATE_HZ // 200


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
        self._dred_decoder: DredDecoder | None = None
        self._dred: ParsedDred | None = None
        self._dred_payload = b""
        self.reset()

    def reset(self) -> None:
        """Begin a stream."""
        self._decoder = Decoder(self._complexity)
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
        if source == Recovery.LBRR:
            is_taken = self._heard is None or self._heard.mode != "celt"
            self._decoder.decode_fec(content.payload, out)
        elif source == Recovery.DRED:
            is_taken = self._decode_dred(packet, out)
        else:
            is_taken = True
            self._decoder.decode(content.payload, out)
            if not content.is_dtx:
                self._heard = content
        sound = int16_from_24_bit(out)[packet.skipped :]
        if before is not None:
            fade = min(_FADE_SAMPLES, len(sound))
            share = np.arange(1, fade + 1) / (fade + 1)
            sound[:fade] = np.rint(before[:fade] * (1 - share) + sound[:fade] * share)
        return sound, source if is_taken else Recovery.PLC

    def conceal(self, samples: int) -> Pcm16:
        """Return concealment."""
        out = np.zeros(samples, np.int32)
        self._decoder.conceal(out)
        return int16_from_24_bit(out)

    def fill_pause(self, samples: int) -> Pcm16:
        """Return comfort noise of a pause."""
        out = np.zeros(samples, np.int32)
        self._decoder.fill_pause(out)
        return int16_from_24_bit(out)

    def _decode_dred(self, packet: BufferedPacket, out: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> bool:
        """Decode 10 ms of DRED; conceal them if that is not possible.

        The DRED of a packet is parsed once, as deep as its first frame that is played needs.
        """
        if self._heard is None or not self._heard.allows_neural_concealment:
            self._decoder.conceal(out)
            return False
        if self._dred is None or packet.content.payload != self._dred_payload:
            if self._dred_decoder is None:
                self._dred_decoder = DredDecoder()
            depth = min(SAMPLE_RATE_HZ, packet.distance)
            self._dred = self._dred_decoder.parse(packet.content.payload, depth)
            self._dred_payload = packet.content.payload
        if self._dred.samples <= 0:
            self._decoder.conceal(out)
            return False
        self._decoder.decode_dred(self._dred, packet.distance, out)
        return True
