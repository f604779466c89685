"""The reader's own files, which the pages call by these names: recordings of speech and of networks."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile
import soxr

import testbed
from testbed.codecs.rtp.packet import RtpPacket
from testbed.pcap import write_pcap
from tests.codecs.concealers.networks import halving

SPEECH = (
    ("talk.wav", "en-allison-1.flac", 48_000),
    ("rec/one.wav", "fr-june-1.flac", 16_000),
    ("rec/two.flac", "it-carlo-1.flac", 16_000),
)


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    """A folder of a page's own with the reader's files."""
    return shutil.copytree(files, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's files, to be read only."""
    place = tmp_path_factory.mktemp("reader")
    (place / "rec").mkdir()
    for name, clip, rate_hz in SPEECH:
        pcm, clip_hz = soundfile.read(Path(testbed.__file__).parent / "clips" / clip)
        soundfile.write(place / name, soxr.resample(pcm, clip_hz, rate_hz), rate_hz)
    lost = [number % 50 in (7, 8, 9) for number in range(1000)]
    (place / "losses.txt").write_text("".join(f"{int(each)}\n" for each in lost))
    arrivals = [f"{20 * n},{'' if each else 20 * n + 30 + n % 7}" for n, each in enumerate(lost)]
    counted = [
        {"type": "inbound-rtp", "id": "A", "kind": "audio", "timestamp": 1000 * second}
        | {"packetsReceived": 45 * second, "packetsLost": 5 * second, "jitter": 0.004}
        for second in range(10)
    ]
    (place / "model.onnx").write_bytes(halving().SerializeToString())
    (place / "dump.json").write_text(json.dumps(counted))
    for name in ("network.csv", "office.csv"):
        (place / name).write_text("\n".join(["send_ms,arrival_ms", *arrivals]) + "\n")
    (place / "uplink.up").write_text("".join(f"{12 * n}\n" for n in range(1, 1000)))
    packets = [
        ((20 * n + 30 + n % 7) * 1_000_000, RtpPacket(111, n, 960 * n, 7, bytes(40)).serialize())
        for n, each in enumerate(lost)
        if not each
    ]
    write_pcap(place / "call.pcap", packets)
    return place
