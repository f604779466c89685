"""A run of a scenario: plan, calls, files, and the result."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from testbed.arguments import overrides_of, paths_of, plain, words_of
from testbed.cache.terms import cache_terms
from testbed.errors import RunError
from testbed.executors import executor
from testbed.failures import forget_failures, keep_failures
from testbed.loaded_run import Run, load
from testbed.machine import cores
from testbed.progress import Progress, progress
from testbed.provenance import Provenance
from testbed.rounds import Rounds
from testbed.run_folder import is_complete, working
from testbed.scenario.loading import AnyScenario, load_scenario
from testbed.study import study_of


def run(
    scenario: Path | str | Mapping[str, Any],
    out: Path | str | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    jobs: int | None = None,
    save: Sequence[str] | str = (),
    force: bool = False,
    speech: Sequence[Path | str] | Path | str = (),
    dask: str | None = None,
    fail_fast: bool = False,
    cache: bool = True,
    resume: bool = False,
    until_ci: float | None = None,
) -> Run:
    """Run a scenario and return its results, as ``testbed run`` does.

    Progress is shown in notebooks and terminals.

    Parameters
    ----------
    scenario
        Path of a YAML file, the name of a packaged scenario, or the content of a scenario as a dict.
    out
        The run's folder; default: ``results/<name>``.
    overrides
        Values by dotted key, or ``"dotted.key=value"`` each, as with ``--set``.
    jobs
        Number of processes; default: one per core.
    save
        Files to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    force
        Whether the run may replace that of another scenario, or an unfinished one.
    speech
        Recordings in place of the scenario's speech, as with ``--speech``.
    dask
        Address of the scheduler of a Dask cluster to run on, or ``"local"`` for one of `jobs` processes of
        this machine, as with ``--dask``. A script calls this below ``if __name__ == "__main__":`` then, since
        each process of a local cluster runs it again.
    fail_fast
        Whether the run ends at the first failed call; the rows until then are kept.
    cache
        Whether results of earlier runs are taken from the cache, and those of this run kept in it.
    resume
        Whether to go on with an unfinished run of the same scenario in the folder, if there is one.
    until_ci
        Half-width of intervals at which the run ends, as with ``--until-ci``: clips and realizations are
        added in rounds, up to the scenario's, until each headline difference is known that well, in the unit
        of its metric. Default: all clips and realizations.

    Raises
    ------
    TestbedError
        The run is not possible, or ended early; else a failed call is a row with its reason.

    Examples
    --------
    >>> import testbed
    >>> run = testbed.run(
    ...     {
    ...         "name": "first",
    ...         "speech": {"corpus": "packaged", "clips": 1},
    ...         "codec": {"bitrate_kbps": 24},
    ...         "schemes": ["plc", {"dred": {"depth_ms": 200, "bitrate_kbps": 18}}],
    ...         "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    ...         "playout": {"policy": "offline"},
    ...         "metrics": ["estoi"],
    ...     },
    ...     overrides={"codec.complexity": 0},
    ... )
    >>> run
    Run(results/first: 3 calls)
    """
    if isinstance(scenario, Mapping):
        scenario = plain(scenario)
    loaded = load_scenario(scenario, overrides_of(overrides), paths_of(speech))
    folder = Path(out or Path("results") / loaded.name)
    with progress(lines=False) as on_progress:
        return run_scenario(
            loaded,
            folder,
            jobs,
            frozenset(words_of(save)),
            on_progress,
            force,
            dask=dask,
            fail_fast=fail_fast,
            cache=cache,
            resume=resume,
            until_ci=until_ci,
        )


def run_scenario(
    scenario: AnyScenario,
    out: Path,
    jobs: int | None = None,
    save: frozenset[str] = frozenset(),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    force: bool = False,
    command: Sequence[str] | None = None,
    dask: str | None = None,
    fail_fast: bool = False,
    cache: bool = True,
    resume: bool = False,
    until_ci: float | None = None,
) -> Run:
    """Run a validated scenario and write its folder; see `run`.

    Rows are on disk before `on_progress` counts them: `load` reads them however the run ends.

    Raises
    ------
    TestbedError
        The run is not possible, or ended early; else a failed call is a row with its reason.
    """
    started, done, failed = time.monotonic(), 0, 0
    study = study_of(scenario, save, cache_terms(cache))
    rounds = Rounds(study, until_ci)
    origin = Provenance(scenario, command, study.inputs)
    doing = executor(jobs or cores(), dask, study.environment)
    begin = {**study.manifest(replace(origin, processors=[*doing.processors])), **rounds.entry()}
    if resume and is_complete(out, begin):
        return load(out)
    with working(out, begin, study.columns, study.rows, force, resume) as work:

        def manifest() -> dict[str, Any]:
            processors = [*dict.fromkeys([*work.processors, *doing.processors])]
            now = replace(origin, resumed=work.resumed, processors=processors)
            return {**study.manifest(now, work.store.rows().frames()), **rounds.entry()}

        def report(message: str) -> None:
            elapsed_s = time.monotonic() - started
            on_progress(Progress(done, study.total, elapsed_s, message, study.unit, study.cached, failed))

        work.store.try_out(study.identities())
        study.prepare(work.folder, report)
        if work.resumed:
            forget_failures(work.folder)
            done = study.resume(work.store)
        report(study.kind.name)
        try:
            for tasks in rounds.tasks(work.store, begin):
                for result in doing.run(tasks, study.work, study.context):
                    failures = study.failures(result)
                    keep_failures(work.folder, failures)
                    done += study.keep(work.store, result)
                    failed += len(failures)
                    report(study.kind.name)
                    if fail_fast and failures:
                        raise RunError(f"ended at the first failure, as --fail-fast asks: {failures[0]}")
        except (Exception, KeyboardInterrupt):
            with suppress(Exception):  # the rows are kept even without warnings and diagnoses
                work.note(manifest())
            raise
        report("writing")
        work.write_tables(study.tables)
        context, again = study.choose_examples(work.rows())
        if again:
            report("calls to be heard")
            for result in doing.run(again, study.work, context):
                study.keep_examples(work.folder, result)
        work.finish({**manifest(), **study.measured_afterwards(), "replaces": work.replaces})
    return load(out)
