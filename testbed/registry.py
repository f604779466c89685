"""Registries: items by name, built in or added by other packages through entry points."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, TypeVar

from testbed.errors import PluginError, UnknownNameError
from testbed.words import suggestion

Item = TypeVar("Item")
_NAME = re.compile("[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Plugin:
    """An item that another package adds to a registry.

    Attributes
    ----------
    what
        Kind of the item, such as ``"stage"``.
    entry_point
        Its entry point; `name` is the item's name.
    """

    what: str
    entry_point: EntryPoint

    @property
    def name(self) -> str:
        """Name of the item."""
        return self.entry_point.name

    @property
    def package(self) -> str:
        """Name of the distribution package that adds it."""
        return self.entry_point.dist.name if self.entry_point.dist else "unknown package"

    @property
    def version(self) -> str:
        """Version of that package; ``""`` if it has none."""
        return version_of(self.entry_point.dist) if self.entry_point.dist else ""

    def __str__(self) -> str:
        return f"{self.what} {self.name!r} of {self.package} {self.version}".rstrip()


def version_of(package: Distribution) -> str:
    """Return the version of an installed package; ``""`` if it states none."""
    return (package.metadata["Version"] or "") if "Version" in package.metadata else ""


class Registry(Mapping[str, Item]):
    """Items by name: built-in ones, then those of installed packages.

    An item of another package is imported at its first use by name. Installed packages are
    looked up once per registry.

    Parameters
    ----------
    what
        Kind of the items, such as ``"stage"``, for messages.
    builtin
        The testbed's own items, or ``"module:attribute"`` for one that is imported at its first use.
    group
        Entry-point group through which other packages add items; ``""`` for a closed registry.
    kind
        Class of the items, or, for items that are classes, their base class.
    reserved
        Further names that no package may use.
    fault
        Given a name and an item of a package, returns what is wrong with the item, or ``""``.
    """

    def __init__(
        self,
        what: str,
        builtin: Mapping[str, Item | str],
        group: str = "",
        kind: type = object,
        reserved: Iterable[str] = (),
        fault: Callable[[str, Any], str] = lambda name, item: "",
    ) -> None:
        self.what = what
        self.group = group
        self._builtin = dict(builtin)
        self._kind = kind
        self._reserved = frozenset(reserved)
        self._fault = fault
        self._loaded: dict[str, Item] = {}

    @cached_property
    def plugins(self) -> tuple[Plugin, ...]:
        """Items that installed packages add, in order of name; nothing is imported."""
        if not self.group:
            return ()
        found = (Plugin(self.what, point) for point in entry_points(group=self.group))
        return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.package)))

    @property
    def builtin(self) -> Collection[str]:
        """Names of the testbed's own items."""
        return self._builtin.keys()

    @cached_property
    def _names(self) -> dict[str, None]:
        added = (plugin.name for plugin in self.plugins if not self._refusal(plugin.name))
        return dict.fromkeys([*self._builtin, *added])

    def __iter__(self) -> Iterator[str]:
        """Yield all names: built-in ones in written order, then those of plugins; nothing is imported."""
        return iter(self._names)

    def __eq__(self, other: object) -> bool:
        """Return whether both are one; comparing the items would import those of plugins."""
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Item:
        """Return an item.

        Raises
        ------
        UnknownNameError
            No item has this name; the message has the nearest one.
        PluginError
            The package that adds it cannot be imported, adds something else, or takes a name that is in use.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def usable(self) -> dict[str, Item]:
        """Return all items by name, without those of plugins that do not load."""
        found: dict[str, Item] = {}
        for name in self:
            try:
                found[name] = self[name]
            except PluginError:
                if name in self._builtin:
                    found[name] = self._own(name)
        return found

    def loaded(self, name: str) -> Item | None:
        """Return an item that was used before; None for others."""
        return self._loaded.get(name)

    def unknown(self, name: object) -> str:
        """Return the message for a name that no item has."""
        return f"unknown {self.what} {str(name)[:60]!r}{suggestion(str(name), list(self))}"

    def _load(self, name: str) -> Item:
        added = [plugin for plugin in self.plugins if plugin.name == name]
        if added and (refusal := self._refusal(name)):
            remedy = f"it needs another name, or pip uninstall {added[0].package}"
            raise PluginError(f"{added[0]} {refusal}; {remedy}")
        if name in self._builtin:
            return self._own(name)
        if not added:
            raise UnknownNameError(self.unknown(name))
        if len(added) > 1:
            raise PluginError(
                f"{added[0]} and {added[1]} have the same name; pip uninstall {added[0].package} or "
                f"{added[1].package}"
            )
        return self._of_plugin(added[0])

    def _refusal(self, name: str) -> str:
        """Return the reason why no package can add an item of this name; "" if one can."""
        if name in self._builtin:
            return f"has the name of a built-in {self.what}"
        if name in self._reserved or not _NAME.fullmatch(name):
            return f"has a name that no {self.what} can have"
        return ""

    def _own(self, name: str) -> Item:
        item = self._builtin[name]
        if isinstance(item, str):
            loaded: Item = EntryPoint(name, item, self.group).load()
            return loaded
        return item

    def _of_plugin(self, plugin: Plugin) -> Item:
        try:
            item: Item = plugin.entry_point.load()
        except (Exception, SystemExit) as error:  # any code of another package may run here
            raise PluginError(f"{plugin} cannot be imported: {type(error).__name__}: {error}") from error
        if not (issubclass(item, self._kind) if isinstance(item, type) else isinstance(item, self._kind)):
            raise PluginError(
                f"{plugin} is {plugin.entry_point.value}, which is no {self._kind.__name__} "
                f"({self._kind.__module__})"
            )
        if fault := self._fault(plugin.name, item):
            raise PluginError(f"{plugin} is {plugin.entry_point.value}, which {fault}")
        return item
