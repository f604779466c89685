"""Adds DRED of an exact depth and quantization to packets that libopus encoded without it.

libopus sends as much DRED as its rate rule grants, and none for silence (voice activity). Here every packet
has the full depth, except the first ones, which have only what came before them, and DTX packets, which have
none. As with libopus, readers ignore a payload's last 7 bits: of one second of DRED, half a chunk of 40 ms on
average.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from testbed.codecs.dred import network, packet, payload
from testbed.codecs.dred.network_folder import DredNetwork
from testbed.codecs.dred.payload import CHUNK_MS, DredPayload
from testbed.codecs.encoded_frame import EncodedFrame, read
from testbed.codecs.encoding import Encoding
from testbed.codecs.features import features_of_signals
from testbed.codecs.opus.build import built
from testbed.codecs.opus.settings import Application, WrittenDred
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.kernels import rdovae
from testbed.kernels.weights import Floats

_STEP_SAMPLES = network.STEP_MS * SAMPLE_RATE_HZ // 1000
_CHUNK_SAMPLES = CHUNK_MS * SAMPLE_RATE_HZ // 1000
_OFFSET_SAMPLES = SAMPLE_RATE_HZ // 400
DELAY_SAMPLES = 11
"""Delay of libopus's DRED encoder behind its speech encoder."""
_LOOKAHEAD_SAMPLES = 64
"""Delay of a decoded frame of speech behind its packet's beginning: 4 ms."""
_CUTOFF_HZ = 60.0
_BLOCK = 256


def encoder_input(pcm: NDArray[np.int16], application: Application) -> Floats:
    """Return the input of libopus's DRED encoder for a clip.

    For ``"voip"`` it is high-passed with a cutoff that follows the pitch from 60 to 100 Hz; here it stays at
    60. For ``"audio"`` it is high-passed at 3 Hz (``src/opus_encoder.c``, ``hp_cutoff`` and ``dc_reject``).
    With these filters 98 of 100 symbols are those that libopus sends, without them 97.

    Returns
    -------
    array
        float32, scaled to 16 bits, 11 samples longer than `pcm`: that is its delay.
    """
    if application == "voip":
        turn = 1.5 * np.pi * _CUTOFF_HZ / SAMPLE_RATE_HZ
        radius = 1 - 0.92 * turn
        zeros = radius * np.array([1, -2, 1])
        poles = np.array([1, -radius * (2 - turn**2), radius**2])
    else:
        share = 6.3 * 3 / SAMPLE_RATE_HZ
        zeros, poles = np.array([1.0, -1.0]), np.array([1.0, share - 1])
    samples = np.zeros(DELAY_SAMPLES + len(pcm), np.float32)
    samples[DELAY_SAMPLES:] = np.rint(np.clip(lfilter(zeros, poles, pcm), -32768, 32767))
    return samples


def feature_frames(pcm: NDArray[np.int16], application: Application) -> Floats:
    """Return the features of a clip that DRED encodes: float32 (frames, 20), one vector per 10 ms."""
    features: Floats = features_of_signals(encoder_input(pcm, application)[None], built().weights)[0]
    return features


