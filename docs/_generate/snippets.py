"""The code blocks of a Markdown page, and what the comment before a block says about testing it.

``<!-- not run: reason -->``: no test runs it. ``<!-- tested with: --set speech.clips=1 -->``: tests add these
options to its `testbed run`, or to the scenario that it shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
_MARK = re.compile(r"<!-- (not run|tested with): (.*?) -->\s*", re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Snippet:
    """One fenced code block.

    Attributes
    ----------
    page
        Path of the page, relative to the repository.
    line
        Line of its opening fence, from 1.
    title
        The file that it is the content of, or "".
    not_run
        Why no test runs it; "" for a block that is run.
    options
        Options that the tests add, to make it quick.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    not_run: str = ""
    options: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return the pages whose blocks are tested: README.md, and all of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path) -> Iterator[Snippet]:
    """Give the code blocks of a page that have a language, in order."""
    name = page.relative_to(ROOT).as_posix()
    before = None
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "fence" and token.info:
            language, _, rest = token.info.partition(" ")
            mark = (
                _MARK.fullmatch(before.content)
                if before is not None and before.type == "html_block"
                else None
            )
            kind, said = mark.groups() if mark else ("", "")
            title = _TITLE.search(rest)
            yield Snippet(
                page=name,
                line=(token.map or [0])[0] + 1,
                language=language,
                title=title[1] if title else "",
                text=token.content,
                not_run=said if kind == "not run" else "",
                options=said if kind == "tested with" else "",
            )
        before = token
