"""Records what libopus 1.5 makes and reads as DRED of experimental version 10, into ``libopus_1_5.json``.

Debian trixie has that libopus. Beside the one in use, with a cache of its own::

    export TESTBED_CACHE=/tmp/libopus-1.5
    testbed opus build --tarball opus_1.5.2.orig.tar.gz
    python tests/reference/record_libopus_1_5.py
"""

import json
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from testbed import errors
from testbed.codecs.opus.build import built

HERE = Path(__file__).parent
CLIP = Path(errors.__file__).with_name("clips") / "en-allison-1.flac"
ENCODES = ("24000 -loss 20 -dred 100", "72000 -loss 20 -dred 100", "120000 -loss 30 -dred 104")
STATES, LATENTS, FEATURES = 19, 21, 80
EVERY = 29


def packets(folder: Path, options: str) -> list[bytes]:
    """Return some of the packets that opus_demo makes of 3 s of speech."""
    samples, rate = soundfile.read(CLIP, dtype="float32")
    pcm, stream = folder / "in.pcm", folder / "out.bit"
    pcm.write_bytes(np.round(np.resize(samples, 3 * rate) * 32767).astype("<i2").tobytes())
    command = [built().opus_demo, "-e", "voip", str(rate), "1", *options.split(), pcm, stream]
    subprocess.run(command, check=True, capture_output=True)
    data, position, found = stream.read_bytes(), 0, []
    while position < len(data):
        size, _ = struct.unpack_from(">II", data, position)
        found.append(data[position + 8 : position + 8 + size])
        position += 8 + size
    return found[::EVERY]


def main() -> None:
    """Compile ``dred_check.c`` with libopus 1.5, ask it about the packets, and write the file."""
    assert built().version.startswith("1.5."), f"this is libopus {built().version}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "dred_check"
        command = ["gcc", "-O1", "-w", "-Iinclude", "-Icelt", "-Idnn", "-Isilk", "-DOPUS_BUILD"]
        library = built().library
        command += [str(HERE / "dred_check.c"), str(library), f"-Wl,-rpath,{library.parent}", "-lm"]
        subprocess.run([*command, "-o", str(program)], cwd=built().source, check=True)
        asked = [each for options in ENCODES for each in packets(folder, options)]
        stream = b"".join(struct.pack(">II", len(each), 0) + each for each in asked)
        told = subprocess.run([program], input=stream, capture_output=True, check=True).stdout
    records, position = [], 0
    for packet in asked:
        samples, end, offset, rows = np.frombuffer(told, np.int32, 4, position).tolist()
        position += 16
        count = STATES + (LATENTS + FEATURES) * rows if rows else 0
        # as short as float32 can be told
        floats = [float(str(each)) for each in np.frombuffer(told, np.float32, count, position)]
        position += 4 * count
        latents = floats[STATES : STATES + LATENTS * rows]
        records.append(
            {
                "packet": packet.hex(),
                "samples": samples,
                "end": end,
                "offset": offset,
                "state": floats[:STATES],
                "latents": [latents[begin : begin + LATENTS] for begin in range(0, len(latents), LATENTS)],
            }
        )
    assert position == len(told)
    (HERE / "libopus_1_5.json").write_text(
        "[\n" + ",\n".join(json.dumps(each) for each in records) + "\n]\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
