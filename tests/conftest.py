"""Fixtures of all tests."""

import os
import shutil

import pytest
from hypothesis import settings

import testbed.device_cost

# The same examples every time, and no test fails because a machine was slow.
settings.register_profile("testbed", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("testbed")

# Every run computes all it reports: two equal runs would prove nothing if the second came from the cache.
os.environ["TESTBED_CACHE_MB"] = "0"

# Its second per run is measured by its own test alone.
testbed.device_cost.ROUNDS = 0


@pytest.fixture
def tshark() -> str:
    """Return Wireshark's command line program; a machine without it fails, loudly."""
    found = shutil.which("tshark")
    if found is None:
        pytest.fail("tshark is not installed: apt-get install tshark")
    return found
