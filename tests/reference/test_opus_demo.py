"""Packets and sound are held against libopus's own opus_demo, byte for byte and sample for sample."""

import struct
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from testbed.call import CallSettings, Simulation, simulate
from testbed.channels.realization import Realization
from testbed.channels.trace import Trace
from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engines.engine import decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.playout.offline import Offline
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

LOSSES = (0, 5, 20, 50)
FRAMES_MS = (10, 20, 40)


@dataclass(frozen=True)
class Repair:
    """One way of repairing, as our settings and as opus_demo's options."""

    name: str
    decoder_complexity: int
    inband_fec: bool = False
    dred_depth_ms: int = 0
    extra_bps: int = 0

    def settings(self, frame_ms: int) -> EncoderSettings:
        return EncoderSettings(
            bitrate_bps=24_000 + self.extra_bps,
            frame_ms=frame_ms,
            expected_loss_percent=20,
            inband_fec=self.inband_fec,
            dred_depth_ms=self.dred_depth_ms,
        )


REPAIRS = (
    Repair("classic-plc", 0),
    Repair("deep-plc", 10),
    Repair("lbrr", 10, inband_fec=True, extra_bps=16_000),
    Repair("dred", 10, dred_depth_ms=500, extra_bps=32_000),
    Repair("lbrr-dred", 10, inband_fec=True, dred_depth_ms=500, extra_bps=48_000),
)


def opus_demo(arguments: list[str], folder: Path) -> None:
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    subprocess.run(
        [str(build.opus_demo), *arguments], cwd=folder, check=True, capture_output=True, timeout=120
    )


def encoder_options(settings: EncoderSettings) -> list[str]:
    options = ["voip", "16000", "1", str(settings.bitrate_bps), "-bandwidth", "WB"]
    options += ["-framesize", str(settings.frame_ms), "-complexity", str(settings.complexity)]
    options += ["-loss", str(settings.expected_loss_percent)]
    if settings.inband_fec:
        options.append("-inbandfec")
    if settings.dtx:
        options.append("-dtx")
    if settings.dred_depth_ms:
        options += ["-dred", str(settings.dred_depth_ms // 10)]
    return options


def packets_of(bitstream: bytes) -> list[bytes]:
    packets, position = [], 0
    while position < len(bitstream):
        (length,) = struct.unpack_from(">I", bitstream, position)
        packets.append(bitstream[position + 8 : position + 8 + length])
        position += 8 + length
    return packets


@cache
def clip_pcm(index: int) -> NDArray[np.int16]:
    """4 s of speech; the second ends so that it takes one packet more than ``-e`` writes."""
    clip = load_clips(Speech(corpus="packaged", clips=2), Path())[index]
    return int16_from_float(clip.pcm[: 16_000 * 4 - index])


@cache
def encoded(clip: int, settings: EncoderSettings) -> Encoding:
    return encode(clip_pcm(clip), settings)


def lossfile(packets: int, percent: int, seed: int) -> list[int]:
    """Bursty losses; the first packet and the last two arrive, since opus_demo conceals neither end."""
    rng = np.random.default_rng(seed)
    lost, bad = [], False
    for _ in range(packets):
        bad = rng.random() < (0.7 if bad else 0.3 * percent / max(1, 100 - percent))
        lost.append(int(bad))
    lost[0] = lost[-1] = lost[-2] = 0
    return lost


def ours(
    encoding: Encoding, decoder_complexity: int, lossfile: Path, samples: int
) -> tuple[Simulation, NDArray[np.int16]]:
    simulation = simulate(
        encoding,
        CallSettings((), Offline(policy="offline"), decoder_complexity),
        Realization(
            [Trace(file=str(lossfile), offset_packets=0, after_end="received")],
            [np.random.default_rng(0)],
            lossfile.parent,
        ),
    )
    pcm = decode_one(LibopusEngine(), simulation.job)
    skip = encoding.lookahead_samples
    return simulation, pcm[skip : skip + samples]


@pytest.mark.parametrize("clip", [0, 1])
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.name)
def test_packets_are_opus_demos_byte_for_byte(
    repair: Repair, frame_ms: int, clip: int, tmp_path: Path
) -> None:
    settings = repair.settings(frame_ms)
    clip_pcm(clip).tofile(tmp_path / "in.pcm")
    opus_demo(["-e", *encoder_options(settings), "in.pcm", "out.bit"], tmp_path)
    theirs = packets_of((tmp_path / "out.bit").read_bytes())
    payloads = [frame.payload for frame in encoded(clip, settings).frames]
    assert payloads[: len(theirs)] == theirs
    assert len(payloads) == len(theirs) + clip


@pytest.mark.parametrize("clip", [0, 1])
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.name)
def test_sound_is_opus_demos_within_one_lsb(repair: Repair, frame_ms: int, clip: int, tmp_path: Path) -> None:
    settings = repair.settings(frame_ms)
    sounds_alike(encoded(clip, settings), clip_pcm(clip), repair, LOSSES, clip, tmp_path)


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.name)
def test_pauses_that_are_sent_sound_as_opus_demo_has_them(repair: Repair, tmp_path: Path) -> None:
    pcm = clip_pcm(0).copy()
    pcm[16_000:40_000] = 0
    encoding = encode(pcm, replace(repair.settings(20), dtx=True))
    assert sum(frame.is_dtx for frame in encoding.frames) > 50
    sounds_alike(encoding, pcm, repair, (0, 20), 0, tmp_path)


def sounds_alike(
    encoding: Encoding,
    pcm: NDArray[np.int16],
    repair: Repair,
    losses: tuple[int, ...],
    clip: int,
    tmp_path: Path,
) -> None:
    settings, frame_ms = encoding.settings, encoding.settings.frame_ms
    pcm.tofile(tmp_path / "in.pcm")
    for percent in losses:
        lost = lossfile(len(encoding), percent, seed=1000 * frame_ms + 10 * percent + clip)
        (tmp_path / "loss.txt").write_text(" ".join(map(str, lost)))
        demo_options = ["-dec_complexity", str(repair.decoder_complexity), "-lossfile", "loss.txt"]
        opus_demo([*encoder_options(settings), *demo_options, "in.pcm", "out.pcm"], tmp_path)
        theirs = np.fromfile(tmp_path / "out.pcm", np.int16)
        simulation, heard = ours(encoding, repair.decoder_complexity, tmp_path / "loss.txt", len(pcm))
        assert [cause != "" for cause in simulation.timeline.dropped_by] == [bool(value) for value in lost]
        assert len(theirs) == len(heard)
        difference = np.abs(theirs.astype(np.int32) - heard).max()
        assert difference <= 1, f"{percent} % loss: {difference} LSB apart"


def test_without_loss_nothing_is_concealed_and_the_delay_is_exactly_the_lookahead() -> None:
    # "voip" high-passes the speech, which moves low frequencies; "audio" leaves their phase alone.
    settings = replace(REPAIRS[1].settings(20), bitrate_bps=64_000, application="audio")
    encoding, pcm = encoded(0, settings), clip_pcm(0).astype(np.float64)
    simulation = simulate(encoding, CallSettings((), Offline(policy="offline"), 0), Realization())
    assert simulation.timeline.count(0) == len(encoding)
    decoded = decode_one(LibopusEngine(), simulation.job)
    lags = range(encoding.lookahead_samples - 20, encoding.lookahead_samples + 21)
    products = [float(pcm @ decoded[lag : lag + len(pcm)].astype(np.float64)) for lag in lags]
    assert lags[int(np.argmax(products))] == encoding.lookahead_samples
