"""JSON of values among which are NumPy's numbers."""

import json
from typing import Any


def plain_json(values: Any) -> bytes:
    """Return values as JSON on one line, NumPy's numbers as Python's."""
    return json.dumps(values, default=_plain).encode()


def _plain(value: Any) -> Any:
    return value.item()
