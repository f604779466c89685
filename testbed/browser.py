"""The user's browser, where there is one."""

import webbrowser
from pathlib import Path

from testbed.terminal import tell


def open_page(page: Path) -> None:
    """Open a page; if there is no browser, print its path."""
    try:
        is_open = webbrowser.open(page.resolve().as_uri())
    except (webbrowser.Error, OSError):
        is_open = False
    if not is_open:
        tell(f"no browser could be opened; open {page} yourself")
