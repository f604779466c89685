"""Measures how fast a sweep runs: its stages and metrics, other ways to do it, and several processes.

Run it with ``.venv/bin/python benchmarks/sweep.py``. It takes about half an hour on two free cores; with
``--quick``, a minute. The sweep sends clips through bursty loss of 10 % with neural concealment and with 1 s
of DRED; with the ceiling that is 900 rows. Every part runs in processes of its own:

- stages: processor time per row of encoding, simulation, decoding and each metric, and of the same with
  `pystoi` and the whole network of PLCMOS on some of its sounds;
- before: the same sweep by another installation, if ``--before`` names its interpreter;
- pesq: PESQ-WB on all realizations and on a part, by the time to the same interval;
- pipeline: `opus_demo` once per call, pystoi, speechmos (which passes a sound 15 times through its network)
  and pesq loaded once per process, two processes;
- processes: rows per second of two processes, of two runs at the same time, and of a local Dask cluster,
  while all are busy, without start-up and report;
- cached: the sweep with a cache that is empty, and a second time with what that kept.

All other runs use no cache.

Ratios compare measurements of this run. Those of processor time hold on a busy machine, too.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOSS = 0.1
BITRATE_KBPS, DRED_KBPS = 24, 64
SCHEMES = ["neural_plc", {"dred": {"depth_ms": 1000, "bitrate_kbps": DRED_KBPS}}]
METRICS = ["estoi", "plcmos"]
PESQ_PARTS = (1, 2, 5, 10)
PARTS = ("before", "pesq", "pipeline", "cached", "processes")
STAGES = ("encode", "simulate", "decode")

Floats = NDArray[np.floating]
Found = dict[str, Any]


def scenario(clips: int, realizations: int, burst: float, metrics: Sequence[Any], seed: int = 0) -> Found:
    """Return the sweep's scenario."""
    return {
        "name": "sweep",
        "seed": seed,
        "speech": {"corpus": "packaged", "clips": clips},
        "codec": {"bitrate_kbps": BITRATE_KBPS},
        "schemes": SCHEMES,
        "channel": [{"loss": {"model": "gilbert_elliott", "rate": LOSS, "mean_burst_packets": burst}}],
        "realizations": realizations,
        "playout": {"policy": "offline"},
        "engine": "numba",
        "metrics": list(metrics),
    }


def steady_rate(seconds: Sequence[float], rows: Sequence[float]) -> float:
    """Return rows per second between a tenth and nine tenths of the rows, from times and finished rows.

    All rows may come at once; then there is no rate, and the result is NaN.
    """
    if len(rows) < 3:
        return float("nan")
    wanted = np.array([0.1, 0.9]) * rows[-1]
    begin, end = np.interp(wanted, rows, seconds)
    return float((wanted[1] - wanted[0]) / (end - begin))


@dataclass(frozen=True)
class Spread:
    """Variances of a paired difference: between clips, and between the realizations of a clip."""

    clips: float
    realizations: float

    @classmethod
    def of(cls, differences: Floats) -> "Spread":
        """Estimate it from differences, (clips, realizations)."""
        within = float(differences.var(axis=1, ddof=1).mean())
        between = float(differences.mean(axis=1).var(ddof=1)) - within / differences.shape[1]
        return cls(max(0.0, between), within)

    def clips_for(self, part: int, realizations: int) -> float:
        """Return how many times the clips a part needs for the interval of all realizations."""
        return (self.clips + self.realizations / part) / (self.clips + self.realizations / realizations)

    def gain(self, part: int, realizations: int, row_ms: float, metric_ms: float) -> float:
        """Return the time of all realizations over that of a part, both to the same interval."""
        whole_ms = realizations * (row_ms + metric_ms)
        part_ms = realizations * row_ms + part * metric_ms
        return whole_ms / (self.clips_for(part, realizations) * part_ms)


# The work of processes of their own. `run` also works with an earlier installation.


