"""Runs every benchmark and adds its JSON line, with date, machine and commit, to a file in the cache folder.

Run it with ``make bench``; it takes tens of minutes. One line of the file is one run of one benchmark.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from testbed import provenance
from testbed.files import cache_dir
from testbed.machine import cores

HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmarks that are named, or all."""
    names = sys.argv[1:] or sorted(
        path.stem for path in HERE.glob("*.py") if path.name != Path(__file__).name
    )
    history = cache_dir() / "benchmarks.jsonl"
    history.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        print(f"{name} ...", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py")]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(output, end="", flush=True)
        line = {
            "benchmark": name,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": f"{processor()}, {cores()} cores",
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "testbed": provenance.testbed_version(),
            "ratios": json.loads(output.splitlines()[-1]),
        }
        with history.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
    print(f"added to {history}")


def processor() -> str:
    """Return the name of the processor, or its architecture if Linux does not give a name."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text("utf-8").splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
