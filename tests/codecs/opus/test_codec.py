"""The binding, held against libopus's own opus_demo and against misuse."""

import dataclasses
import struct
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.codecs.opus import library as libopus
from testbed.codecs.opus.build import Build, installed
from testbed.codecs.opus.codec import (
    Decoder,
    DredDecoder,
    Encoder,
    ParsedDred,
    packet_has_lbrr,
)
from testbed.codecs.opus.library import LBRR_QUERY, PCM24, Library, load
from testbed.codecs.opus.packet import parse
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_24_bit
from testbed.errors import CodecError

BANDWIDTH_FLAGS = {"wideband": ["-bandwidth", "WB"], "narrowband": ["-bandwidth", "NB"], "auto": []}
PLAIN = EncoderSettings(24_000)
LBRR = EncoderSettings(40_000, expected_loss_percent=20, inband_fec=True)
DEEP = EncoderSettings(64_000, expected_loss_percent=20, dred_depth_ms=500)


def our_build() -> Build:
    build = installed()
    if build is None:
        pytest.fail("libopus is not built: run `testbed opus build` (`make setup` does)")
    return build


@pytest.fixture(scope="module")
def build() -> Build:
    return our_build()


@pytest.fixture(scope="module")
def library(build: Build) -> Library:
    return load(str(build.library))


def speech(seconds: float = 2.0) -> np.ndarray:
    """A gliding, syllabic, slightly noisy voice: enough to keep SILK, its LBRR and DRED at work."""
    random = np.random.default_rng(7)
    time = np.arange(int(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 1.3 * time)) / 16_000
    voice = sum(np.sin(k * phase + k) / (1 + abs(k - 4)) for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time) + 0.6, 0, None)
    noisy = voice * syllables * 3_000 + random.normal(0, 40, time.size)
    return np.clip(noisy, -32_768, 32_767).astype(np.int16)


def encode(settings: EncoderSettings, pcm: np.ndarray, library: Library) -> list[tuple[bytes, int]]:
    """Encode like opus_demo: whole frames, and one more that silence fills."""
    samples = settings.frame_samples
    padded = np.concatenate([pcm, np.zeros(samples - pcm.size % samples, np.int16)])
    with Encoder(settings, library) as encoder:
        return [(encoder.encode(frame), encoder.final_range) for frame in padded.reshape(-1, samples)]


