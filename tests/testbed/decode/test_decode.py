"""Captured calls are decoded to the sound that the receiver of a run, or libopus itself, plays."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray
from typer.testing import CliRunner

from testbed.cli import app
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.codec import Decoder, Encoder
from testbed.codecs.opus.packet import parse
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_24_bit, int16_from_float
from testbed.loaded_run import Run
from testbed.pcap import write_pcap
from testbed.runner import run_scenario
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import Scenario, parse_scenario
from testbed.timeline import NEVER, read_timeline
from tests.testbed.traces.rtp_calls import Sent, datagrams

CALLS = """
name: captured
speech: {files: [speech.wav]}
codec: {bitrate_kbps: 32, complexity: 0}
schemes:
  - neural_plc
  - red: {copies: 2}
  - lbrr: {bitrate_kbps: 16}
  - dred: {depth_ms: 200, bitrate_kbps: 18}
  - {lbrr: {bitrate_kbps: 12}, red: {copies: 1}}
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 2}
  - jitter: {model: gamma, mean_ms: 15, std_ms: 10}
seed: 5
metrics: []
"""
POLICIES = ("{policy: offline}", "{policy: fixed, buffer_ms: 30}", "{policy: adaptive}")
CONCEALED_BY_POLICY = ("red-x2", "lbrr-speech", "lbrr-red")
SAVE = frozenset({"packets", "audio", "timelines"})


def said(*arguments: object, status: int = 0) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == status, done.output
    return " ".join(done.output.split())


def sound(path: Path) -> NDArray[np.int16]:
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    return np.asarray(pcm, np.int16)


@pytest.fixture(scope="module")
def speech() -> NDArray[np.int16]:
    """Return two seconds of speech."""
    packaged = parse_scenario(
        CALLS.replace("files: [speech.wav]", "corpus: packaged, clips: 1") + "playout: {policy: offline}"
    )
    assert isinstance(packaged, Scenario)
    return int16_from_float(clips_of(packaged)[0].pcm[:32_000])


@pytest.fixture(scope="module", params=POLICIES)
def kept(
    request: pytest.FixtureRequest, speech: NDArray[np.int16], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Run, str]]:
    """Return a run with the packets, sounds and timelines of its calls, and its playout policy."""
    folder = tmp_path_factory.mktemp("calls")
    soundfile.write(folder / "speech.wav", speech, 16_000)
    scenario = parse_scenario(f"{CALLS}playout: {request.param}", folder)
    yield run_scenario(scenario, folder / "run", 1, SAVE, cache=False), request.param


def test_the_packets_of_a_call_are_decoded_to_the_sound_of_the_call(
    kept: tuple[Run, str], tmp_path: Path
) -> None:
    run, policy = kept
    captures = sorted((run.folder / "packets").glob("*.received.pcap"))
    assert len(captures) == len(run.table) == 6
    for number, capture in enumerate(captures):
        name = capture.name.removesuffix(".received.pcap")
        whole = read_timeline(run.folder / "timelines" / f"{name}.parquet")
        assert whole["recovered_by"][0] == "primary"
        found, timeline_file = tmp_path / f"{name}.wav", tmp_path / f"{name}.parquet"
        playout = policy if number else "offline"  # as the ceiling is played
        concealer = [] if any(word in name for word in CONCEALED_BY_POLICY) else ["--concealer", "codec"]
        said(
            "decode", capture, "-o", found, "--playout", playout, "--timeline", timeline_file, *concealer
        )  # fmt: skip
        decoded = sound(found)[run.call(number).simulation.lookahead_samples :]
        timeline = read_timeline(timeline_file)
        # The end of a call is not seen in a capture if its last packets are lost.
        frames = len(timeline) if "adaptive" not in playout else len(timeline) - 25
        samples = len(decoded) if "adaptive" not in playout else len(decoded) - 8_000
        assert frames > 60
        kept_sound = sound(run.folder / "audio" / f"{name}.wav")[:samples]
        assert np.array_equal(decoded[: len(kept_sound)], kept_sound)
        same = whole[:frames]
        for column in ("recovered_by", "source_frame", "late"):
            assert timeline[column][:frames].tolist() == same[column].tolist()
        arrived = same["arrived_ns"] != NEVER
        assert (timeline["arrived_ns"][:frames] != NEVER).tolist() == arrived.tolist()
        assert timeline["size_bytes"][:frames][arrived].tolist() == same["size_bytes"][arrived].tolist()


def captured(path: Path, packets: Sequence[Sent]) -> Path:
    write_pcap(path, [(each.time_ns, each.data) for each in datagrams(packets)])
    return path


def in_turn(payloads: Sequence[bytes], sequence: int = 65_500, timestamp: int = 2**32 - 20_000) -> list[Sent]:
    """Return packets without loss; both counters wrap."""
    found, at_ms = [], 0.0
    for number, payload in enumerate(payloads):
        at_ms += parse(payload).frame_ms
        begin = timestamp + round(48 * (at_ms - parse(payload).frame_ms))
        found.append(Sent(at_ms, sequence + number, begin, payload=payload))
    return found


def encoded(pcm: NDArray[np.int16], frame_ms: int = 20, **settings: object) -> list[bytes]:
    told = EncoderSettings(bitrate_bps=24_000, complexity=0, frame_ms=frame_ms, **settings)
    with Encoder(told) as encoder:
        size = told.frame_samples
        return [encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]


def of_libopus(payloads: Sequence[bytes]) -> NDArray[np.int16]:
    """Return the sound that a decoder makes of packets in turn."""
    parts = []
    with Decoder(10) as decoder:
        for payload in payloads:
            out = np.zeros(round(16 * parse(payload).frame_ms), np.int32)
            decoder.decode(payload, out)
            parts.append(int16_from_24_bit(out))
    return np.concatenate(parts)


def two_in_one(one: bytes, other: bytes) -> bytes:
    """Return an Opus packet with the frames of two packets of one frame each (RFC 6716, 3.2.4)."""
    size = len(one) - 1
    length = [size] if size < 252 else [252 + (size - 252) % 4, (size - 252) // 4]
    return bytes([one[0] & 0xFC | 2, *length]) + one[1:] + other[1:]


def stereo(pcm: NDArray[np.int16]) -> list[bytes]:
    """Return packets of FFmpeg's Opus encoder with two channels."""
    import av

    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    wide = np.repeat(np.repeat(pcm, 3), 2)[np.newaxis]
    found = []
    for at in range(0, wide.shape[1] - 1920 + 1, 1920):
        frame = av.AudioFrame.from_ndarray(wide[:, at : at + 1920], "s16", "stereo")
        frame.sample_rate = 48_000
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return found


