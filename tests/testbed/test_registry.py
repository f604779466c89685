"""Registries, with packages installed into a folder on the path."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.channels import STAGES
from testbed.codecs.schemes import PARTS
from testbed.congestion import CONTROLLERS
from testbed.errors import PluginError, UnknownNameError
from testbed.registry import Registry

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package with one module and its entry points."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(
        package: str,
        source: str,
        *entry_points: str,
        version: str = "1.0",
        group: str = "test.things",
    ) -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, "utf-8")
        info = tmp_path / f"{module}-{version or 'none'}.dist-info"
        info.mkdir()
        stated = f"Version: {version}\n" if version else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\n{stated}", "utf-8")
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *entry_points, ""]), "utf-8")

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
        ("raise SystemExit(3)\n", "cannot be imported: SystemExit: 3"),
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


def test_a_package_without_a_version_has_an_empty_one(install: Install):
    install("two-things", "TWO = 2\n", "two = two_things:TWO", version="")
    [plugin] = things().plugins
    assert (plugin.version, str(plugin)) == ("", "thing 'two' of two-things")


PART = """
from typing import ClassVar
from testbed.codecs.schemes.part import SchemePart
class Two(SchemePart):
    key: ClassVar[str] = "three"
"""
NO_KEY = PART.replace('key: ClassVar[str] = "three"', "pass")
STAGE = """
from testbed.parameters import Parameters
class Two(Parameters):
    def build(self, context): ...
"""
CONTROLLER = """
from testbed.congestion.controller import ControllerParameters
class Two(ControllerParameters):
    pass
"""


@pytest.mark.parametrize(
    ("registered", "source", "fault"),
    [
        (PARTS, PART, "needs the key 'two'"),
        (PARTS, NO_KEY, "needs the key 'two'"),
        (STAGES, STAGE, r"has no mean_loss\(\)"),
        (CONTROLLERS, CONTROLLER, "needs the field 'controller' with the default 'two'"),
    ],
)
def test_an_incomplete_item_of_a_package_is_refused_with_what_it_lacks(
    install: Install, registered: Registry[Any], source: str, fault: str
):
    install("two-things", source, "two = two_things:Two", group=registered.group)
    with pytest.raises(PluginError, match=rf"is two_things:Two, which {fault}$"):
        again(registered)["two"]


def test_no_scheme_part_has_the_name_of_a_scheme_s_own_key(install: Install):
    install("two-things", PART, "name = two_things:Two", group=PARTS.group)
    assert "name" not in again(PARTS)


def again(registered: Registry[Any]) -> Registry[Any]:
    """Return a registry that looks the installed packages up anew."""
    fresh = copy.copy(registered)
    for looked_up in ("plugins", "_names"):
        vars(fresh).pop(looked_up, None)
    return fresh
