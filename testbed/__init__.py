"""A laboratory for how a voice call survives a bad network.

``testbed.run("quickstart")`` runs a scenario and returns its results; ``testbed.load("results/quickstart")``
reads them again.
"""

from typing import TYPE_CHECKING, Any

from testbed.version import __version__

if TYPE_CHECKING:
    from testbed.loaded_run import load
    from testbed.reports.comparison import compare
    from testbed.results import Results
    from testbed.runner import run

__all__ = ["Results", "__version__", "compare", "load", "run"]

_HOMES = {
    "Results": "testbed.results",
    "compare": "testbed.reports.comparison",
    "load": "testbed.loaded_run",
    "run": "testbed.runner",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line prints its help without pandas."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'testbed' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names to complete."""
    return __all__
