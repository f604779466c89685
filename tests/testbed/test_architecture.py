"""Walks the code of all folders: arrows point one way, and no model looks at a clock or a global state."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernels", "codecs", "channels", "reports", "scenarios", "training")
BASE_MODULES = {
    f"testbed.{name}"
    for name in (
        "errors",
        "escaping",
        "figures",
        "files",
        "locks",
        "machine",
        "parameters",
        "randomness",
        "named_parameters",
        "registry",
        "apt",
        "parquet",
        "version",
        "words",
    )
}
ENTRY_POINTS = {
    f"testbed.{name}"
    for name in (
        "cli",
        "commands",
        "console",
        "doctor",
        "loaded_run",
        "metric_check",
        "progress",
        "repeated_call",
        "rounds",
        "runner",
    )
}
READS_A_RUN = tuple(
    f"testbed.{name}"
    for name in (
        "results",
        "timeline",
        "trials",
        "stats",
        "precision",
        "choice",
        "speakers",
        "columns",
        "flows.columns",
        "metrics",
    )
)
GIVES_SPEECH = tuple(f"testbed.{name}" for name in ("clip_cutting", "corpus_voices", "recording", "speech"))

MAY_IMPORT = {
    "testbed.kernels": ("testbed.kernels",),
    "testbed.codecs": ("testbed.codecs", "testbed.kernels"),
    "testbed.channels": ("testbed.channels", "testbed.kernels"),
    "testbed.reports": ("testbed.reports", *READS_A_RUN),
    "testbed.scenarios": (),
    "testbed.training": (
        "testbed.training",
        "testbed.codecs",
        "testbed.kernels",
        *GIVES_SPEECH,
        "testbed.signals",
    ),
}
TIMELESS = (
    "testbed.channels",
    "testbed.codecs.schemes.part",
    "testbed.codecs.schemes",
    "testbed.neteq",
    "testbed.playout",
    "testbed.sender",
    "testbed.receiver",
    "testbed.congestion",
    "testbed.allocation",
    "testbed.control",
    "testbed.feedback_loop",
    "testbed.kernels",
)
HEAVY = {
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "onnxruntime",
    "simpy",
    "matplotlib",
    "pyarrow",
    "plotly",
    "torch",
}


def modules() -> dict[str, Path]:
    found = {}
    for folder, package in [("testbed", "testbed"), *((folder, f"testbed.{folder}") for folder in FOLDERS)]:
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in inside if part != "__init__")])] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST, with_types: bool = True) -> Iterator[str]:
    """Give the dotted name of everything that is imported, in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: import by the whole name, testbed...."
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not with_types):
            yield from imports(node, with_types)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def is_entry_point(name: str) -> bool:
    return name == "testbed" or within(name, tuple(ENTRY_POINTS))


def folder_of(name: str) -> str:
    return next((folder for folder in MAY_IMPORT if within(name, (folder,))), "testbed")


