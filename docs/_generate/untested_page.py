"""The list of code blocks that no test runs."""

from page_text import table
from snippets import pages, snippets

INTRODUCTION = """# Untested snippets

Tests run the commands, scenarios and programs of these pages and of the README, in order. Of {count} code
blocks these {untested} are not run:

"""


def untested_page() -> str:
    """Return the page, as Markdown."""
    blocks = [block for page in pages() for block in snippets(page) if block.language != "text"]
    untested = [block for block in blocks if block.not_run]
    rows = [(f"`{block}`", block.not_run) for block in untested]
    return INTRODUCTION.format(count=len(blocks), untested=len(untested)) + table(("block", "reason"), rows)
