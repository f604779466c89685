"""A real browser for all tests: Debian's Chromium without a window, driven by Playwright."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import playwright.sync_api
import pytest
from axe_playwright_python.sync_playwright import Axe

T = TypeVar("T")
_FLAGS = ("--autoplay-policy=no-user-gesture-required", "--mute-audio")
NARROW = 600
"""Below this width in CSS pixels a page is opened as on a telephone, with touch."""


class Browser:
    """The browser, in a thread of its own, since Playwright keeps an event loop running in its thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._driver: playwright.sync_api.Playwright | None = None
        self._browser: playwright.sync_api.Browser | None = None

    def do(self, act: Callable[[], T]) -> T:
        """Return the result of an action in the browser's thread."""
        return self._thread.submit(act).result()

    def page(self, **settings: Any) -> playwright.sync_api.Page:
        if self._browser is None:
            self._browser = self._start()
        return self._browser.new_context(**settings).new_page()

    def _start(self) -> playwright.sync_api.Browser:
        program = (
            shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        )
        if program is None:
            pytest.fail("the report is tested in a real browser: apt-get install chromium", pytrace=False)
        self._driver = playwright.sync_api.sync_playwright().start()
        return self._driver.chromium.launch(executable_path=program, args=_FLAGS)

    def end(self) -> None:
        if self._browser is not None and self._driver is not None:
            self.do(self._browser.close)
            self.do(self._driver.stop)
        self._thread.shutdown()


BROWSER = Browser()


class Page:
    """One loaded page, with everything that it asked for or complained about.

    Attributes
    ----------
    requests
        Addresses that were asked for, the page's own first; without those that hold their data.
    complaints
        Errors and warnings of the console, exceptions, and dialogs that opened.
    """

    def __init__(self, page: playwright.sync_api.Page) -> None:
        self._page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.on("dialog", self._opened)

    def run(self, script: str) -> Any:
        """Return the value of an expression, or of its last statement; a promise is waited for."""
        return self.do(lambda page: page.evaluate(script))

    def do(self, act: Callable[[playwright.sync_api.Page], T]) -> T:
        """Return the result of an action with Playwright's page, as in ``page.do(lambda p: p.tap("h1"))``."""
        return BROWSER.do(lambda: act(self._page))

    def settle(self) -> None:
        """Wait until the page is drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as in ``page.press("Tab", "ArrowRight")``."""
        for key in keys:
            self.do(lambda page, key=key: page.keyboard.press(key))

    def tap(self, selector: str) -> None:
        """Touch the middle of the first such element, whatever lies above it."""

        def touch(page: playwright.sync_api.Page) -> None:
            place = page.locator(selector).first
            place.evaluate("element => element.scrollIntoView({block: 'center'})")
            box = place.bounding_box()
            assert box is not None, selector
            page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

        self.do(touch)

    def resize(self, width: int, height: int = 900) -> None:
        self.do(lambda page: page.set_viewport_size({"width": width, "height": height}))
        self.settle()

    def violations(self) -> list[str]:
        """Return what axe-core finds against the rules of accessibility, with the elements."""
        found = self.do(lambda page: Axe().run(page)).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def picture(self, path: Path) -> None:
        self.do(lambda page: page.screenshot(path=path, full_page=True))

    def print(self, path: Path) -> None:
        """Print to a PDF of A4."""
        self.do(lambda page: page.pdf(path=path, format="A4", prefer_css_page_size=True))

    def _asked(self, url: str) -> None:
        if not url.startswith("data:"):
            self.requests.append(url)

    def _said(self, message: playwright.sync_api.ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(message.text)

    def _opened(self, dialog: playwright.sync_api.Dialog) -> None:
        self.complaints.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()


@contextmanager
def opened(
    path: Path,
    width: int,
    *,
    theme: Literal["light", "dark"] = "light",
    address: str = "",
    has_script: bool = True,
) -> Iterator[Page]:
    """Open a file at a width in CSS pixels; `address` is what follows the file's name, as ``#point=2``."""
    narrow = width < NARROW
    page = BROWSER.do(
        lambda: BROWSER.page(
            viewport={"width": width, "height": 800 if narrow else 900},
            is_mobile=narrow,
            has_touch=narrow,
            color_scheme=theme,
            java_script_enabled=has_script,
        )
    )
    try:
        watched = Page(page)
        watched.do(lambda page: page.goto(path.as_uri() + address))
        if has_script:
            watched.settle()
        yield watched
    finally:
        BROWSER.do(page.context.close)
