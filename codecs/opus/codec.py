"""libopus's encoder, decoder and DRED decoder as Python objects, mono at 16 kHz.

The calls, their order and the rounding to int16 are those of libopus 1.6.1's ``opus_demo``, so packets and
samples are equal to its own. A libopus without the 24-bit calls uses the float calls, which carry the same
numbers in a floating-point build.
"""

from collections.abc import Mapping
from ctypes import addressof, byref, c_int, c_int16, c_int32, c_uint32, create_string_buffer, string_at
from types import MappingProxyType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.opus.library import DRED, LBRR_QUERY, PCM24, Library, get_int, load, set_int
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, Pcm24
from testbed.errors import CodecError

MAX_PAYLOAD_BYTES = 15_000
MAX_PACKET_SAMPLES = 120 * SAMPLE_RATE_HZ // 1000
_STEP_SAMPLES = SAMPLE_RATE_HZ // 400
_FULL_SCALE_24 = np.float32(1 << 23)
_MIN_BITRATE_BPS, _MAX_BITRATE_BPS = 500, 510_000

_APPLICATIONS = {"voip": 2048, "audio": 2049}
_SIGNALS = {"auto": -1000, "voice": 3001, "music": 3002}
_BANDWIDTHS = {
    "auto": -1000,
    "narrowband": 1101,
    "mediumband": 1102,
    "wideband": 1103,
    "superwideband": 1104,
    "fullband": 1105,
}
_SET: Mapping[str, int] = MappingProxyType(
    {
        "bitrate": 4002,
        "VBR": 4006,
        "bandwidth": 4008,
        "complexity": 4010,
        "in-band FEC": 4012,
        "expected packet loss": 4014,
        "DTX": 4016,
        "VBR constraint": 4020,
        "signal": 4024,
        "LSB depth": 4036,
    }
)
_SET_DRED_FRAMES = 4050
_GET_LOOKAHEAD = 4027
_GET_FINAL_RANGE = 4031
_UNIMPLEMENTED = -5


