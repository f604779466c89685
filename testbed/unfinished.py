"""Warnings and diagnoses of a run that was killed, from its finished rows."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.caveats import caveats
from testbed.diagnosis import diagnoses
from testbed.errors import TestbedError
from testbed.plan import plan
from testbed.scenario.base import MOST_CALLS
from testbed.scenario.loading import Scenario, parse_scenario

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
        scenario = parse_scenario(json.dumps(manifest["scenario"]), Path(manifest["scenario_folder"]))
        if not isinstance(scenario, Scenario):
            return {}
        planned = plan(scenario, len(manifest["clips"]), max(MOST_CALLS, len(table)))
        found = diagnoses(planned, table)
        warnings = [*manifest["warnings"], *caveats(planned, (), table, found)]
    except (TestbedError, KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {"warnings": warnings, "diagnoses": [asdict(each) for each in found]}
