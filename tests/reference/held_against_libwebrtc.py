"""Holds the adaptive receiver against a real libwebrtc: calls over many networks, and a table of both.

Run it as root or where user namespaces are permitted; it takes some minutes:

    .venv/bin/python tests/reference/held_against_libwebrtc.py [--receiver chromium]
"""

import argparse
import tempfile
from pathlib import Path

from libwebrtc.figures import COLUMNS, PRESETS, cells, compare
from libwebrtc.networks import NETWORKS, RECORDED
from libwebrtc.rig import make, prepare

_AT_ONCE = 5


def main() -> None:
    """Make the calls and print the table."""
    parser = argparse.ArgumentParser(description="Hold the adaptive receiver against a real libwebrtc.")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="networks; default: all")
    parser.add_argument("--receiver", choices=PRESETS, default="libwebrtc", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="folder of the recorded networks")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what was recorded, in a new folder")
    options = parser.parse_args()
    networks = {**NETWORKS, **(RECORDED if options.recordings else {})}
    chosen = {name: networks[name] for name in options.networks or networks}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        calls = {
            name: prepare(
                name, network, options.seconds, folder, "aiortc", options.receiver, options.recordings
            )
            for name, network in chosen.items()
        }
        names = list(calls)
        for start in range(0, len(names), _AT_ONCE):
            make([calls[name] for name in names[start : start + _AT_ONCE]], folder)
        print(_row("network", *COLUMNS, "agree"))
        print(_row(*["---"] * (len(COLUMNS) + 2)))
        for name, call in calls.items():
            theirs, ours = compare(Path(call.folder), PRESETS[options.receiver])
            print(_row(name, *cells(theirs, ours), "yes" if ours.agrees_with(theirs) else "no"), flush=True)


def _row(*row: str) -> str:
    return f"| {' | '.join(row)} |"


if __name__ == "__main__":
    main()