def newest(index: int, frame_ms: int) -> tuple[int, int]:
    """Return the newest step in a packet's DRED, as libopus chooses it (``dnn/dred_encoder.c``).

    Parameters
    ----------
    index
        The packet's place in the stream, from 0.
    frame_ms
        Duration of a packet's audio.

    Returns
    -------
    tuple
        The newest step of 20 ms (-1 if there is none yet) and the header's offset, which places that step:
        always 6 with packets of 20, 40 and 60 ms, of which it is the first; 14 and 10 in turn with packets
        of 10 ms.
    """
    size = frame_ms * SAMPLE_RATE_HZ // 1000
    steps, waiting = divmod(DELAY_SAMPLES + index * size, _STEP_SAMPLES)
    behind = (_OFFSET_SAMPLES + _LOOKAHEAD_SAMPLES - waiting + _OFFSET_SAMPLES // 2) // _OFFSET_SAMPLES
    if waiting + size < _STEP_SAMPLES:
        return steps - 1, 16 - behind
    return steps, 16 - behind - _STEP_SAMPLES // _OFFSET_SAMPLES


@dataclass(frozen=True)
class _Written:
    """Payloads of one network and quantizer at their deepest, by packet, and the errors of their features.

    Attributes
    ----------
    payloads
        None if there is nothing to send.
    errors
        float64 (packets, chunks): mean square difference of a chunk's features from those encoded.
    """

    payloads: Sequence[DredPayload | None]
    errors: NDArray[np.float64]

    @property
    def deepest(self) -> int:
        """Largest number of chunks."""
        return int(self.errors.shape[1])


class DredWriter:
    """Adds DRED to one encoding of a clip, in any number of variants.

    Features are computed once, latent vectors once per network, payloads and their distortion once per
    quantizer: a shallower payload is the beginning of a deeper one.

    Parameters
    ----------
    pcm
        The clip, mono at 16 kHz.
    encoding
        The clip encoded by libopus, without DRED.
    deepest
        Largest number of chunks of 40 ms expected; a larger request makes payloads anew.

    Attributes
    ----------
    seconds
        Processor time so far.

    Raises
    ------
    CodecError
        If libopus is not built: its networks are used.
    """

    def __init__(self, pcm: NDArray[np.int16], encoding: Encoding, deepest: int) -> None:
        started = time.process_time()
        self._encoding = encoding
        self._deepest = deepest
        whole = np.zeros(len(encoding) * encoding.settings.frame_samples, np.int16)
        whole[: len(pcm)] = pcm
        self._features = feature_frames(whole, encoding.settings.application)
        self._latents: dict[DredNetwork, network.Latents] = {}
        self._written: dict[tuple[DredNetwork, int, int, int], _Written] = {}
        self._encodings: dict[WrittenDred, Encoding] = {}
        self.seconds = time.process_time() - started

    def encoding(self, asked: WrittenDred) -> Encoding:
        """Return the encoding with DRED in its packets."""
        if asked not in self._encodings:
            started = time.process_time()
            quantizer = (asked.network, asked.q0, asked.dq, asked.qmax)
            written = self._written.get(quantizer)
            if written is None or written.deepest < asked.chunks:
                written = self._write(*quantizer, max(self._deepest, asked.chunks))
                self._written[quantizer] = written
            frames = [
                _added(frame, whole, errors, asked.chunks, asked.network)
                for frame, whole, errors in zip(
                    self._encoding.frames, written.payloads, written.errors, strict=True
                )
            ]
            self._encodings[asked] = replace(self._encoding, frames=frames)
            self.seconds += time.process_time() - started
        return self._encodings[asked]

    def _write(self, made_by: DredNetwork, q0: int, dq: int, qmax: int, deepest: int) -> _Written:
        if made_by not in self._latents:
            self._latents[made_by] = network.encode(self._features, made_by)
        payloads: list[DredPayload | None] = []
        steps: list[int] = []
        for index, frame in enumerate(self._encoding.frames):
            step, offset = newest(index, self._encoding.settings.frame_ms)
            # Half a chunk that lies before the stream's beginning is not sent.
            chunks = min(deepest, (step + 1) // 2)
            some = chunks > 0 and not frame.is_dtx
            payloads.append(
                network.payload(self._latents[made_by], step, chunks, q0, dq, qmax, offset) if some else None
            )
            steps.append(step)
        return _Written(payloads, self._errors(made_by, payloads, steps, deepest))

    def _errors(
        self, made_by: DredNetwork, payloads: Sequence[DredPayload | None], steps: Sequence[int], deepest: int
    ) -> NDArray[np.float64]:
        errors = np.zeros((len(payloads), deepest))
        sent = [(index, whole) for index, whole in enumerate(payloads) if whole is not None]
        for begin in range(0, len(sent), _BLOCK):
            block = sent[begin : begin + _BLOCK]
            features = network.decode([whole for _, whole in block], made_by)
            for (index, whole), decoded in zip(block, features, strict=True):
                end = rdovae.FRAMES_PER_STEP * (steps[index] + 1)
                meant = self._features[end - len(decoded) : end][::-1]
                squares = ((decoded - meant) ** 2).reshape(whole.chunks, -1)
                errors[index, : whole.chunks] = squares.mean(axis=1, dtype=np.float64)
        return errors


def _added(
    frame: EncodedFrame,
    whole: DredPayload | None,
    errors: NDArray[np.float64],
    chunks: int,
    made_by: DredNetwork,
) -> EncodedFrame:
    """Return a packet with DRED of at most `chunks` chunks, described as a reader finds it."""
    if whole is None:
        return frame
    full = read(packet.add(frame.payload, payload.write(whole.cut(chunks), made_by)), made_by)
    found = full.dred_depth_samples // _CHUNK_SAMPLES
    if not found:
        return frame
    return replace(full, dred_distortion=float(np.sqrt(errors[:found].mean())))
