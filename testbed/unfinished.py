"""Warnings and diagnoses of a run that was killed, from its finished rows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from testbed.caveats import caveats
from testbed.diagnosis import diagnoses
from testbed.errors import TestbedError
from testbed.plan import plan
from testbed.scenario.base import MOST_CALLS
from testbed.scenario.loading import Scenario, stored_scenario
from testbed.tally import Tally

if TYPE_CHECKING:
    import pandas as pd


def said_of(manifest: Mapping[str, Any], table: "pd.DataFrame") -> dict[str, Any]:
    """Return the manifest's `warnings` and `diagnoses`; nothing if its scenario cannot be read.

    Parameters
    ----------
    manifest
        The manifest written at the start of the run.
    table
        The finished rows.
    """
    try:
        scenario = stored_scenario(manifest)
        if not isinstance(scenario, Scenario):
            return {}
        planned = plan(scenario, len(manifest["clips"]), max(MOST_CALLS, len(table)))
        tally = Tally(planned, [table])
        found = diagnoses(planned, tally)
        warnings = [*manifest["warnings"], *caveats(planned, (), tally, found)]
    except (TestbedError, KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {"warnings": warnings, "diagnoses": [asdict(each) for each in found]}
