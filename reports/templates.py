"""The templates, styles and scripts of the pages, which lie in ``page/``."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

import jinja2

from testbed.metrics import described
from testbed.reports import labels, wording
from testbed.words import counted

_FILES = Path(__file__).parent / "page"


def template(name: str) -> jinja2.Template:
    """Return a template of ``page/``, which escapes all that it is given."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(labels=labels, wording=wording, described=described, counted=counted)
    return environment.get_template(name)


def style() -> str:
    """Return the style sheet of all pages."""
    return _text("styles/page.css") + _text("styles/figures.css")


def script(names: Iterable[str]) -> str:
    """Return scripts of ``page/scripts/`` as one, in the order given."""
    return "".join(_text(f"scripts/{name}.js") for name in names)


def digest(script: str) -> str:
    """Return the SHA-256 of a script as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _text(name: str) -> str:
    return _FILES.joinpath(name).read_text(encoding="utf-8")