def demo_encode(
    build: Build, settings: EncoderSettings, pcm: np.ndarray, folder: Path
) -> list[tuple[bytes, int]]:
    pcm.tofile(folder / "in.pcm")
    command = [build.opus_demo, "-e", settings.application, "16000", "1", str(settings.bitrate_bps)]
    command += BANDWIDTH_FLAGS[settings.bandwidth]
    command += ["-framesize", str(settings.frame_ms), "-complexity", str(settings.complexity)]
    command += ["-loss", str(settings.expected_loss_percent)]
    command += [] if settings.rate_mode == "vbr" else [f"-{settings.rate_mode}"]
    command += ["-inbandfec"] * settings.inband_fec + ["-dtx"] * settings.dtx
    command += ["-dred", str(settings.dred_depth_ms // 10)] if settings.dred_depth_ms else []
    subprocess.run([*command, folder / "in.pcm", folder / "out.bit"], check=True, capture_output=True)
    data, packets = (folder / "out.bit").read_bytes(), []
    while data:
        size, final_range = struct.unpack(">II", data[:8])
        packets.append((data[8 : 8 + size], final_range))
        data = data[8 + size :]
    return packets


@pytest.mark.parametrize(
    "settings",
    [
        PLAIN,
        EncoderSettings(16_000, complexity=0, frame_ms=10),
        EncoderSettings(32_000, complexity=10, frame_ms=40, expected_loss_percent=5, inband_fec=True),
        EncoderSettings(48_000, frame_ms=60, expected_loss_percent=20, inband_fec=True, dred_depth_ms=500),
        DEEP,
        dataclasses.replace(DEEP, frame_ms=10, dred_depth_ms=1000),
        EncoderSettings(24_000, rate_mode="cbr", bandwidth="narrowband", complexity=5),
        EncoderSettings(24_000, rate_mode="cvbr", bandwidth="auto", application="audio"),
        EncoderSettings(16_000, dtx=True),
    ],
    ids=lambda settings: f"{settings.frame_ms}ms-{settings.rate_mode}-{settings.dred_depth_ms}",
)
def test_packets_equal_opus_demo(
    build: Build, library: Library, settings: EncoderSettings, tmp_path: Path
) -> None:
    pcm = speech()
    assert encode(settings, pcm, library) == demo_encode(build, settings, pcm, tmp_path)


@pytest.mark.parametrize("settings", [PLAIN, LBRR, DEEP, dataclasses.replace(LBRR, frame_ms=40)])
@pytest.mark.parametrize("complexity", [0, 5, 7])
def test_samples_equal_opus_demo(
    build: Build, library: Library, settings: EncoderSettings, complexity: int, tmp_path: Path
) -> None:
    """Walk a loss pattern with our calls in opus_demo's order; its int16 samples must come out."""
    demo = demo_encode(build, settings, speech(), tmp_path)
    lost = np.random.default_rng(3).random(len(demo)) < 0.3
    lost[0] = lost[-1] = False
    (tmp_path / "loss").write_text(" ".join(str(int(one)) for one in lost))
    files = [tmp_path / "loss", tmp_path / "out.bit", tmp_path / "out.pcm"]
    subprocess.run(
        [build.opus_demo, "-d", "16000", "1", "-dec_complexity", str(complexity), "-lossfile", *files],
        check=True,
        capture_output=True,
    )
    samples = settings.frame_samples
    out = np.zeros((len(demo), samples), np.int32)
    gap = 0
    with Decoder(complexity, library) as decoder, DredDecoder(library) as parser:
        for index, (packet, final_range) in enumerate(demo):
            if lost[index]:
                gap += 1
                continue
            dred = parser.parse(packet, min(16_000, gap * samples))
            for back in range(gap, 0, -1):
                if back == 1 and packet_has_lbrr(packet, library):
                    decoder.decode_fec(packet, out[index - back])
                elif gap and dred.samples:
                    decoder.decode_dred(dred, back * samples, out[index - back])
                else:
                    decoder.conceal(out[index - back])
            decoder.decode(packet, out[index])
            if not gap:
                assert decoder.final_range == final_range
            gap = 0
    assert np.array_equal(int16_from_24_bit(out.ravel()), np.fromfile(tmp_path / "out.pcm", np.int16))


@pytest.mark.parametrize("settings", [PLAIN, DEEP])
def test_float_calls_carry_the_same_numbers(library: Library, settings: EncoderSettings) -> None:
    old = dataclasses.replace(library, missing=library.missing | {PCM24})
    packets = encode(settings, speech(), library)
    assert encode(settings, speech(), old) == packets
    ours, theirs = np.zeros((2, 4, settings.frame_samples), np.int32)
    for one, out in ((library, ours), (old, theirs)):
        with Decoder(5, one) as decoder, DredDecoder(one) as parser:
            decoder.decode(packets[0][0], out[0])
            decoder.conceal(out[1])
            dred = parser.parse(packets[40][0], 1600)
            if dred.samples:
                decoder.decode_dred(dred, 320, out[2])
            decoder.decode(packets[40][0], out[3])
    assert np.array_equal(ours, theirs)
    assert ours.any()


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_lbrr_flag_of_old_libraries(library: Library, frame_ms: int) -> None:
    old = dataclasses.replace(library, missing=library.missing | {LBRR_QUERY})
    flags = Counter()
    settings = dataclasses.replace(LBRR, frame_ms=frame_ms)
    for one in (settings, dataclasses.replace(settings, inband_fec=False), DEEP):
        for packet, _ in encode(one, speech(), library):
            assert packet_has_lbrr(packet, library) == packet_has_lbrr(packet, old)
            assert parse(packet).frame_ms == one.frame_ms
            flags[packet_has_lbrr(packet, old)] += 1
    assert min(flags[True], flags[False]) > 20
    assert not packet_has_lbrr(b"", library)


def test_dred_depth_without_synthesis(library: Library) -> None:
    packets = [packet for packet, _ in encode(DEEP, speech(), library)]
    with DredDecoder(library) as parser, Decoder(5, library) as decoder:
        depths = [parser.parse(packet, 16_640, defer=True).samples for packet in packets]
        assert max(depths) > 0.3 * 16_000
        full = parser.parse(packets[-1], 16_640)
        assert (full.samples, full.deferred) == (depths[-1], False)
        assert 0 <= full.end_samples < full.samples

        shallow = parser.parse(packets[-1], 320)
        assert 0 < shallow.samples < full.samples

        again = parser.parse(packets[-2], 16_640, dred=full, defer=True)
        assert again is full
        out = np.zeros(320, np.int32)
        with pytest.raises(CodecError, match="only measured"):
            decoder.decode_dred(full, 320, out)

        none = parser.parse(encode(PLAIN, speech(), library)[5][0], 16_640)
        assert none.samples == 0
        with pytest.raises(CodecError, match="absent"):
            decoder.decode_dred(none, 320, out)


def test_tune_between_frames(library: Library) -> None:
    frames = speech().reshape(-1, 320)
    with Encoder(PLAIN, library) as encoder:
        slow = sum(len(encoder.encode(frame)) for frame in frames)
        encoder.tune(dataclasses.replace(DEEP, dred_depth_ms=1000))
        deep = [encoder.encode(frame) for frame in frames]
        assert sum(map(len, deep)) > 2 * slow
        encoder.tune(PLAIN)
        plain = [encoder.encode(frame) for frame in frames]
        assert abs(sum(map(len, plain)) - slow) < 0.1 * slow
        encoder.tune(dataclasses.replace(PLAIN, frame_ms=40))
        assert parse(encoder.encode(speech()[:640])).frame_ms == 40
        with pytest.raises(CodecError, match="application cannot change from 'voip' to 'audio'"):
            encoder.tune(dataclasses.replace(PLAIN, application="audio"))
        assert encoder.settings.application == "voip"
    with DredDecoder(library) as parser:
        assert parser.parse(deep[-1], 16_640, defer=True).samples > 0
        assert parser.parse(plain[-1], 16_640, defer=True).samples == 0


def test_lookahead_is_where_the_sound_is(library: Library) -> None:
    """Decoded sound is latest by the lookahead: there the correlation with the input peaks."""
    pcm = speech()
    out = np.zeros((pcm.size // 320, 320), np.int32)
    with Encoder(EncoderSettings(64_000), library) as encoder, Decoder(0, library) as decoder:
        lookahead = encoder.lookahead_samples
        for frame, place in zip(pcm.reshape(-1, 320), out, strict=True):
            decoder.decode(encoder.encode(frame), place)
    decoded = out.ravel().astype(float)
    scores = [decoded[lag : lag + 28_000] @ pcm[:28_000].astype(float) for lag in range(0, 300)]
    assert abs(int(np.argmax(scores)) - lookahead) <= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"complexity": 11}, "complexity to 11: invalid argument"),
        ({"bitrate_bps": 0}, "bitrate of 0"),
        ({"bitrate_bps": 511_000}, "500 to 510000"),
        ({"frame_ms": 30}, "frames of 30 ms"),
        ({"expected_loss_percent": 101}, "expected packet loss to 101: invalid argument"),
        ({"dred_depth_ms": 15}, "multiple of 10"),
        ({"dred_depth_ms": 2000}, "DRED depth to 2000 ms: invalid argument"),
        ({"bandwidth": "ultraband"}, "libopus knows"),
        ({"signal": "noise"}, "libopus knows"),
        ({"application": "fax"}, "libopus knows"),
        ({"rate_mode": "abr"}, "vbr, cvbr or cbr"),
    ],
)
def test_refused_settings(library: Library, change: dict[str, object], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        Encoder(dataclasses.replace(PLAIN, **change), library)


def test_refused_calls(library: Library) -> None:
    packet = encode(PLAIN, speech(), library)[3][0]
    out = np.full(320, 7, np.int32)
    with pytest.raises(CodecError, match="complexity to 11: invalid argument"):
        Decoder(11, library)
    with Encoder(PLAIN, library) as encoder:
        for wrong in (np.zeros(319, np.int16), np.zeros(320, np.int32), np.zeros((1, 320), np.int16)):
            with pytest.raises(CodecError, match="320 int16 samples"):
                encoder.encode(wrong)
    with Decoder(0, library) as decoder:
        with pytest.raises(CodecError, match="buffer too small"):
            decoder.decode(packet, out[:160])
        with pytest.raises(CodecError, match="holds 320 samples, not 640"):
            decoder.decode(packet, np.zeros(640, np.int32))
        with pytest.raises(CodecError, match="multiple of 40"):
            decoder.conceal(out[:50])
        with pytest.raises(CodecError, match="multiple of 40"):
            decoder.conceal(np.zeros(4000, np.int32))
        with pytest.raises(CodecError, match="empty packet"):
            decoder.decode(b"", out)
        with pytest.raises(CodecError, match="empty packet"):
            decoder.decode_fec(b"", out)
        with pytest.raises(TypeError):
            decoder.decode(packet, np.zeros(320, np.int16))
    assert (out == 7).all()
    with pytest.raises(CodecError, match="Decoder is closed"):
        decoder.decode(packet, out)
    with pytest.raises(CodecError, match="Encoder is closed"):
        encoder.encode(speech()[:320])
    with DredDecoder(library) as parser:
        for payload, depth in ((b"", 10), (packet, -1)):
            with pytest.raises(CodecError, match="neither may be so small"):
                parser.parse(payload, depth)


@given(st.binary(min_size=1, max_size=300))
def test_damaged_packets_never_crash(payload: bytes) -> None:
    library = load(str(our_build().library))
    out = np.full(320, 7, np.int32)
    with Decoder(5, library) as decoder, DredDecoder(library) as parser:
        for call in (decoder.decode, decoder.decode_fec):
            try:
                call(payload, out)
            except CodecError:
                continue
        try:
            dred = parser.parse(payload, 16_640)
            if dred.samples:
                decoder.decode_dred(dred, 320, out)
            packet_has_lbrr(payload, library)
        except CodecError:
            pass
        decoder.conceal(out)


@given(st.lists(st.integers(-(1 << 24), 1 << 24), min_size=1, max_size=50))
def test_24_bit_samples_are_rounded_as_by_opus_demo(values: list[int]) -> None:
    def reference(s: int) -> int:
        s = 0x007FFF00 if s > 0x007FFF00 else s
        s = -0x007FFF00 if s < -0x007FFF00 else s
        return (s + 128) >> 8

    result = int16_from_24_bit(np.array(values, np.int32))
    assert result.dtype == np.int16
    assert result.tolist() == [reference(value) for value in values]


def test_everything_is_freed_once(library: Library) -> None:
    counts: Counter[str] = Counter()

    def counted(name: str) -> object:
        function = getattr(library.call, name)

        def call(*arguments: object) -> object:
            counts[name] += 1
            return function(*arguments)

        return call

    makers = ["opus_encoder_create", "opus_decoder_create", "opus_dred_decoder_create", "opus_dred_alloc"]
    freers = ["opus_encoder_destroy", "opus_decoder_destroy", "opus_dred_decoder_destroy", "opus_dred_free"]
    call = SimpleNamespace(**{**vars(library.call), **{name: counted(name) for name in makers + freers}})
    counting = dataclasses.replace(library, call=call)
    for _ in range(3):
        with Encoder(PLAIN, counting) as encoder, Decoder(5, counting) as decoder:
            pass
        encoder.close()
        decoder.close()
        parser = DredDecoder(counting)
        dred: ParsedDred | None = parser.parse(encode(PLAIN, speech(0.1), library)[0][0], 320)
        del parser, dred
        with pytest.raises(CodecError):
            Encoder(dataclasses.replace(PLAIN, complexity=12), counting)
    assert [counts[name] for name in makers] == [6, 3, 3, 3]
    assert [counts[name] for name in freers] == [6, 3, 3, 3]


STUB = """
const char *opus_get_version_string(void) { return "libopus 0.9-stub"; }
const char *opus_strerror(int error) { return "stub error"; }
void *opus_encoder_create(int a, int b, int c, int *error) { *error = -7; return 0; }
void *opus_decoder_create(int a, int b, int *error) { *error = 0; return 0; }
int opus_encoder_destroy, opus_encoder_ctl, opus_encode_float, opus_decoder_destroy, opus_decoder_ctl;
int opus_decode_float, opus_packet_parse;
"""


def shared(folder: Path, name: str, code: str) -> str:
    (folder / f"{name}.c").write_text(code)
    command = ["gcc", "-shared", "-fPIC", "-w", "-o", folder / f"{name}.so", folder / f"{name}.c"]
    subprocess.run(command, check=True, capture_output=True)
    return str(folder / f"{name}.so")


def test_library_without_a_feature(tmp_path: Path) -> None:
    old = load(shared(tmp_path, "old", STUB))
    assert old.version == "libopus 0.9-stub"
    assert old.missing == {"DRED", PCM24, LBRR_QUERY}
    with pytest.raises(CodecError, match=r"support for DRED: libopus 0.9-stub, .*old.so.*testbed opus build"):
        DredDecoder(old)
    with pytest.raises(CodecError, match=r"opus_encoder_create: stub error \(error -7 of libopus 0.9-stub"):
        Encoder(PLAIN, old)
    with pytest.raises(CodecError, match="opus_decoder_create: no memory"):
        Decoder(0, old)


def test_not_libopus(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"other.so: not libopus"):
        load(shared(tmp_path, "other", "int nothing;"))
    with pytest.raises(CodecError, match=r"part.so: not libopus, or too old .*opus_strerror"):
        load(shared(tmp_path, "part", 'const char *opus_get_version_string(void) { return "1"; }'))
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(CodecError, match=r"text.so: cannot be loaded"):
        load(str(tmp_path / "text.so"))


def test_the_libraries_are_searched_in_order(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    monkeypatch.setenv("OPUS_LIBRARY", str(tmp_path / "absent.so"))
    with pytest.raises(CodecError, match=r"OPUS_LIBRARY=.*absent.so: no such file"):
        libopus.find()

    monkeypatch.delenv("OPUS_LIBRARY")
    monkeypatch.setattr(libopus, "_system_library", lambda: "libsystem.so")
    assert libopus.find() == "libsystem.so"
    libopus.forget()
    monkeypatch.setattr(libopus, "_system_library", lambda: None)
    with pytest.raises(CodecError, match="testbed opus build"):
        libopus.find()

    (tmp_path / "opus").mkdir()
    (tmp_path / "opus" / "current").symlink_to(build.library.parent)
    libopus.forget()
    assert libopus.find() == str(build.library.resolve())
    monkeypatch.setenv("OPUS_LIBRARY", str(build.library))
    assert libopus.find() == str(build.library)
    assert load() is load(str(build.library))
    libopus.forget()
