"""The documentation builds without a warning or a dead link, and needs no network to be read."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "audio": "src"}
NAMED_ONLY = {"canonical", "next", "prev"}


class Loaded(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("rel") not in NAMED_ONLY:
            self.addresses.append(values.get(LOADING.get(tag, "")) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    remote = []
    for page in pages:
        parser = Loaded()
        parser.feed(page.read_text("utf-8"))
        assert page.parent.name == "sample" or any(each.endswith(".css") for each in parser.addresses)
        remote += [f"{page.name}: {each}" for each in parser.addresses if re.match(r"(https?:)?//", each)]
    assert remote == []


def test_styles_load_nothing_from_elsewhere(site: Path) -> None:
    styles = sorted(site.rglob("*.css"))
    assert styles
    remote = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^)]*""")
    found = [each for file in styles for each in remote.findall(file.read_text("utf-8"))]
    assert found == []


def test_generated_pages_say_something(site: Path) -> None:
    scenario = (site / "reference" / "scenario.html").read_text("utf-8")
    assert "<code>mean_burst_packets</code>" in scenario
    assert 'href="#gilbertelliott"' in scenario
    commands = (site / "reference" / "commands.html").read_text("utf-8")
    assert "testbed trace convert" in commands


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)", text)
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).exists()] == []