def run(
    scenario: Found,
    folder: str,
    jobs: int = 1,
    dask: str | None = None,
    sounds: int = 0,
    cache: str | None = None,
) -> Found:
    """Run a scenario; return rows per second, and processor time by stage and metric in ms per row.

    The first different sounds are kept in `folder` as ``sounds.npz``. `cache` is a folder with a cache.
    """
    started = time.monotonic()
    if cache is not None:
        os.environ["TESTBED_CACHE"] = cache
    from testbed.metrics.scorer import Scorer, scorer
    from testbed.runner import run_scenario
    from testbed.scenario.loading import parse_scenario

    spent, pairs = dict[int, float](), list[tuple[Floats, Floats]]()
    original: Any = Scorer.__call__

    def timed(self: Scorer, reference: Floats, degraded: Floats) -> Any:
        started = time.process_time()
        score = original(self, reference, degraded)
        spent[id(self)] = spent.get(id(self), 0.0) + time.process_time() - started
        if len(pairs) < sounds and self is measured[0]:
            pairs.append((reference, degraded))
        return score

    noise = np.random.default_rng(0).normal(scale=0.1, size=32_000).astype(np.float32)
    names = [next(iter(given)) if isinstance(given, dict) else given for given in scenario["metrics"]]
    measured = [scorer(name) for name in names]
    if jobs == 1 and dask is None:
        for each in measured:
            each(noise, noise)  # loads it
    Scorer.__call__ = timed  # type: ignore[method-assign]  # times each metric, wherever it is called
    wall, processor, rows = [], [], []

    def note(progress: Any) -> None:
        if progress.message == "calls":
            wall.append(time.monotonic())
            processor.append(time.process_time())
            rows.append(progress.done)

    extra: Any = {} if dask is None else {"dask": dask}
    if "cache" in signature(run_scenario).parameters:
        extra |= {"cache": cache is not None}
    done = run_scenario(
        parse_scenario(json.dumps(scenario)), Path(folder, "run"), jobs, on_progress=note, **extra
    )
    table = done.table
    if sounds:
        np.savez(Path(folder, "sounds.npz"), *(signal for pair in pairs for signal in pair))
    return {
        "rows": len(table),
        "cached": done.manifest.get("cache", {}).get("cached", 0),
        "problem": done.manifest.get("cache", {}).get("problem", ""),
        "all_s": time.monotonic() - started,
        "rows_per_s": steady_rate(wall, rows),
        "processor_ms": 1000 * (processor[-1] - processor[0]) / len(table),
        **{stage: 1000 * float(table[f"seconds_{stage}"].mean()) for stage in STAGES},
        "metrics": {
            name: 1000 * spent.get(id(each), 0.0) / len(table)
            for name, each in zip(names, measured, strict=True)
        },
        "scores": {
            name: table.pivot_table(name, ["clip", "realization"], "scheme").to_dict("tight")
            for name in names
        },
        "failed": int(table[names].isna().any(axis=1).sum()) if names else 0,
    }


