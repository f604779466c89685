"""Finds the capabilities of a libopus by trying each of them.

A build can export a function and accept an option, and still lack the code behind them. Therefore each
capability is shown by a difference in the output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np

from testbed.codecs.opus.codec import Decoder, DredDecoder, Encoder, packet_has_lbrr
from testbed.codecs.opus.library import DRED, PCM24, Library, find, load
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, Pcm24
from testbed.errors import CodecError

_FRAMES = 40
_LOST = 3
_PROBE = EncoderSettings(bitrate_bps=24_000, expected_loss_percent=20)


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of one libopus.

    Attributes
    ----------
    path, version
        The library, and its own name and version.
    decode24
        Has the 24-bit calls (since 1.6); without them the float calls are used.
    lbrr
        Sends in-band FEC and recovers a frame from it.
    deep_plc
        Conceals losses with a neural network at decoder complexity 5.
    osce
        Enhances decoded speech at decoder complexity 6 or 7.
    dred
        Sends deep redundancy and synthesises lost frames from it.
    dtx
        Encodes silence in packets of at most two bytes.
    """

    path: str
    version: str
    decode24: bool
    lbrr: bool
    deep_plc: bool
    osce: bool
    dred: bool
    dtx: bool

    names: ClassVar[Mapping[str, str]] = {
        "decode24": "24-bit calls",
        "lbrr": "LBRR",
        "deep_plc": "deep PLC",
        "osce": "OSCE",
        "dred": "DRED",
        "dtx": "DTX",
    }
    """Names of the capabilities, by attribute."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names of the missing capabilities, for people; empty if none is missing."""
        return tuple(name for attribute, name in self.names.items() if not getattr(self, attribute))


def capabilities(path: str | None = None) -> Capabilities:
    """Probe the libopus at `path`, or the one that `testbed.codecs.opus.library.find` finds; once per path.

    Raises
    ------
    CodecError
        If there is no libopus, or it cannot even encode and decode.
    """
    return _probe(path or find())


@cache
def _probe(path: str) -> Capabilities:
    library = load(path)
    speech = _speech_like()
    packets = _encode(_PROBE, speech, library)
    before = packets[: _FRAMES // 2]
    plainly = _decode(before, 5, library)
    return Capabilities(
        path=library.path,
        version=library.version,
        decode24=PCM24 not in library.missing,
        lbrr=_has_lbrr(speech, library),
        deep_plc=_differ(_conceal(before, 0, library), _conceal(before, 5, library)),
        osce=any(_differ(plainly, _decode(before, complexity, library)) for complexity in (6, 7)),
        dred=DRED not in library.missing and _has_dred(speech, library),
        dtx=_has_dtx(library),
    )


@cache
def refusal(settings: EncoderSettings, path: str) -> str:
    """Return why the libopus at `path` does not encode with some settings; empty if it does."""
    try:
        with Encoder(settings, load(path)) as encoder:
            encoder.encode(np.zeros(settings.frame_samples, np.int16))
    except CodecError as error:
        return str(error)
    return ""


def _speech_like() -> Pcm16:
    """Make 0.8 s of a gliding voice: harmonics of 110 to 150 Hz under two formants, in syllables."""
    time_s = np.arange(_FRAMES * _PROBE.frame_samples) / SAMPLE_RATE_HZ
    pitch_hz = 130 + 20 * np.sin(2 * np.pi * 1.5 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    voice = np.zeros_like(time_s)
    for harmonic in range(1, 25):
        frequency_hz = harmonic * pitch_hz
        envelope = sum(np.exp(-(((frequency_hz - formant) / 250) ** 2)) for formant in (500, 1500))
        voice += (envelope + 0.02) * np.sin(harmonic * phase)
    voice *= 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s)
    loud: Pcm16 = (voice / np.abs(voice).max() * 12_000).astype(np.int16)
    return loud


def _encode(settings: EncoderSettings, speech: Pcm16, library: Library) -> list[bytes]:
    with Encoder(settings, library) as encoder:
        return [encoder.encode(frame) for frame in speech.reshape(-1, settings.frame_samples)]


def _decode(packets: list[bytes], complexity: int, library: Library) -> Pcm24:
    out = np.zeros((len(packets), _PROBE.frame_samples), np.int32)
    with Decoder(complexity, library) as decoder:
        for packet, frame in zip(packets, out, strict=True):
            decoder.decode(packet, frame)
    return out


def _conceal(packets: list[bytes], complexity: int, library: Library) -> Pcm24:
    out = np.zeros((_LOST, _PROBE.frame_samples), np.int32)
    with Decoder(complexity, library) as decoder:
        for packet in packets:
            decoder.decode(packet, out[0])
        for frame in out:
            decoder.conceal(frame)
    return out


def _has_lbrr(speech: Pcm16, library: Library) -> bool:
    settings = EncoderSettings(bitrate_bps=32_000, expected_loss_percent=20, inband_fec=True)
    packets = _encode(settings, speech, library)
    for lost in range(_FRAMES // 2, _FRAMES - 1):
        if packet_has_lbrr(packets[lost + 1], library):
            recovered = np.zeros(_PROBE.frame_samples, np.int32)
            with Decoder(5, library) as decoder:
                for packet in packets[:lost]:
                    decoder.decode(packet, recovered)
                decoder.decode_fec(packets[lost + 1], recovered)
            return _differ(recovered, _conceal(packets[:lost], 5, library)[0])
    return False


def _has_dred(speech: Pcm16, library: Library) -> bool:
    settings = EncoderSettings(bitrate_bps=64_000, expected_loss_percent=20, dred_depth_ms=200)
    heard = _FRAMES - 1 - _LOST
    recovered = np.zeros((_LOST, _PROBE.frame_samples), np.int32)
    try:
        packets = _encode(settings, speech, library)
        with DredDecoder(library) as parser, Decoder(5, library) as decoder:
            dred = parser.parse(packets[-1], recovered.size)
            if not dred.samples:
                return False
            for packet in packets[:heard]:
                decoder.decode(packet, recovered[0])
            for frame in range(_LOST):
                decoder.decode_dred(dred, (_LOST - frame) * _PROBE.frame_samples, recovered[frame])
    except CodecError:
        return False
    return _differ(recovered, _conceal(packets[:heard], 5, library))


def _has_dtx(library: Library) -> bool:
    silence = np.zeros(_FRAMES * _PROBE.frame_samples, np.int16)
    return any(len(packet) <= 2 for packet in _encode(replace(_PROBE, dtx=True), silence, library))


def _differ(one: Pcm24, other: Pcm24) -> bool:
    return not np.array_equal(one, other)
