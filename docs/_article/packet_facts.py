"""Facts about DRED that packets and the processor's clock show, and no run: one number per clip each."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred import network, packet, payload
from testbed.codecs.dred.payload import DredPayload
from testbed.codecs.dred.writer import feature_frames, newest
from testbed.codecs.encoding import encode
from testbed.codecs.opus.codec import DredDecoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ, int16_from_float
from testbed.kernels.weights import Floats
from testbed.speech import Clip

QUANTIZER = {"q0": 6, "dq": 3, "qmax": 15}
"""That of the scenarios' exact DRED."""
LIBOPUS = EncoderSettings(24_000 + 46_000, expected_loss_percent=20, dred_depth_ms=1000)
"""libopus with DRED of 1 s, which these 46 kb/s suffice for."""
_CHUNKS = 25
_PACKETS_PER_SECOND = 1000 // LIBOPUS.frame_ms
_DEEP_CHUNKS = 20
_EVERY = 7
"""One packet in so many is measured: an odd number, as a latent vector covers two."""
_REPETITIONS = 3
_TIMED_PACKETS = 40

Facts = dict[str, list[float]]


def packet_facts(clips: Sequence[Clip]) -> Facts:
    """Return each fact's numbers, one per clip."""
    each = [dict(_facts(int16_from_float(clip.pcm))) for clip in clips]
    return {name: [facts[name] for facts in each] for name in each[0]}


def _facts(pcm: NDArray[np.int16]) -> Iterator[tuple[str, float]]:
    packets = [frame.payload for frame in encode(pcm, LIBOPUS).frames]
    whole = np.zeros(len(packets) * LIBOPUS.frame_samples, np.int16)
    whole[: len(pcm)] = pcm
    features = feature_frames(whole, LIBOPUS.application)
    latents = network.encode(features)
    sent = dict(_sent(packets))
    yield from _vectors(sent, latents)
    yield from _cuts(list(sent.values())[::_EVERY])
    yield from _ages(features, latents)
    yield from _encoder_times(pcm)
    yield from _decoder_times(packets)


def _sent(packets: Sequence[bytes]) -> Iterator[tuple[int, DredPayload]]:
    """Yield the DRED of the packets that have about a second of it, by the packet's number."""
    for index, content in enumerate(packets):
        carried = packet.find(content)
        if carried is not None and (whole := payload.parse(carried.payload)).chunks >= _DEEP_CHUNKS:
            yield index, whole


def _vectors(sent: dict[int, DredPayload], latents: network.Latents) -> Iterator[tuple[str, float]]:
    """Compare what libopus sends with every second latent vector of the stream, and with each of them."""
    doubled, states = (np.repeat(each, 2, axis=0) for each in (latents.latents, latents.states))
    twice = network.Latents(doubled, states, latents.network)
    alike: dict[str, list[float]] = {"every second": [], "each": []}
    for index, whole in sent.items():
        step, _ = newest(index, LIBOPUS.frame_ms)
        header, symbols = whole.header, whole.latents
        for name, source, last in (("every second", latents, step), ("each", twice, 2 * step + 1)):
            ours = network.payload(source, last, whole.chunks, header.q0, header.dq, header.qmax).latents
            varying = (ours != 0) | (symbols[: len(ours)] != 0)
            alike[name].append(float((ours == symbols[: len(ours)])[varying].mean()))
    for name, shares in alike.items():
        yield f"symbols as in {name} latent vector", float(np.mean(shares))
    ends_ms = {index: LIBOPUS.frame_ms * index - whole.header.end_ms for index, whole in sent.items()}
    shared = [
        1 - (ends_ms[index + 1] - ends_ms[index]) / whole.depth_ms
        for index, whole in sent.items()
        if index + 1 in sent
    ]
    yield "share of a packet's DRED that the next packet holds, too", float(np.mean(shared))