STREAMS: dict[str, Callable[[NDArray[np.int16]], list[bytes]]] = {
    "one length": encoded,
    "frames of 10, 60 and 20 ms": lambda pcm: [
        *encoded(pcm[:4_800], 10),
        *encoded(pcm[4_800:20_160], 60),
        *encoded(pcm[20_160:]),
    ],
    "two frames per packet": lambda pcm: [
        two_in_one(*pair) for pair in zip(*[iter(encoded(pcm))] * 2, strict=False)
    ],
    "stereo": stereo,
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_call_without_loss_is_the_sound_of_a_decoder(
    tmp_path: Path, speech: NDArray[np.int16], name: str
) -> None:
    payloads = STREAMS[name](speech)
    capture = captured(tmp_path / "call.pcap", in_turn(payloads))
    answer = said("decode", capture, "-o", tmp_path / "call.wav", "--playout", "offline")
    expected = of_libopus(payloads)
    assert np.array_equal(sound(tmp_path / "call.wav"), expected)
    assert np.abs(expected.astype(int)).max() > 1000
    assert f"lost: 0 of {len(payloads)} packets (0 %)" in answer
    assert f"played from their own packets: {len(expected) / 16_000:.3f} s (100 %)" in answer


def test_gaps_between_packets_of_other_lengths_are_filled(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    payloads = STREAMS["frames of 10, 60 and 20 ms"](speech)
    there = [each for number, each in enumerate(in_turn(payloads)) if number % 7 != 3]
    answer = said(
        "decode", captured(tmp_path / "call.pcap", there), "-o", tmp_path / "a.wav",
        "--playout", "{policy: fixed, buffer_ms: 60}", "--timeline", tmp_path / "a.csv",
    )  # fmt: skip
    assert len(sound(tmp_path / "a.wav")) == len(of_libopus(payloads))
    table = pd.read_csv(tmp_path / "a.csv")
    assert np.allclose(table["media_ms"][1:], np.cumsum(table["duration_ms"])[:-1])
    assert set(table["recovered_by"]) == {"primary", "plc"}
    assert f"lost: {len(payloads) - len(there)} of {len(payloads)} packets" in answer


def test_pauses_are_told_from_losses_and_last_as_long_as_they_do(
    tmp_path: Path, speech: NDArray[np.int16]
) -> None:
    packets = in_turn(encoded(speech))
    later = 60_000  # more frames than a gap is divided into
    talkspurts = [
        *packets[:30],
        *(
            replace(
                each, sent_ms=each.sent_ms + later, timestamp=each.timestamp + 48 * later, marker=number == 0
            )
            for number, each in enumerate(packets[30:])
        ),
    ]
    lost = talkspurts[:50] + talkspurts[52:]
    answer = said(
        "decode",
        captured(tmp_path / "call.pcap", lost),
        "-o",
        tmp_path / "call.wav",
        "--playout",
        "offline",
        "--complexity",
        "0",
    )
    assert len(sound(tmp_path / "call.wav")) == 32_000 + 16 * later
    assert "played from pauses: 60.000 s" in answer
    assert "played from concealment: 0.040 s" in answer
    assert "lost: 2 of 100 packets" in answer


def test_pauses_in_which_timestamps_stop_are_no_delay(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    stopped = [
        replace(each, sent_ms=each.sent_ms + 1000 * (number // 25), marker=number % 25 == 0)
        for number, each in enumerate(in_turn(encoded(speech)))
    ]
    for playout in ("{policy: fixed, buffer_ms: 60}", "adaptive"):
        answer = said(
            "decode",
            captured(tmp_path / "call.pcap", stopped),
            "-o",
            tmp_path / "call.wav",
            "--playout",
            playout,
            "--complexity",
            "0",
            "--force",
        )
        assert "timestamps stop in 3 pauses, 3.000 s in all: not counted as delay" in answer
        assert "late: 0 packets" in answer
        assert "played from pauses: 3.000 s" in answer
        assert "concealment" not in answer


@pytest.mark.parametrize(("ppm", "told"), [(20_000, True), (1000, False)])
def test_clocks_that_differ_are_told_where_they_count(
    tmp_path: Path, speech: NDArray[np.int16], ppm: int, told: bool
) -> None:
    drifting = [
        replace(each, sent_ms=each.sent_ms * (1 + ppm / 1e6)) for each in in_turn(encoded(speech[:32_000]))
    ]
    whole = captured(tmp_path / "call.pcap", drifting)
    answer = said("decode", whole, "-o", tmp_path / "call.wav", "--playout", "offline", "--complexity", "0")
    assert ("the smallest delays drift by +20000 ppm, +40 ms in all" in answer) == told
    assert ("drift" in answer) == told


def random_payloads(packets: list[Sent]) -> list[Sent]:
    rng = np.random.default_rng(1)
    return [replace(each, payload=rng.bytes(80)) for each in packets]


def g711(packets: list[Sent]) -> list[Sent]:
    return [replace(each, payload_type=0, payload=bytes(160)) for each in packets]


def two_senders(packets: list[Sent]) -> list[Sent]:
    return [*packets, *(replace(each, ssrc=9) for each in packets)]


def counting_timestamps(packets: list[Sent]) -> list[Sent]:
    return [replace(each, timestamp=each.sequence) for each in packets]


def three_hours(packets: list[Sent]) -> list[Sent]:
    pause_s = 3 * 3600
    late = [
        replace(each, sent_ms=each.sent_ms + 1000 * pause_s, timestamp=each.timestamp + 48_000 * pause_s)
        for each in packets[50:]
    ]
    return [*packets[:50], *late]


def as_sent(packets: list[Sent]) -> list[Sent]:
    return packets


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (random_payloads, "", "look encrypted (SRTP), or are not Opus"),
        (g711, "", "holds no Opus; its payload types are 0"),
        (two_senders, "", "holds 2 RTP streams, choose with --ssrc"),
        (counting_timestamps, "", "timestamps do not advance by the durations of its packets"),
        (three_hours, "", "at most 7200 are decoded"),
        (as_sent, "--playout={policy: fixed, delay_ms: 100}", "give the fixed playout a buffer_ms"),
        (as_sent, "--playout=fixed", "--playout: playout: give exactly one of delay_ms"),
        (as_sent, "--playout={policy: fixed, bufer_ms: 3}", "did you mean buffer_ms?"),
        (as_sent, "--playout={policy", "--playout: "),
        (as_sent, "--concealer=none", "--concealer none: choose from codec, neteq"),
        (as_sent, "--timeline=call.txt", "call.txt: give a name that ends in .parquet or .csv"),
        (as_sent, "--complexity=11", "must be at most 10"),
    ],
)
def test_what_cannot_be_decoded_is_refused_by_name(
    tmp_path: Path,
    speech: NDArray[np.int16],
    made: Callable[[list[Sent]], list[Sent]],
    options: str,
    message: str,
) -> None:
    capture = captured(tmp_path / "call.pcap", made(in_turn(encoded(speech))))
    told = [options] if options else []
    answer = said("decode", capture, "-o", tmp_path / "call.wav", *told, status=2)
    assert message in answer.replace("│ ", "")
    assert not (tmp_path / "call.wav").exists()


def test_no_file_is_replaced_unless_it_is_said(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    capture = captured(tmp_path / "call.wav", in_turn(encoded(speech)))
    before = capture.read_bytes()
    held, link = tmp_path / "held.wav", tmp_path / "link.wav"
    held.write_bytes(b"mine")
    link.symlink_to(capture)
    for out in (capture, link):
        assert "is the capture" in said("decode", capture, "-o", out, "--force", status=2)
    assert "exists; give another name" in said("decode", capture, "-o", held, status=2)
    assert held.read_bytes() == b"mine"
    assert "cannot be written" in said("decode", capture, "-o", held / "new.wav", status=2)
    assert "ends in .wav" in said("decode", capture, "-o", tmp_path / "a.txt", status=2)
    assert "is no capture of RTP" in said("decode", held, "-o", tmp_path / "a.wav", status=2)
    said("decode", capture, "-o", held, "--force")
    assert len(sound(held)) > 30_000
    assert capture.read_bytes() == before


def test_damaged_packets_cost_themselves_only(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    rng = np.random.default_rng(5)
    packets = in_turn(encoded(speech))
    for number in rng.permutation(len(packets))[:30]:
        each = packets[number]
        packets[number] = replace(
            each,
            payload=bytes(rng.permutation(list(each.payload[: rng.integers(0, 40)])).tolist()),
            timestamp=each.timestamp + int(rng.choice([0, 7, -960, 2**30])),
            payload_type=int(rng.choice([111, 111, 63, 0])),
        )
    capture = captured(tmp_path / "call.pcap", packets)
    for playout in ("offline", "{policy: fixed, buffer_ms: 40}", "adaptive"):
        answer = said("decode", capture, "-o", tmp_path / "call.wav", "--playout", playout, "--force")
        assert "and are left out" in answer
        assert 28_000 <= len(sound(tmp_path / "call.wav")) <= 40_000


def test_a_capture_without_loss_is_decoded_as_by_opus_demo(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    stream, pcm = tmp_path / "call.bit", tmp_path / "call.pcm"
    payloads = encoded(speech)
    stream.write_bytes(b"".join(len(each).to_bytes(4) + bytes(4) + each for each in payloads))
    command = [build.opus_demo, "-d", "16000", "1", "-dec_complexity", "10", stream, pcm]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    capture = captured(tmp_path / "call.pcap", in_turn(payloads))
    said("decode", capture, "-o", tmp_path / "call.wav", "--playout", "offline")
    assert np.array_equal(sound(tmp_path / "call.wav"), np.fromfile(pcm, np.int16))
