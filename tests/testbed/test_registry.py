"""Registries, with packages installed into a folder on the path."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.errors import PluginError, UnknownNameError
from testbed.registry import Registry

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package with one module and its entry points."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(package: str, source: str, *entry_points: str, version: str = "1.0") -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, "utf-8")
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", "utf-8"
        )
        (info / "entry_points.txt").write_text("\n".join(["[test.things]", *entry_points, ""]), "utf-8")

    yield installed
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(module)]:
        del sys.modules[name]


def things() -> Registry[int]:
    return Registry("thing", {"one": 1, "lazy": "math:tau"}, group="test.things")


def test_items_are_built_in_or_imported_when_asked_for():
    assert things()["one"] == 1
    assert things()["lazy"] == pytest.approx(6.283, abs=1e-3)
    assert list(things()) == ["one", "lazy"]


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match=r"^unknown thing 'lasy'; did you mean lazy\?$"):
        things()["lasy"]
    with pytest.raises(UnknownNameError, match=r"^unknown thing 'quite another'; known: one, lazy$"):
        things()["quite another"]


def test_other_packages_add_items_which_are_imported_when_asked_for(install: Install):
    install("two-things", "print('imported')\nTWO = 2\n", "two = two_things:TWO")
    registered = things()
    assert list(registered) == ["one", "lazy", "two"]
    assert "two" in registered
    [plugin] = registered.plugins
    assert (plugin.name, plugin.package, plugin.version) == ("two", "two-things", "1.0")
    assert "two_things" not in sys.modules
    assert registered.loaded("two") is None
    assert registered["two"] == registered.loaded("two") == 2
    assert registered.usable() == {"one": 1, "lazy": registered["lazy"], "two": 2}


def test_a_closed_registry_takes_no_items_of_packages(install: Install):
    install("two-things", "TWO = 2\n", "two = two_things:TWO")
    assert list(Registry("thing", {"one": 1})) == ["one"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_like_it\n", "cannot be imported: ModuleNotFoundError: No module named"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("", "cannot be imported: AttributeError: "),
        ("TWO = 'text'\n", "is two_things:TWO, which is no int (builtins)"),
        ("TWO = str\n", "is two_things:TWO, which is no int (builtins)"),
    ],
)
def test_a_package_that_does_not_load_is_named_and_stops_nothing_else(
    install: Install, source: str, message: str
):
    install("two-things", source, "two = two_things:TWO")
    registered: Registry[int] = Registry("thing", {"one": 1}, group="test.things", kind=int)
    assert registered["one"] == 1
    assert registered.usable() == {"one": 1}
    with pytest.raises(PluginError) as raised:
        registered["two"]
    assert str(raised.value).startswith(f"thing 'two' of two-things 1.0 {message}")


def test_a_package_does_not_replace_a_built_in_item(install: Install):
    install("two-things", "ONE = 11\n", "one = two_things:ONE")
    registered = things()
    assert list(registered) == ["one", "lazy"]
    with pytest.raises(PluginError, match=r"^thing 'one' of two-things 1\.0 has the name of a built-in"):
        registered["one"]
    assert registered["lazy"]
    assert registered.usable()["one"] == 1


@pytest.mark.parametrize("name", ["Two", "two.three", "_two", "taken"])
def test_a_name_that_a_scenario_could_not_write_is_refused(install: Install, name: str):
    install("two-things", "TWO = 2\n", f"{name} = two_things:TWO")
    registered = Registry("thing", {"one": 1}, group="test.things", reserved=["taken"])
    assert list(registered) == ["one"]
    with pytest.raises(PluginError, match=r"two-things 1\.0 has a name that no thing can have"):
        registered[name]


def test_two_packages_with_one_name_are_both_named(install: Install):
    install("two-things", "TWO = 2\n", "two = two_things:TWO")
    install("more-things", "TWO = 22\n", "two = more_things:TWO")
    with pytest.raises(PluginError, match=r"thing 'two' of more-things 1\.0 and thing 'two' of two-things 1"):
        things()["two"]