def _cuts(sent: Sequence[DredPayload]) -> Iterator[tuple[str, float]]:
    """Cut payloads to half of their vectors, and to half of their bytes, and decode both."""
    wholes = [network.decode([whole])[0] for whole in sent]
    vectors, intact, read = [], 0, 0
    for whole, features in zip(sent, wholes, strict=True):
        shorter = payload.parse(payload.write(whole.cut(whole.chunks // 2)))
        decoded = network.decode([shorter])[0]
        vectors.append(bool(np.array_equal(decoded, features[: len(decoded)])))
        content = payload.write(whole)
        bytes_cut = payload.parse(content[: len(content) // 2])
        kept = whole.latents[: bytes_cut.chunks]
        intact += int((bytes_cut.latents[: len(kept)] == kept).all(axis=1)[:-1].sum())
        read += bytes_cut.chunks - 1
    yield "cut payloads that decode to the same features", float(np.mean(vectors))
    yield "vectors before the last one that a cut of the bytes leaves as they were", intact / read


def _ages(features: Floats, latents: network.Latents) -> Iterator[tuple[str, float]]:
    """Measure bits and distortion by age, with the quantizer that coarsens and with one that does not."""
    steps = range(2 * _CHUNKS, len(latents.latents), _EVERY)
    for name, quantizer in (("", QUANTIZER), (" without coarsening", {**QUANTIZER, "dq": 0})):
        written = [network.payload(latents, step, _CHUNKS, **quantizer) for step in steps]
        squares = np.zeros(_CHUNKS)
        for step, decoded in zip(steps, network.decode(written), strict=True):
            end = 2 * (step + 1)
            meant = features[end - len(decoded) : end][::-1]
            squares += ((decoded - meant) ** 2).reshape(_CHUNKS, -1).mean(axis=1)
        distortion = np.sqrt(squares / len(written))
        yield f"distortion of the newest 200 ms{name}", float(distortion[:5].mean())
        yield f"distortion of the oldest 200 ms{name}", float(distortion[-5:].mean())
        if not name:
            yield from _copies(written)


def _copies(written: Sequence[DredPayload]) -> Iterator[tuple[str, float]]:
    """Measure the bitrate of one copy, half of a latent vector in each packet, by age."""
    sizes = np.array([[8 * len(payload.write(one.cut(n))) for n in (0, 5, 20, _CHUNKS)] for one in written])
    start, five, twenty, all_of_them = sizes.mean(axis=0)
    yield "bit/s per copy of the newest 200 ms", float(five - start) / 10 * _PACKETS_PER_SECOND
    yield "bit/s per copy of the oldest 200 ms", float(all_of_them - twenty) / 10 * _PACKETS_PER_SECOND


def _encoder_times(pcm: NDArray[np.int16]) -> Iterator[tuple[str, float]]:
    """Measure libopus's encoder per second of speech, by turns at each depth and the same bitrate."""
    bitrate = LIBOPUS.bitrate_bps
    depths = {"without DRED": 0, "with 100 ms of DRED": 100, "with 1000 ms of DRED": 1000}
    settings = {
        name: EncoderSettings(bitrate, expected_loss_percent=20, dred_depth_ms=depth)
        for name, depth in depths.items()
    }
    fastest = _fastest({name: partial(encode, pcm, each) for name, each in settings.items()})
    for name, seconds in fastest.items():
        yield f"encoder {name}, ms per s", 1000 * seconds * SAMPLE_RATE_HZ / len(pcm)


def _decoder_times(packets: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    """Measure libopus's reading of DRED back to an offset, per packet."""
    taken = [one for one in packets if packet.find(one) is not None][-_TIMED_PACKETS:]
    decoder = DredDecoder()

    def reading(depth_ms: int) -> Callable[[], object]:
        samples = depth_ms * SAMPLE_RATE_HZ // 1000
        return lambda: [decoder.parse(one, samples) for one in taken]

    fastest = _fastest({f"{depth} ms": reading(depth) for depth in (40, 200, 500, 1000)})
    for name, seconds in fastest.items():
        yield f"DRED read back to {name}, us per packet", 1e6 * seconds / len(taken)


def _fastest(doing: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least processor time of each, of some, taken by turns."""
    fastest = dict.fromkeys(doing, float("inf"))
    for _ in range(_REPETITIONS):
        for name, do in doing.items():
            started = time.process_time()
            do()
            fastest[name] = min(fastest[name], time.process_time() - started)
    return fastest
