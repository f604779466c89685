"""Fixtures of all tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

from testbed import call_study

# The same examples every time, and no test fails because a machine was slow.
settings.register_profile("testbed", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("testbed")

# Every run computes all it reports: two equal runs would prove nothing if the second came from the cache.
os.environ["TESTBED_CACHE_MB"] = "0"


@pytest.fixture(scope="session", autouse=True)
def _no_device_cost() -> Iterator[None]:
    """Leave out the cost to a device, which takes a second per run; its own test measures it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_study, "device_cost", lambda plan, context: {})
        yield


@pytest.fixture
def tshark() -> str:
    """Return Wireshark's command line program; a machine without it fails, loudly."""
    found = shutil.which("tshark")
    if found is None:
        pytest.fail("tshark is not installed: apt-get install tshark")
    return found
