"""The user's browser, where there is one."""

import webbrowser
from pathlib import Path

from testbed.terminal import tell


def open_page(page: Path) -> None:
    """Open a page, and say so where that cannot be done: the run is none the worse."""
    try:
        is_open = webbrowser.open(page.resolve().as_uri())
    except (webbrowser.Error, OSError):
        is_open = False
    if not is_open:
        tell(f"no browser could be opened; open {page} yourself")
