"""Base of the kinds of scenario: name, realizations, seed, sweep, limits, and the document of origin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr

from testbed.channels.clock import MOST_EVENTS
from testbed.errors import ScenarioError
from testbed.parameters import Parameters
from testbed.scenario.document import Document, KeyPath, dotted
from testbed.scenario.grid import JSON_SCHEMA, SweepGrid, read_grid

MOST_CALLS = 1_000_000


class Limits(Parameters):
    """Limits of a run, and of one simulation.

    Attributes
    ----------
    calls
        Largest number of calls of a run; in a flow study, of simulations of all flows.
    events
        Number of events after which a simulation is aborted.
    """

    calls: int = Field(MOST_CALLS, ge=1, le=10**9)
    events: int = Field(MOST_EVENTS, ge=1, le=10**12)


class BaseScenario(Parameters):
    """Base of the kinds of scenario.

    Attributes
    ----------
    name
        Name of the scenario, and of its results folder: letters, digits, spaces and . _ -.
    about
        One sentence about the scenario, for its readers.
    realizations
        Number of draws of everything random.
    seed
        Seed of all random numbers; the same seed gives the same rows.
    sweep
        Values by dotted key, whose combinations a run covers: a list, ``{linspace: [start, stop, number]}``
        or ``{logspace: [start, stop, number]}``. ``zip`` has groups of keys whose values go together,
        ``exclude`` combinations that are left out.
    limits
        Largest size of a run, and of a simulation before it is aborted.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=100)
    about: str = ""
    realizations: int = Field(1, ge=1, le=10_000)
    seed: int = Field(0, ge=0, lt=2**63)
    sweep: dict[str, Any] = Field(default_factory=dict, json_schema_extra=JSON_SCHEMA)
    limits: Limits = Field(default_factory=Limits)

    _document: Document = PrivateAttr(default_factory=lambda: Document("scenario", "", {}))
    _points: list[Any] | None = PrivateAttr(None)

    @property
    def text(self) -> str:
        """The YAML as it was given; ``""`` for a scenario made in Python."""
        return self._document.text

    @property
    def overrides(self) -> list[str]:
        """Overrides of the command line, ``"key=value"`` each."""
        return list(self._document.overrides)

    @property
    def text_as_run(self) -> str:
        """The YAML text with its overrides, which repeats the run."""
        return self._document.text_as_run

    @property
    def source(self) -> str:
        """Name of the scenario's file in messages."""
        return self._document.label

    @property
    def file(self) -> Path | None:
        """The scenario's file; None if it was not read from one."""
        return self._document.file

    @property
    def folder(self) -> Path:
        """Folder that file names in the scenario are relative to."""
        return self._document.folder

    @property
    def calls_of_a_point(self) -> int:
        """Smallest number of calls, or simulations, at each point."""
        return self.realizations

    @property
    def document(self) -> Document:
        """The document of origin; of a scenario made in Python, one of its values."""
        if self._document.data:
            return self._document
        return Document("scenario", "", self.model_dump(mode="json", exclude_unset=True))

    @property
    def grid(self) -> SweepGrid:
        """The combinations of swept values.

        Raises
        ------
        ScenarioError
            A scenario made in Python has a mistake in its sweep.
        """
        grid, mistakes = read_grid(self.document)
        if mistakes:
            raise ScenarioError("\n".join(mistakes))
        return grid

    def contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield mistakes in the combination of values, each as a location and a reason."""
        raise NotImplementedError

    def check_size(self, calls_of_a_point: int, most: int | None = None) -> None:
        """Refuse a run of more than `most` calls; default: `limits.calls`.

        Raises
        ------
        ScenarioError
            There are more; the message names the reason.
        """
        points, most = len(self.grid.choices()), self.limits.calls if most is None else most
        calls = points * calls_of_a_point
        if calls > most:
            raise ScenarioError(
                f"{self.at('realizations')}: {calls} calls ({points} points of {calls_of_a_point}, "
                f"with {self.realizations} realizations); at most {most}, which limits.calls raises"
            )

    def at(self, *path: str | int) -> str:
        """Return ``"file.yaml:7: schemes.2.dred"``, the beginning of a message about a part of it."""
        written = self._document.written(path)
        return f"{self._document.place(written)}: {dotted(written)}"
