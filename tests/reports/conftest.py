from collections.abc import Iterator

import pytest

from .chromium import BROWSER


@pytest.fixture(scope="session", autouse=True)
def _browser_that_ends() -> Iterator[None]:
    yield
    BROWSER.end()
