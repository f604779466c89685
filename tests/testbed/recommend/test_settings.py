"""The words for settings, held against libopus's header and its opus_demo."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.encoding import encode
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.randomness import generator
from testbed.recommend.settings import libopus_calls, opus_demo_command, sdp_lines, unsaid

PLAIN = EncoderSettings(24_000)
SETTINGS = [
    PLAIN,
    EncoderSettings(
        48_000, complexity=5, inband_fec=True, expected_loss_percent=10, dred_depth_ms=200, frame_ms=40
    ),
    EncoderSettings(32_000, rate_mode="cbr", bandwidth="fullband", dtx=True, signal="voice"),
    EncoderSettings(20_000, rate_mode="cvbr", bandwidth="narrowband", application="audio", frame_ms=10),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_calls_and_constants_are_in_libopuss_header(settings: EncoderSettings) -> None:
    header = (opus_build.built().source / "include" / "opus_defines.h").read_text("utf-8")
    called = "\n".join(libopus_calls(settings, 10))
    names = set(re.findall(r"\b(OPUS_[A-Z_]+)\b", called))
    assert {"OPUS_SET_BITRATE", "OPUS_SET_PACKET_LOSS_PERC", "OPUS_SET_DRED_DURATION"} <= names
    for name in names:
        assert re.search(rf"#define {name}\b", header), name


@pytest.mark.parametrize("settings", SETTINGS)
def test_opus_demo_takes_its_command_and_sends_the_same_packets(
    settings: EncoderSettings, tmp_path: Path
) -> None:
    build = opus_build.built()
    pcm = (6000 * np.sin(np.arange(16_000) / 9)).astype(np.int16)
    pcm += generator(0, "noise").integers(-500, 500, len(pcm)).astype(np.int16)
    pcm.tofile(tmp_path / "in.pcm")
    (tmp_path / "losses.txt").write_text("0\n" * 100, "utf-8")
    program, *words = shlex.split(opus_demo_command(settings, 10))
    assert program == "opus_demo"
    done = subprocess.run(
        [build.opus_demo, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.pcm").stat().st_size > 0
    of_decoder = words.index("-dec_complexity"), words.index("-lossfile")
    of_encoder = [
        word for place, word in enumerate(words) if place not in {p + n for p in of_decoder for n in (0, 1)}
    ]
    subprocess.run(
        [build.opus_demo, "-e", *of_encoder[:-1], "out.bit"], cwd=tmp_path, capture_output=True, check=True
    )
    frame = encode(pcm, settings).frames[0].payload
    bitstream = (tmp_path / "out.bit").read_bytes()
    assert bitstream[8 : 8 + len(frame)] == frame, "each packet follows its length and its range"


def test_functions_of_the_receiver_are_in_libopuss_header() -> None:
    header = (opus_build.built().source / "include" / "opus.h").read_text("utf-8")
    said = "\n".join(unsaid(SETTINGS[1], SchemeSpec.model_validate({"lbrr": {}}), Offline(policy="offline")))
    names = set(re.findall(r"\b(opus_[a-z_]+|decode_fec)\b", said)) - {"opus_demo"}
    assert names == {"opus_decode", "decode_fec", "opus_dred_parse", "opus_decoder_dred_decode"}
    for name in names:
        assert name in header


def test_sdp_asks_for_what_the_encoder_does() -> None:
    assert sdp_lines(SETTINGS[1], ()) == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 useinbandfec=1;maxaveragebitrate=48000;maxplaybackrate=16000",
        "a=ptime:40",
    ]
    (line,) = [line for line in sdp_lines(SETTINGS[2], ()) if "fmtp" in line]
    assert line == "a=fmtp:111 useinbandfec=0;maxaveragebitrate=32000;maxplaybackrate=48000;cbr=1;usedtx=1"


def test_red_has_an_opus_block_for_the_frame_and_each_copy() -> None:
    assert sdp_lines(PLAIN, (2, 1))[:3] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 63 111",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111/111",
    ]


def test_what_cannot_be_said_is_named() -> None:
    red = SchemeSpec.model_validate({"red": {"copies": 1, "at_distances": [2]}})
    buffer = FixedPlayout(policy="fixed", buffer_ms=80)
    said = "\n".join(unsaid(PLAIN, red, buffer))
    assert "sends the frame 2 before" in said
    assert "receiver.jitterBufferTarget = 80" in said
    plain = SchemeSpec.model_validate({"red": {"copies": 2}})
    assert "distance" not in "\n".join(unsaid(PLAIN, plain, buffer))
    exact = SchemeSpec.model_validate({"dred": {"writer": "testbed", "depth_ms": 200}})
    assert "libopus chooses quantizers itself" in "\n".join(unsaid(PLAIN, exact, Offline(policy="offline")))