def other_metrics(file: str) -> Found:
    """Score sounds by pystoi and by PLCMOS's whole network; return processor time in ms per sound."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # or the threads of a network wait for each other
    from pystoi import stoi
    from speechmos.plcmos import PLCMOS

    signals = list(np.load(file).values())
    pairs = list(zip(signals[::2], signals[1::2], strict=True))
    plcmos: Any = PLCMOS
    network = plcmos(embed_rounds=1)
    measures: dict[str, Any] = {
        "estoi": lambda reference, degraded: stoi(reference, degraded, 16_000, extended=True),
        "plcmos": lambda reference, degraded: network.get_mos(degraded),
    }
    found = {}
    for name, measure in measures.items():
        measure(*pairs[0])
        started = time.process_time()
        for pair in pairs:
            measure(*pair)
        found[name] = 1000 * (time.process_time() - started) / len(pairs)
    return found


def pipeline(clips: int, calls: int, burst: float, first: int, passes: int, with_pesq: bool) -> Found:
    """Make calls as a script does, every second one; return their processor time in ms per call.

    `passes` is the number of times that a sound goes through the network of PLCMOS.
    """
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-first]})
    import soundfile
    from pesq import pesq
    from pystoi import stoi
    from realizations import losses
    from speechmos.plcmos import PLCMOS

    from testbed.codecs.opus.build import built
    from testbed.speech import PACKAGED

    plcmos: Any = PLCMOS
    network, opus_demo = plcmos(embed_rounds=passes), str(built().opus_demo)
    speech = [soundfile.read(path, dtype="int16")[0] for path in sorted(PACKAGED.glob("*.flac"))[:clips]]
    encodings = {f"plc {BITRATE_KBPS}000": "", f"dred {DRED_KBPS}000": "-dred 100"}
    network.get_mos(speech[0] / 32768)
    with tempfile.TemporaryDirectory() as folder:
        for clip, pcm in enumerate(speech):
            pcm.tofile(Path(folder, f"{clip}.sw"))
            for name, options in encodings.items():
                words = f"-e voip 16000 1 {name.split()[1]} -bandwidth WB -complexity 9 -loss 10 {options}"
                command = [opus_demo, *words.split(), f"{clip}.sw", f"{clip} {name}"]
                subprocess.run(command, cwd=folder, capture_output=True, check=True)
        before, made = _processor_s(), 0
        most = 1 + max(map(len, speech)) // 320
        for number, lost in zip(range(calls), losses(most, burst), strict=False):
            if number % 2 != first:
                continue
            Path(folder, "lost").write_text("".join(f"{int(gone)}\n" for gone in lost), encoding="ascii")
            pcm = speech[number // 2 % clips]
            reference = pcm / np.float32(32768)
            for name in encodings:
                command = [opus_demo, "-d", "16000", "1", "-dec_complexity", "10", "-lossfile", "lost"]
                command += [f"{number // 2 % clips} {name}", "out.sw"]
                subprocess.run(command, cwd=folder, capture_output=True, check=True)
                sound = np.fromfile(Path(folder, "out.sw"), np.int16)[: len(pcm)] / np.float32(32768)
                sound = np.pad(sound, (0, len(pcm) - len(sound)))
                stoi(reference, sound, 16_000, extended=True)
                network.get_mos(sound)
                if with_pesq:
                    pesq(16_000, reference, sound, "wb")
                made += 1
        return {"processor_ms": 1000 * (_processor_s() - before) / made}


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


WORK: dict[str, Callable[..., Found]] = {"run": run, "other_metrics": other_metrics, "pipeline": pipeline}


def begin(work: str, python: str = sys.executable, **arguments: Any) -> "subprocess.Popen[str]":
    """Start one of `WORK` in a process of its own."""
    command = [python, __file__, work, json.dumps(arguments)]
    kept_mb = {} if arguments.get("cache") else {"TESTBED_CACHE_MB": "0"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | kept_mb)


def result_of(process: "subprocess.Popen[str]") -> Found:
    """Return its result."""
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"failed: {process.args!r}")
    return dict(json.loads(output.splitlines()[-1]))


# The parts.


class Sweep:
    """The measurements; each method prints its table and returns its ratios."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._runs = 0
        self._pesq_ms = float("nan")

    def _begin(self, metrics: Sequence[Any] = METRICS, python: str = sys.executable, **arguments: Any) -> Any:
        """Start a run of the sweep in a folder of its own."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        o = self._options
        clips, realizations = arguments.pop("clips", o.clips), arguments.pop("realizations", o.realizations)
        given = scenario(clips, realizations, o.burst, metrics, arguments.pop("seed", 0))
        return begin("run", python, scenario=given, folder=str(folder), **arguments)

    def stages(self) -> Found:
        """Measure one process by stage and metric, and the metrics as others compute them."""
        self._now = result_of(self._begin(sounds=self._options.sounds))
        other = result_of(begin("other_metrics", file=str(self._folder / str(self._runs) / "sounds.npz")))
        now, rows = self._now, self._now["rows"]
        # The ceiling has one sound per clip, all other calls one each.
        share = (rows * 2 / 3 + self._options.clips) / rows
        print(f"{rows} rows, one process, processor time per row:")
        for stage in STAGES:
            print(f"  {stage:10}{now[stage]:8.1f} ms")
        for name in METRICS:
            per_row = now["metrics"][name]
            per_sound = f"{per_row / share:.1f} ms per sound, by the package {other[name]:.1f} ms"
            print(f"  {name:10}{per_row:8.1f} ms; {per_sound}")
        with_packages = now["processor_ms"] + sum(
            share * other[name] - now["metrics"][name] for name in METRICS
        )
        print(
            f"  in all    {now['processor_ms']:8.1f} ms; with the packages {with_packages:.1f} ms", flush=True
        )
        return {
            "ms_per_row": {stage: round(now[stage], 2) for stage in STAGES}
            | {name: round(now["metrics"][name], 2) for name in METRICS}
            | {"all": round(now["processor_ms"], 2)},
            "estoi_by_pystoi": round(other["estoi"] * share / now["metrics"]["estoi"], 2),
            "plcmos_by_whole_network": round(other["plcmos"] * share / now["metrics"]["plcmos"], 2),
            "rows_with_packages": round(with_packages / now["processor_ms"], 2),
        }

    def before(self) -> Found:
        """Measure the same sweep by another installation."""
        if not self._options.before:
            print("before: --before names no interpreter", flush=True)
            return {}
        before = result_of(self._begin(python=self._options.before))
        ratio = before["processor_ms"] / self._now["processor_ms"]
        stages = ", ".join(f"{stage} {before[stage]:.1f}" for stage in STAGES)
        metrics = ", ".join(f"{name} {ms:.1f}" for name, ms in before["metrics"].items())
        print(
            f"before: {before['processor_ms']:.1f} ms per row ({stages}, {metrics}): {ratio:.2f} x",
            flush=True,
        )
        differences = {
            name: float(np.nanmax(np.abs(_scores(before, name) - _scores(self._now, name))))
            for name in METRICS
        }
        print(f"  largest difference of a score: {differences}", flush=True)
        return {"rows_per_processor_second": round(ratio, 2), "largest_difference": differences}

    def pesq(self) -> Found:
        """Measure PESQ-WB on all realizations and on parts of them."""
        found = result_of(self._begin(["pesq_wb"], clips=4, realizations=self._options.pesq_realizations))
        self._pesq_ms = pesq_ms = found["metrics"]["pesq_wb"]
        row_ms = self._now["processor_ms"]
        scores = _scores(found, "pesq_wb")
        of_scheme = scores.reshape(4, -1, scores.shape[1])
        spread = Spread.of(of_scheme[:, :, 0] - of_scheme[:, :, 1])
        realizations = self._options.realizations
        print(
            f"PESQ-WB: {pesq_ms:.1f} ms per row; a row with it takes {1 + pesq_ms / row_ms:.2f} x the time. "
            f"Its difference of schemes varies by {spread.clips**0.5:.3f} between clips and "
            f"{spread.realizations**0.5:.3f} within one. To the interval of all {realizations} realizations:"
        )
        gains = {part: spread.gain(part, realizations, row_ms, pesq_ms) for part in PESQ_PARTS}
        for part, gain in gains.items():
            clips = spread.clips_for(part, realizations)
            print(f"  {part:4} of them: {gain:.2f} x as fast, with {clips:.2f} x the clips", flush=True)
        return {
            "row_time": round(1 + pesq_ms / row_ms, 2),
            "to_same_interval": {str(part): round(gain, 2) for part, gain in gains.items()},
        }

    def pipeline(self) -> Found:
        """Measure two persistent processes of other programs."""
        ratios = {}
        for name, passes, with_pesq in (
            ("without_pesq", 15, False),
            ("without_pesq_one_pass", 1, False),
            ("with_pesq", 15, True),
        ):
            given = {"calls": self._options.pipeline_calls, "burst": self._options.burst}
            given |= {"clips": 2, "passes": passes, "with_pesq": with_pesq}
            both = [begin("pipeline", first=first, **given) for first in (0, 1)]
            found = [result_of(process) for process in both]
            call_ms = sum(each["processor_ms"] for each in found) / 2
            # Two of three rows are calls; the pipeline has no ceiling.
            ours_ms = 1.5 * (self._now["processor_ms"] + (self._pesq_ms if with_pesq else 0.0))
            ratios[name] = round(call_ms / ours_ms, 2)
            print(
                f"pipeline {name.replace('_', ' ')}: {call_ms:.0f} ms of processor time per call, "
                f"ours {ours_ms:.1f} ms with the ceiling: {call_ms / ours_ms:.2f} x",
                flush=True,
            )
        return ratios

    def processes(self) -> Found:
        """Measure two processes, two runs at the same time, and a local Dask cluster."""
        many = self._options.process_realizations
        rates: dict[str, list[float]] = {"two processes": [], "two runs": [], "Dask": []}
        for repeat in range(self._options.repeats):
            rates["two processes"].append(
                result_of(self._begin(realizations=many, seed=repeat, jobs=2))["rows_per_s"]
            )
            runs = [self._begin(realizations=many // 2, seed=10 * repeat + each) for each in (1, 2)]
            rates["two runs"].append(sum(result_of(process)["rows_per_s"] for process in runs))
            rates["Dask"].append(
                result_of(self._begin(realizations=many, seed=repeat, jobs=2, dask="local"))["rows_per_s"]
            )
        middle = {name: median(found) for name, found in rates.items()}
        for name, found in rates.items():
            print(
                f"{name:14}{middle[name]:8.1f} rows/s, {', '.join(f'{rate:.1f}' for rate in found)}",
                flush=True,
            )
        return {
            "two_processes_by_two_runs": round(middle["two processes"] / middle["two runs"], 3),
            "dask_by_two_processes": round(middle["Dask"] / middle["two processes"], 3),
        }

    def cached(self) -> Found:
        """Measure the sweep with an empty cache, and a second time."""
        from testbed.files import cache_dir

        folder = self._folder / "cache"
        folder.mkdir()
        (folder / "opus").symlink_to(cache_dir() / "opus")
        keeping, again = (result_of(self._begin(cache=str(folder))) for _ in range(2))
        megabytes = sum(file.stat().st_size for file in folder.glob("**/*") if file.is_file()) / 1e6
        computed = again["rows"] - again["cached"]
        for problem in {keeping["problem"], again["problem"]} - {""}:
            print(f"cached: {problem}", flush=True)
        overhead = keeping["processor_ms"] / self._now["processor_ms"]
        print(
            f"cached: {computed} of {again['rows']} rows were computed, in {again['all_s']:.1f} s with "
            f"start-up and report; the first took {keeping['all_s']:.1f} s and kept {megabytes:.0f} MB, "
            f"{overhead:.2f} x the processor time per row of a run without a cache",
            flush=True,
        )
        return {"computed": computed, "overhead": round(overhead, 3)} | {
            "second_by_first": round(again["all_s"] / keeping["all_s"], 3)
        }

    def measure(self) -> Found:
        """Measure the stages, and the parts that are asked for."""
        found = {"stages": self.stages()}
        for part in self._options.parts:
            found[part] = getattr(self, part)()
        return found


def _scores(found: Found, name: str) -> Floats:
    """Return the scores of a run, (clips x realizations, schemes), without the ceiling."""
    table = found["scores"][name]
    schemes = [column for column, scheme in enumerate(table["columns"]) if scheme != "no loss"]
    return np.array(table["data"], float)[:, schemes]


def main() -> None:
    """Measure, print tables and, last, one JSON line."""
    if len(sys.argv) == 3 and sys.argv[1] in WORK:
        print(json.dumps(WORK[sys.argv[1]](**json.loads(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser(description="Measures how fast a sweep runs.")
    parser.add_argument("parts", nargs="*", help=f"what to measure besides the stages: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a minute, with few calls")
    for name, default, quick, about in (
        ("clips", 2, 1, "clips of the sweep"),
        ("realizations", 150, 12, "realizations of the sweep"),
        ("sounds", 60, 4, "sounds that the packages score"),
        ("pesq-realizations", 20, 2, "realizations for PESQ-WB, of four clips"),
        ("pipeline-calls", 24, 4, "losses that the pipeline decodes with each scheme"),
        ("process-realizations", 1200, 96, "realizations for several processes"),
        ("repeats", 3, 1, "repetitions with several processes"),
    ):
        parser.add_argument(f"--{name}", type=int, help=f"{about}; default {default}, quick {quick}")
        parser.set_defaults(**{f"default_{name.replace('-', '_')}": (default, quick)})
    parser.add_argument("--burst", type=float, default=6, help="mean burst in packets")
    parser.add_argument("--before", help="Python interpreter of an installation to compare with")
    options = parser.parse_args()
    options.parts = options.parts or PARTS
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    for name, value in vars(options).copy().items():
        if name.startswith("default_") and getattr(options, name.removeprefix("default_")) is None:
            setattr(options, name.removeprefix("default_"), value[options.quick])
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(Sweep(options, Path(folder)).measure()))


if __name__ == "__main__":
    main()
