"""The advice for redundancy that libopus does not send, checked against what it then sends."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.encoding import dred_sent_ms, encode, lbrr_sent
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.redundancy_advice import advice
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

LITTLE = EncoderSettings(bitrate_bps=24_000, complexity=0, expected_loss_percent=2)
KBPS, LOSS = r"(?P<kbps>\d+) kb/s in all", r"codec\.expected_loss: (?P<loss>[\d.]+)"


@cache
def speech() -> np.ndarray:
    return int16_from_float(load_clips(Speech(corpus="packaged", clips=1), Path())[0].pcm[: 3 * 16_000])


def sent(settings: EncoderSettings) -> tuple[float, float]:
    frames = encode(speech(), settings).frames
    return lbrr_sent(frames), dred_sent_ms(frames)


@pytest.mark.parametrize(
    ("kbps", "lbrr", "dred_ms", "pattern"),
    [
        (24, True, 0, f"{KBPS}, or {LOSS}"),  # above a threshold of the bitrate, which falls as loss grows
        (40, False, 200, f"{KBPS}, or {LOSS}"),  # by a share of the bitrate, which grows with the loss
        (24, True, 200, f"{LOSS} with {KBPS}"),  # so small a share beside LBRR that no bitrate is enough
    ],
)
def test_the_advised_settings_send_the_redundancy(kbps: int, lbrr: bool, dred_ms: int, pattern: str) -> None:
    def is_enough(settings: EncoderSettings) -> bool:
        lbrr_share, depth_ms = sent(settings)
        return lbrr_share >= 0.25 * lbrr and depth_ms >= 0.8 * dred_ms

    asked = replace(LITTLE, bitrate_bps=1000 * kbps, inband_fec=lbrr, dred_depth_ms=dred_ms)
    assert not is_enough(asked)
    found = re.fullmatch(f"{pattern} would send enough of it", advice(speech(), asked))
    assert found, advice(speech(), asked)
    enough_bps, expected_percent = 1000 * int(found["kbps"]), round(100 * float(found["loss"]))
    expecting = replace(asked, expected_loss_percent=expected_percent)
    if " with " in pattern:
        asked = expecting
    else:
        assert is_enough(expecting)
    assert is_enough(replace(asked, bitrate_bps=enough_bps))
    steps_less = [replace(asked, bitrate_bps=enough_bps - less_bps) for less_bps in (1000, 2000)]
    assert not all(is_enough(settings) for settings in steps_less)
