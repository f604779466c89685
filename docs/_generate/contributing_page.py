"""CONTRIBUTING.md as a page of the site."""

import re

from snippets import ROOT


def contributing_page() -> str:
    """Return the page, as Markdown: a block that names its file shows the name as its title."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return re.sub(r"^```(\w+) (\S+)$", r'```\1 title="\2"', text, flags=re.MULTILINE)
