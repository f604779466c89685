"""Real calls over the relay, received by libwebrtc, in a network namespace of their own."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from libwebrtc.call import RELAYED_FOLDER, REPORTS_FILE, Call, Receiver
from libwebrtc.figures import PRESETS, compare
from libwebrtc.gaps import gaps
from libwebrtc.networks import NETWORKS
from libwebrtc.rig import make, prepare
from testbed.traces.formats import read
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.recording import Recording
from testbed.traces.summary import jitter_ms

SECONDS = 8
LOSSY = ("loss and jitter", "loss, with LBRR")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Call]:
    """Return calls that were made at once, by name of network; the calm one is libwebrtc's on both sides."""
    folder = tmp_path_factory.mktemp("calls")
    made = {name: prepare(name, NETWORKS[name], SECONDS, folder) for name in LOSSY}
    made["calm"] = prepare("calm", NETWORKS["calm"], SECONDS, folder, "libwebrtc")
    make(list(made.values()), folder)
    return made


@pytest.mark.parametrize("name", [*LOSSY, "calm"])
def test_libwebrtc_receives_and_loses_what_the_relay_says(calls: dict[str, Call], name: str) -> None:
    folder = Path(calls[name].folder)
    report = json.loads((folder / REPORTS_FILE).read_text().splitlines()[-1])
    arrivals = (folder / RELAYED_FOLDER / "arrivals-forward.csv").read_text().splitlines()[1:]
    received = sum(not line.endswith(",") for line in arrivals)
    before_keys = received - report["packetsReceived"]  # a sender may be ready before the receiver's DTLS is
    assert 0 <= before_keys <= 10
    assert len(arrivals) >= SECONDS * 50 - 10
    assert (received < len(arrivals)) == (name in LOSSY)


@pytest.mark.parametrize("name", LOSSY)
def test_the_counters_of_libwebrtc_are_read_as_the_network(calls: dict[str, Call], name: str) -> None:
    folder = Path(calls[name].folder)
    _, call = read(folder / REPORTS_FILE)
    _, relayed = read(folder / RELAYED_FOLDER / "arrivals-forward.csv")
    assert isinstance(call, MeasuredCall) and isinstance(relayed, Recording)
    assert abs(call.expected.sum() - len(relayed)) <= 30  # after the last report, and before DTLS
    assert abs(call.lost.sum() - relayed.lost.sum()) <= 10
    theirs_ms, ours_ms = np.nanmedian(call.jitter_ms), np.median(jitter_ms(relayed))
    assert theirs_ms > 0.4 * ours_ms - 1  # in whole ms; a busy machine adds to it


@pytest.mark.parametrize("name", LOSSY)
def test_the_adaptive_receiver_agrees_with_libwebrtc(calls: dict[str, Call], name: str) -> None:
    theirs, ours = compare(Path(calls[name].folder))
    assert ours.agrees_with(theirs), (theirs, ours)


def test_gaps_sound_as_in_libwebrtc(calls: dict[str, Call]) -> None:
    """Of 52 gaps in 40 s, half of all 10 ms were within 0.1 dB, and the median similarity was 0.98."""
    heard = [gap for name in LOSSY for gap in gaps(Path(calls[name].folder)) if gap.levels_db]
    assert len(heard) >= 4
    assert np.median([gap.similarity for gap in heard]) > 0.7
    assert np.median(np.abs([level for gap in heard for level in gap.levels_db])) < 1


def apart(names: Iterable[str], folder: Path, receiver: Receiver = "libwebrtc") -> dict[str, object]:
    """Return the figures of networks on which the receivers differ, in calls of 20 s, five at once.

    Whatever differs is called once more: a busy machine delays a receiver by what no arrival shows.
    """
    figures: dict[str, object] = {}
    for attempt in ("first", "second"):
        names, figures = list(figures or names), {}
        for start in range(0, len(names), 5):
            here = folder / f"{attempt}-{start}"
            calls = {
                name: prepare(name, NETWORKS[name], 20, here, receiver=receiver)
                for name in names[start : start + 5]
            }
            make(list(calls.values()), here)
            for name, call in calls.items():
                theirs, ours = compare(Path(call.folder), PRESETS[receiver])
                if not ours.agrees_with(theirs):
                    figures[name] = theirs, ours
        if not figures:
            break
    return figures


@pytest.mark.long
def test_the_adaptive_receiver_agrees_with_libwebrtc_on_all_but_two_networks(tmp_path: Path) -> None:
    assert len(differing := apart(NETWORKS, tmp_path)) <= 2, differing


@pytest.mark.long
def test_the_adaptive_receiver_agrees_with_a_browser(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.fail("a real browser receives the calls: apt-get install chromium")
    names = ("loss and jitter", "bursts of 200 to 400 ms", "spikes", "delay step")
    assert len(differing := apart(names, tmp_path, "chromium")) <= 1, differing
