"""Who conceals in calls of a scheme: a concealer that is not the testbed's own, with its files."""

from testbed.codecs.concealers import Concealer, ConcealerParameters, PlacedConcealer
from testbed.codecs.schemes import SchemeSpec
from testbed.parameters import files_named
from testbed.playout.adaptive import concealer_of
from testbed.provenance import sha256_of
from testbed.scenario.loading import Scenario


def concealer_for(scheme: SchemeSpec, scenario: Scenario) -> Concealer | PlacedConcealer:
    """Return who conceals in calls of a scheme of a scenario without a sweep."""
    concealer = concealer_of(scheme, scenario.playout)
    if not isinstance(concealer, ConcealerParameters):
        return concealer
    folder = scenario.folder.absolute()
    digests = [sha256_of(folder / name) or "" for name in files_named(concealer)]
    return PlacedConcealer(concealer, folder, tuple(digests))
