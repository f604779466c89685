"""Plugins: items that other packages add to the testbed's registries; those installed, those a run used."""

from collections.abc import Iterable
from typing import Any

from testbed.allocation import POLICIES
from testbed.channels import STAGES
from testbed.codecs.concealers import CONCEALERS
from testbed.codecs.schemes import PARTS
from testbed.codecs.vocoders import VOCODERS
from testbed.congestion import CONTROLLERS
from testbed.metrics import METRICS
from testbed.parameters import models_in
from testbed.registry import Plugin, Registry
from testbed.scenario.base import BaseScenario

REGISTRIES: tuple[Registry[Any], ...] = (
    STAGES,
    PARTS,
    CONCEALERS,
    VOCODERS,
    CONTROLLERS,
    POLICIES,
    METRICS,
)
"""The registries that other packages can add items to."""


def installed() -> list[tuple[Registry[Any], Plugin]]:
    """Return all plugins of installed packages, each with its registry; nothing is imported."""
    return [(registry, plugin) for registry in REGISTRIES for plugin in registry.plugins]


def versions_used(scenarios: Iterable[BaseScenario]) -> dict[str, str]:
    """Return the versions of the packages whose plugins scenarios without a sweep name, by package."""
    return {plugin.package: plugin.version for plugin in _used(scenarios)}


def packages_used(scenarios: Iterable[BaseScenario]) -> list[str]:
    """Return the import packages whose plugins scenarios without a sweep name, sorted."""
    return sorted({plugin.entry_point.module.partition(".")[0] for plugin in _used(scenarios)})


def _used(scenarios: Iterable[BaseScenario]) -> list[Plugin]:
    used: set[object] = set()
    for scenario in scenarios:
        used |= {type(model) for model in models_in(scenario)}
        used |= {METRICS[name] for name in getattr(scenario, "metric_names", ())}
        used |= {VOCODERS[scheme.synthesized_by()] for scheme in getattr(scenario, "schemes", ())}
    return [plugin for registry, plugin in installed() if registry.loaded(plugin.name) in used]
