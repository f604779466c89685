"""Measures memory, processor time and size of a run of a million rows: writer, loader, answer, report, CSV.

Run it with ``.venv/bin/python benchmarks/many_rows.py``. The rows are made up; all else is a real run,
in one process. Each step is a process of its own. One run has many realizations at 40 points, the other one
realization at 10 000 points. Chromium opens the page; its seconds are from the beginning until all is drawn.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile

from testbed.call_results import CallResults
from testbed.call_study import CallStudy
from testbed.csv_export import write_csv
from testbed.loaded_run import load
from testbed.measurements import identity
from testbed.plan import CallId, Group
from testbed.reports.report import write_report
from testbed.results import REPORT_FILE, TABLE_FILE
from testbed.run_context import RunContext
from testbed.runner import run_scenario
from testbed.scenario.loading import parse_scenario

ROWS = 1_000_000
CLIPS = 20
SCHEMES = ["plc", "neural_plc", {"red": {"copies": 1}}, {"lbrr": {"bitrate_kbps": 16}}]
WITH_CEILING = len(SCHEMES) + 1
SHAPES = {"40_points": 40, "10000_points": 10_000}
STEPS = ("write", "load", "answer", "report", "export")
ROOT = Path(__file__).parents[1]


def scenario(points: int, rows: int) -> dict[str, Any]:
    """Return a scenario of so many points and about so many rows."""
    rates = [round(float(rate), 6) for rate in np.linspace(0.01, 0.4, points // 4)]
    return {
        "name": "many rows",
        "speech": {"files": "speech"},
        "codec": {"bitrate_kbps": 24},
        "schemes": SCHEMES,
        "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
        "playout": {"policy": "fixed", "buffer_ms": 60},
        "realizations": max(1, rows // (points * WITH_CEILING * CLIPS)),
        "sweep": {"channel.loss.rate": rates, "playout.buffer_ms": [60, 120, 250, 500]},
        "metrics": ["plcmos", "estoi", {"pesq_wb": {"realizations": 2}}],
    }


def write(folder: Path, points: int, rows: int) -> None:
    """Write a run whose rows are made up instead of measured."""
    rng = np.random.default_rng(1)
    speech = folder / "speech"
    speech.mkdir()
    for number in range(CLIPS):
        noise = rng.normal(0, 0.1, 16_000).astype(np.float32).clip(-1, 1)
        soundfile.write(speech / f"clip-{number:02}.flac", noise, 16_000)

    def work(context: RunContext, groups: Sequence[Group]) -> CallResults:
        return CallResults({call: made_up(context, call) for group in groups for call in group.calls})

    with patch.object(CallStudy, "work", staticmethod(work)):
        given = parse_scenario(json.dumps(scenario(points, rows)), folder)
        run_scenario(given, folder / "run", jobs=1, cache=False)


def made_up(context: RunContext, call: CallId) -> dict[str, Any]:
    """Return the row of a call; each scheme meets the same losses."""
    draws = np.random.default_rng(astuple(call)).normal(size=8)
    lost = np.random.default_rng((call.point, call.clip, call.realization)).uniform(0.05, 0.3)
    if not call.scheme:  # the ceiling
        lost = 0.0
    frames = 500
    quality = 4.4 - (5 - call.scheme) * lost + 0.05 * (call.clip % 5) + 0.1 * draws[0]
    row = {
        **identity(context, call),
        "payload_kbps": 24 + 4 * call.scheme + 0.1 * draws[1],
        "primary_kbps": 24 + 0.1 * draws[1],
        "lbrr_kbps": 4.0 * (call.scheme == WITH_CEILING - 1),
        "dred_kbps": 0.0,
        "red_kbps": 4.0 * (call.scheme == WITH_CEILING - 2),
        "lbrr_sent": float(call.scheme == WITH_CEILING - 1),
        "dred_asked_ms": 0.0,
        "dred_sent_ms": 0.0,
        "wire_kbps": 40 + 4 * call.scheme + 0.1 * draws[1],
        "packet_loss": lost,
        "queue_loss": 0.0,
        "delay_ms_min": 40.0,
        "delay_variation_ms_p50": 5 + 0.1 * draws[2],
        "delay_variation_ms_p95": 20 + draws[3],
        "frames": frames,
        "frames_late": 0,
        "frames_narrow": 0,
        "frames_primary": round(frames * (1 - lost)),
        "frames_red": 0,
        "frames_lbrr": 0,
        "frames_dred": 0,
        "frames_plc": frames - round(frames * (1 - lost)),
        "frames_dtx": 0,
        "buffer_needed_ms_p95": 20 + draws[4],
        "buffer_needed_ms_max": 40 + draws[5],
        "mouth_to_ear_ms": 120 + draws[6],
        "mouth_to_ear_ms_p95": 120 + draws[6],
        "buffer_ms": 60 + draws[6],
        "stretched_ms": 0.0,
        "accelerated_ms": 0.0,
        "stalled_ms": 0.0,
        "skipped_ms": 0.0,
        "concealment_events": round(frames * lost / 2),
        "interruptions": 0,
        "mos_emodel": 4.0,
        "plcmos": min(5.0, quality),
        "estoi": 0.2 * quality + 0.01 * draws[7],
        "seconds_encode": 0.001,
        "seconds_simulate": 0.013,
        "seconds_decode": 0.02,
        "seconds_metrics": 0.1,
        "error": "",
    }
    if call.realization < 2:
        row["pesq_wb"] = quality - 0.5
    return row


def do(step: str, folder: Path, points: int, rows: int) -> None:
    """Do one step, and print the processor time and the peak memory of this process as JSON."""
    before = time.process_time()
    run = folder / "run"
    actions: dict[str, Callable[[], object]] = {
        "write": lambda: write(folder, points, rows),
        "load": lambda: load(run),
        "answer": lambda: load(run).answer(),
        "report": lambda: write_report(run),
        "export": lambda: write_csv(load(run).table, folder / "rows.csv"),
    }
    actions[step]()
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    peak_mb = int(status[status.index("VmHWM:") + 1]) / 1000
    print(json.dumps({"seconds": round(time.process_time() - before, 1), "peak_mb": round(peak_mb)}))


def page_seconds(page: Path) -> float:
    """Return the time in which chromium opens a page and draws all charts."""
    sys.path.append(str(ROOT))
    from tests.reports.chromium import opened

    with opened(page, width=1400) as drawn:
        return float(drawn.run("performance.now()")) / 1000


def measure(points: int, rows: int, folder: Path) -> dict[str, Any]:
    """Do all steps and return their needs, and the sizes of the files."""
    found: dict[str, Any] = {}
    for step in STEPS:
        command = [sys.executable, __file__, step, str(folder), str(points), str(rows)]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        found[step] = json.loads(output.splitlines()[-1])
        print(
            f"{points:7} points  {step:8}{found[step]['seconds']:9.1f} s{found[step]['peak_mb']:8} MB",
            flush=True,
        )
    for name in (TABLE_FILE, REPORT_FILE):
        found[name] = {"mb": round((folder / "run" / name).stat().st_size / 1e6, 1)}
    found["page"] = {"seconds": round(page_seconds(folder / "run" / REPORT_FILE), 1)}
    return found


def main() -> None:
    """Measure both shapes, and print, last, one line of JSON."""
    found = {}
    for name, points in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(points, ROWS, Path(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        do(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