class _Handle:
    """An object of libopus, freed at the end of its ``with`` block, by `close`, or when unreachable."""

    _state: int = 0

    def __init__(self, library: Library | None) -> None:
        self.library = library or load()

    def _destroy(self, state: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Free libopus's memory; the object is then unusable. A second call does nothing."""
        state, self._state = self._state, 0
        if state:
            self._destroy(state)

    def _open(self) -> int:
        if not self._state:
            raise CodecError(f"this {type(self).__name__} is closed")
        return self._state

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Encoder(_Handle):
    """An Opus encoder.

    Parameters
    ----------
    settings
        Initial settings; `tune` changes them.
    library
        The libopus to use; default: that of `testbed.codecs.opus.library.find`.

    Raises
    ------
    CodecError
        libopus refuses a setting, or has no DRED and the settings request it.
    """

    def __init__(self, settings: EncoderSettings, library: Library | None = None) -> None:
        super().__init__(library)
        call = self.library.call
        self._ctl = call.opus_encoder_ctl
        self._has_24_bit = PCM24 not in self.library.missing
        self._encode = call.opus_encode24 if self._has_24_bit else call.opus_encode_float
        self._buffer = np.zeros(MAX_PACKET_SAMPLES, np.int32 if self._has_24_bit else np.float32)
        self._scale: Any = np.int32(256) if self._has_24_bit else np.float32(1 / 32768)
        self._buffer_address = self._buffer.ctypes.data
        self._payload = create_string_buffer(MAX_PAYLOAD_BYTES)
        self._payload_address = addressof(self._payload)
        self._final_range = c_uint32()
        self._settings = settings
        self._dred_frames = 0
        if settings.application not in _APPLICATIONS:
            raise CodecError(
                f"application {settings.application!r}: libopus knows {', '.join(_APPLICATIONS)}"
            )
        self._state = self.library.create(
            call.opus_encoder_create, SAMPLE_RATE_HZ, 1, _APPLICATIONS[settings.application]
        )
        self._set("LSB depth", 16)
        self.tune(settings)

    @property
    def settings(self) -> EncoderSettings:
        """The settings in force."""
        return self._settings

    @property
    def lookahead_samples(self) -> int:
        """Delay of the decoded sound behind the encoder's input, in samples."""
        value = c_int32()
        self.library.check(get_int(self._ctl, self._open(), _GET_LOOKAHEAD, value), "asking the lookahead")
        return value.value

    @property
    def final_range(self) -> int:
        """State of the entropy coder after the last packet; the decoder's must be equal."""
        result = get_int(self._ctl, self._open(), _GET_FINAL_RANGE, self._final_range)
        self.library.check(result, "asking the final range")
        return self._final_range.value

    def tune(self, settings: EncoderSettings) -> None:
        """Change all settings but the application, from the next frame on."""
        _check_settings(settings)
        if settings.application != self._settings.application:
            raise CodecError(
                f"the application cannot change from {self._settings.application!r} to "
                f"{settings.application!r} in a running encoder"
            )
        self._set("bitrate", settings.bitrate_bps)
        self._set("bandwidth", _BANDWIDTHS[settings.bandwidth])
        self._set("VBR", int(settings.rate_mode != "cbr"))
        self._set("VBR constraint", int(settings.rate_mode == "cvbr"))
        self._set("complexity", settings.complexity)
        self._set("in-band FEC", int(settings.inband_fec))
        self._set("DTX", int(settings.dtx))
        self._set("expected packet loss", settings.expected_loss_percent)
        self._set("signal", _SIGNALS[settings.signal])
        self._set_dred(settings.dred_depth_ms)
        self._settings = settings

    def _set(self, what: str, value: int) -> None:
        self.library.check(set_int(self._ctl, self._open(), _SET[what], value), f"setting {what} to {value}")

    def _set_dred(self, depth_ms: int) -> None:
        frames = depth_ms // 10
        if frames == self._dred_frames:
            return
        result = set_int(self._ctl, self._open(), _SET_DRED_FRAMES, frames)
        if result == _UNIMPLEMENTED:
            raise self.library.lacks(DRED)
        self.library.check(result, f"setting the DRED depth to {depth_ms} ms")
        self._dred_frames = frames

    def encode(self, pcm: Pcm16) -> bytes:
        """Encode one frame.

        Parameters
        ----------
        pcm
            int16 samples, exactly ``settings.frame_samples`` of them.

        Returns
        -------
        bytes
            The packet. With DTX, a packet of one or two bytes need not be sent.
        """
        samples = self._settings.frame_samples
        if pcm.shape != (samples,) or pcm.dtype != np.int16:
            raise CodecError(
                f"a frame to encode must be {samples} int16 samples, not {pcm.dtype} of shape {pcm.shape}"
            )
        np.multiply(pcm, self._scale, out=self._buffer[:samples], dtype=self._buffer.dtype)
        size = self._encode(
            self._open(), self._buffer_address, samples, self._payload_address, MAX_PAYLOAD_BYTES
        )
        self.library.check(size, "encoding a frame")
        return string_at(self._payload_address, size)

    def _destroy(self, state: int) -> None:
        self.library.call.opus_encoder_destroy(state)


def _check_settings(settings: EncoderSettings) -> None:
    if not _MIN_BITRATE_BPS <= settings.bitrate_bps <= _MAX_BITRATE_BPS:
        raise CodecError(
            f"a bitrate of {settings.bitrate_bps} bit/s: Opus takes {_MIN_BITRATE_BPS} to {_MAX_BITRATE_BPS}"
        )
    if settings.frame_ms not in (10, 20, 40, 60):
        raise CodecError(f"frames of {settings.frame_ms} ms: take 10, 20, 40 or 60")
    if settings.dred_depth_ms % 10 or settings.dred_depth_ms < 0:
        raise CodecError(f"a DRED depth of {settings.dred_depth_ms} ms: take a multiple of 10")
    if settings.bandwidth not in _BANDWIDTHS:
        raise CodecError(f"bandwidth {settings.bandwidth!r}: libopus knows {', '.join(_BANDWIDTHS)}")
    if settings.signal not in _SIGNALS:
        raise CodecError(f"signal {settings.signal!r}: libopus knows {', '.join(_SIGNALS)}")
    if settings.rate_mode not in ("vbr", "cvbr", "cbr"):
        raise CodecError(f"rate mode {settings.rate_mode!r}: take vbr, cvbr or cbr")


class ParsedDred:
    """The DRED of one packet, as `DredDecoder.parse` returns it.

    Attributes
    ----------
    samples
        Distance of its beginning before the packet's first sample; 0: the packet has none.
    end_samples
        Distance of its end before the packet's first sample.
    deferred
        Whether only the entropy coding was decoded, which is not enough for synthesis.
    """

    samples: int = 0
    end_samples: int = 0
    deferred: bool = False
    _state: int = 0

    def __init__(self, library: Library) -> None:
        self._free = library.call.opus_dred_free
        self._state = library.create(library.call.opus_dred_alloc)

    def __del__(self) -> None:
        state, self._state = self._state, 0
        if state:
            self._free(state)


class DredDecoder(_Handle):
    """Decodes the DRED in packets.

    Raises
    ------
    CodecError
        This libopus has no DRED.
    """

    def __init__(self, library: Library | None = None) -> None:
        super().__init__(library)
        self._parse = self.library.call.opus_dred_parse
        self._end = c_int()
        self._end_reference = byref(self._end)
        self._state = self.library.create(self.library.call.opus_dred_decoder_create)

    def parse(
        self, payload: bytes, max_samples: int, dred: ParsedDred | None = None, defer: bool = False
    ) -> ParsedDred:
        """Decode the DRED of a packet.

        Parameters
        ----------
        payload
            An Opus packet, not empty.
        max_samples
            Depth needed. libopus decodes chunks of 40 ms, and may stop less than one chunk before this depth.
        dred
            An object to fill; default: a new one.
        defer
            Decode only the entropy coding, which gives the depth at a fraction of the cost.
        """
        if max_samples < 0 or not payload:
            raise CodecError(
                f"DRED of {len(payload)} bytes, {max_samples} samples back: neither may be so small"
            )
        if dred is None:
            dred = ParsedDred(self.library)
        dred.samples = 0
        result = self._parse(
            self._open(),
            dred._state,
            payload,
            len(payload),
            max_samples,
            SAMPLE_RATE_HZ,
            self._end_reference,
            int(defer),
        )
        if result == _UNIMPLEMENTED:
            raise self.library.lacks(DRED)
        dred.samples = self.library.check(result, "parsing a packet's DRED")
        dred.end_samples = self._end.value
        dred.deferred = defer
        return dred

    def _destroy(self, state: int) -> None:
        self.library.call.opus_dred_decoder_destroy(state)


class Decoder(_Handle):
    """An Opus decoder.

    Each method that produces a frame fills `out`, a one-dimensional int32 array as long as the frame, with
    24-bit samples; `testbed.codecs.pcm.int16_from_24_bit` rounds them as ``opus_demo`` does.

    Parameters
    ----------
    complexity
        0 to 10. From 5 on, the neural network conceals losses; 6 and 7 enhance the sound (OSCE), if the
        build has it.
    library
        The libopus to use; default: that of `testbed.codecs.opus.library.find`.
    """

    def __init__(self, complexity: int = 0, library: Library | None = None) -> None:
        super().__init__(library)
        call = self.library.call
        self._ctl = call.opus_decoder_ctl
        self._has_24_bit = PCM24 not in self.library.missing
        self._decode = call.opus_decode24 if self._has_24_bit else call.opus_decode_float
        self._decode_dred = (
            call.opus_decoder_dred_decode24 if self._has_24_bit else call.opus_decoder_dred_decode_float
        )
        self._buffer = np.zeros(MAX_PACKET_SAMPLES, np.int32 if self._has_24_bit else np.float32)
        self._buffer_address = self._buffer.ctypes.data
        self._views: dict[int, NDArray[Any]] = {}
        self._final_range = c_uint32()
        self._state = self.library.create(call.opus_decoder_create, SAMPLE_RATE_HZ, 1)
        self._complexity = complexity
        self._dred_in_use: ParsedDred | None = None
        self._set_complexity(complexity)

    def _set_complexity(self, complexity: int) -> None:
        result = set_int(self._ctl, self._open(), _SET["complexity"], complexity)
        # Before 1.5, a decoder has no complexity and does what later ones do at 0.
        if result != _UNIMPLEMENTED or not 0 <= complexity <= 10:
            self.library.check(result, f"setting the decoder's complexity to {complexity}")

    @property
    def final_range(self) -> int:
        """State of the entropy decoder after the last packet; must be equal to the encoder's."""
        result = get_int(self._ctl, self._open(), _GET_FINAL_RANGE, self._final_range)
        self.library.check(result, "asking the final range")
        return self._final_range.value

    def decode(self, payload: bytes, out: Pcm24) -> None:
        """Decode a received packet, of the duration of `out`."""
        if not payload:
            raise CodecError("an empty packet cannot be decoded: conceal the frame instead")
        samples = out.size
        view = self._views.get(samples)
        if view is None:
            view = self._view(samples)
        done = self._decode(
            self._state or self._open(), payload, len(payload), self._buffer_address, samples, 0
        )
        self._deliver(done, view, out, "decoding a packet")

    def conceal(self, out: Pcm24) -> None:
        """Conceal a frame for which there is no data."""
        samples = out.size
        view = self._views.get(samples)
        if view is None:
            view = self._view(samples)
        done = self._decode(self._state or self._open(), None, 0, self._buffer_address, samples, 0)
        self._deliver(done, view, out, "concealing a frame")

    def fill_pause(self, out: Pcm24) -> None:
        """Conceal a frame of a pause, without networks, which could produce speech."""
        self._set_complexity(0)
        dred, self._dred_in_use = self._dred_in_use, None
        if dred is None:
            self.conceal(out)
        else:
            # With DRED in its queue libopus conceals with networks at any complexity; this empties the queue.
            self.decode_dred(dred, -SAMPLE_RATE_HZ, out)
            self._dred_in_use = None
        self._set_complexity(self._complexity)

    def decode_fec(self, payload: bytes, out: Pcm24) -> None:
        """Decode the frame before `payload` from its LBRR; libopus conceals it if there is none."""
        if not payload:
            raise CodecError("an empty packet has no LBRR: conceal the frame instead")
        samples = out.size
        view = self._views.get(samples)
        if view is None:
            view = self._view(samples)
        done = self._decode(
            self._state or self._open(), payload, len(payload), self._buffer_address, samples, 1
        )
        self._deliver(done, view, out, "decoding LBRR")

    def decode_dred(self, dred: ParsedDred, offset_samples: int, out: Pcm24) -> None:
        """Synthesize a lost frame from the DRED of a later packet.

        Parameters
        ----------
        dred
            The DRED of the later packet. Frames that it does not cover are concealed.
        offset_samples
            From the first sample of the lost frame to the first sample of the later packet.
        out
            The frame.
        """
        if not dred.samples or dred.deferred:
            raise CodecError(
                "nothing can be synthesised from a DRED that is absent or was only measured (defer)"
            )
        samples = out.size
        self._dred_in_use = dred
        view = self._views.get(samples)
        if view is None:
            view = self._view(samples)
        done = self._decode_dred(
            self._state or self._open(), dred._state, offset_samples, self._buffer_address, samples
        )
        self._deliver(done, view, out, "decoding DRED")

    def _view(self, samples: int) -> NDArray[Any]:
        if samples % _STEP_SAMPLES or not 0 < samples <= MAX_PACKET_SAMPLES:
            raise CodecError(
                f"a frame of {samples} samples: take a multiple of {_STEP_SAMPLES} up to {MAX_PACKET_SAMPLES}"
            )
        view = self._views[samples] = self._buffer[:samples]
        return view

    def _deliver(self, done: int, view: NDArray[Any], out: Pcm24, doing: str) -> None:
        if done != view.size:
            self.library.check(done, doing)
            raise CodecError(f"{doing}: it holds {done} samples, not {view.size}")
        if not self._has_24_bit:
            view = np.rint(view * _FULL_SCALE_24).astype(np.int32)
        np.copyto(out, view, "equiv")

    def _destroy(self, state: int) -> None:
        self.library.call.opus_decoder_destroy(state)


def packet_has_lbrr(payload: bytes, library: Library | None = None) -> bool:
    """Return whether a packet has LBRR of the frame before it."""
    if not payload:
        return False
    library = library or load()
    if LBRR_QUERY in library.missing:
        return _lbrr_flag(payload, library)
    return library.check(library.call.opus_packet_has_lbrr(payload, len(payload)), "looking for LBRR") > 0


def _lbrr_flag(payload: bytes, library: Library) -> bool:
    """Read the LBRR flag, which follows SILK's voice activity flags (RFC 6716, 4.2.3); for libopus < 1.5."""
    configuration = payload[0] >> 3
    if configuration >= 16:  # CELT alone
        return False
    sizes, offset = (c_int16 * 48)(), c_int()
    frames = library.call.opus_packet_parse(payload, len(payload), None, None, sizes, byref(offset))
    library.check(frames, "looking for LBRR")
    silk_frames = max(1, configuration % 4) if configuration < 12 else 1
    return sizes[0] > 0 and bool(payload[offset.value] >> (7 - silk_frames) & 1)