def reached(start: str) -> set[str]:
    """Return everything that importing a module may ever import, packages on the way included."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        todo += [".".join(parts[:n]) for n in range(2, len(parts))]
        if name in TREES and name != "testbed":
            todo += imports(TREES[name], with_types=False)
    return seen


def test_the_walk_sees_every_folder() -> None:
    assert {folder_of(name) for name in MODULES} == {"testbed", *MAY_IMPORT}
    assert "testbed.codecs.schemes.dred" in MODULES
    assert "testbed.channels" in set(imports(TREES["testbed.scenario.models"]))
    assert "simpy" in reached("testbed.runner")


def test_arrows_point_down() -> None:
    wrong = [
        fault for name in MODULES for imported in imports(TREES[name]) if (fault := fault_in(name, imported))
    ]
    assert wrong == []


def fault_in(name: str, imported: str) -> str | None:
    if imported.partition(".")[0] in FOLDERS:
        return f"{name} imports a bare {imported}: say testbed.{imported}"
    if not within(imported, ("testbed",)) or imported in BASE_MODULES:
        return None
    if name in BASE_MODULES:
        return f"{name} is a base module and imports {imported}"
    if is_entry_point(name):
        return None
    if is_entry_point(imported):
        return f"{name} imports {imported}, which is an entry point"
    folder = folder_of(name)
    if folder == "testbed":
        reports = folder_of(imported) == "testbed.reports"
        return f"{name} imports {imported}, which only entry points may" if reports else None
    return (
        None
        if within(imported, MAY_IMPORT[folder])
        else f"{name} imports {imported}, which its layer must not"
    )


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("testbed.channels.loss", "testbed.codecs.opus.codec"),
        ("testbed.channels.loss", "codecs"),
        ("testbed.kernels.x", "testbed.codecs.rtp.packet"),
        ("testbed.reports.report", "testbed.plan"),
        ("testbed.reports.report", "testbed.runner"),
        ("testbed.plan", "testbed.reports.report"),
        ("testbed.results", "testbed.runner"),
        ("testbed.errors", "testbed.results"),
    ],
)
def test_wrong_arrows_are_seen(name: str, imported: str) -> None:
    assert fault_in(name, imported)


@pytest.mark.parametrize(
    "name", ["testbed.results", "testbed.timeline", "testbed.reports.report", "testbed.metrics"]
)
def test_a_run_is_read_without_the_simulator(name: str) -> None:
    assert "simpy" not in reached(name)


def users(package: str) -> list[str]:
    """Return the modules that import a package or a part of it, in functions too."""
    return [name for name, tree in TREES.items() if any(within(each, (package,)) for each in imports(tree))]


def test_training_alone_needs_pytorch_and_is_needed_by_its_commands_alone() -> None:
    assert {folder_of(name) for name in users("torch")} == {"testbed.training"}
    outside = [name for name in users("testbed.training") if folder_of(name) != "testbed.training"]
    assert outside == ["testbed.commands.train"]


def test_codecs_know_no_packets_and_channels_no_audio() -> None:
    for name in MODULES:
        if folder_of(name) == "testbed.codecs":
            assert not within("simpy", tuple(imports(TREES[name]))), name


def test_no_import_is_in_a_cycle() -> None:
    below = {name: {*imports(tree, with_types=False)} & set(MODULES) - {name} for name, tree in TREES.items()}
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def written() -> Iterator[Path]:
    """Give every file of code, of tests, benchmarks, documentation and examples too."""
    yield from MODULES.values()
    for folder in ("tests", "benchmarks", "docs", "examples"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".c", ".js", ".css"} and "build" not in path.parts:
                yield path
    for suffix in ("c", "js", "css", "html"):
        for folder in ("testbed", *FOLDERS):
            yield from (ROOT / folder).rglob(f"*.{suffix}")


def test_no_file_is_too_long() -> None:
    lines = {str(path): len(path.read_text("utf-8").splitlines()) for path in written()}
    assert {path: count for path, count in lines.items() if count > 500} == {}


def test_type_checkers_are_silenced_with_a_reason() -> None:
    silencer = re.compile(r"# (type|pyright|mypy): *(ignore|disable)(?!\[[\w, -]+\]  # \w)")
    wrong = [
        f"{path}:{number}"
        for path in written()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if silencer.search(line)
    ]
    assert wrong == [], "a reason, as a comment, stands behind `type: ignore[...]`"


def test_rules_of_ruff_are_silenced_with_a_reason() -> None:
    silencer = re.compile(r"# (ruff: *)?noqa(?!: [A-Z0-9, ]+ - \w)")
    wrong = [
        f"{path}:{number}"
        for path in written()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if silencer.search(line)
    ]
    assert wrong == [], "a reason stands behind `noqa: ...`, after a dash"


def test_no_two_classes_have_the_same_name() -> None:
    homes: dict[str, list[str]] = {}
    for name, tree in TREES.items():
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_no_global_randomness() -> None:
    wrong = []
    for name, tree in TREES.items():
        allowed = {"Generator"} | ({"SeedSequence", "default_rng"} if name == "testbed.randomness" else set())
        used = [node for node in attributes_of(tree, "np.random", "numpy.random") if node.attr not in allowed]
        wrong += [f"{name}:{node.lineno}: {ast.unparse(node)}" for node in used]
        wrong += [f"{name}: the global random" for imported in imports(tree) if imported == "random"]
    assert wrong == [], "use testbed.randomness"


def test_no_model_reads_a_clock() -> None:
    wrong = []
    for name, tree in TREES.items():
        if within(name, TIMELESS):
            used = attributes_of(tree, "time", "datetime", "datetime.datetime")
            wrong += [f"{name}:{node.lineno}: {ast.unparse(node)}" for node in used]
            wrong += [
                f"{name}: import of {clock}" for clock in imports(tree) if clock in ("time", "datetime")
            ]
    assert wrong == [], "time is a parameter"


def attributes_of(tree: ast.AST, *owners: str) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners:
            yield node


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_needs_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; sys.argv = ['testbed', *sys.argv[1:]]\n"
        "import testbed.cli\n"
        "try: testbed.cli.main()\n"
        "except SystemExit as done: assert not done.code\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.rpartition("LOADED")[2].split()}
    assert "typer" in loaded
    assert sorted(loaded & HEAVY) == []
