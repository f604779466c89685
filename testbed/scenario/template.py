"""A commented scenario as a template for one's own."""

import re
from pathlib import Path

from testbed.scenario.document import parse_document
from testbed.scenario.edit import edited


def template(name: str) -> str:
    """Return the YAML text of a scenario.

    Parameters
    ----------
    name
        The scenario's name; characters that a name cannot have become ``-``.
    """
    text = Path(__file__).with_suffix(".yaml").read_text("utf-8")
    data = parse_document(text, "template").data
    allowed = re.sub(r"[^A-Za-z0-9 ._-]+", "-", name).lstrip(" ._-")[:100]
    return edited(text, {**data, "name": allowed or data["name"]})
