"""pyproject.toml, requirements/ and the files that name a version say the same."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from testbed import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
APART = "train"
"""The extra that `dev` leaves out: its wheel has CUDA and GBs; `make setup-train` has a small one."""


def test_every_folder_of_code_is_a_package() -> None:
    roots = PROJECT["tool"]["setuptools"]["package-dir"]
    found = {
        ".".join((package, *path.parent.relative_to(ROOT / folder).parts))
        for package, folder in roots.items()
        for path in (ROOT / folder).rglob("*.py")
    } | {"testbed.scenarios"}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


def pins(name: str) -> dict[str, list[Requirement]]:
    """Return the pins of a file in requirements/, by name; several where they depend on Python's version."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements" / name).read_text("utf-8").splitlines():
        if re.match(r"[a-z0-9]", line):
            pin = Requirement(line.removesuffix("\\"))
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("run.txt", PROJECT["project"]["dependencies"]),
        (
            "dev.txt",
            PROJECT["project"]["dependencies"]
            + [need for extra, needs in EXTRAS.items() if extra != APART for need in needs],
        ),
        ("build.txt", PROJECT["dependency-groups"]["build"]),
    ],
)
def test_requirements_hold_what_the_project_needs(name: str, needs: list[str]) -> None:
    held = pins(name)
    for need in map(Requirement, needs):
        if need.name == PROJECT["project"]["name"]:
            continue
        versions = [
            specifier.version for pin in held[canonicalize_name(need.name)] for specifier in pin.specifier
        ]
        assert all(map(need.specifier.contains, versions)), f"{need}: make requirements"


def test_the_extra_of_training_takes_the_torch_that_set_up_installs() -> None:
    [torch] = map(Requirement, EXTRAS[APART])
    [version] = re.findall(r"^TORCH := torch==(.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert torch.name == "torch"
    assert torch.specifier.contains(version)


def test_a_run_and_its_tests_use_the_same_versions() -> None:
    dev = pins("dev.txt")
    for name, apart in (("run.txt", set()), ("build.txt", {"cython", "setuptools"})):
        held = pins(name)
        assert set(held) - set(dev) <= apart
        for package in set(held) & set(dev):
            assert {pin.specifier for pin in held[package]} == {pin.specifier for pin in dev[package]}


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "build.txt"])
def test_requirements_are_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    for block in re.split(r"\n(?=[a-z0-9])", text):
        assert "--hash=sha256:" in block


def test_files_that_name_a_version_agree() -> None:
    changelog = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    citation = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    assert changelog[0] == __version__
    assert citation == [__version__]
