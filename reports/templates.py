"""The templates, styles and scripts of the pages, which lie in ``page/``."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from testbed.escaping import printable
from testbed.metrics import described
from testbed.reports import labels, wording
from testbed.words import counted

_FILES = Path(__file__).parent / "page"
_SECTION = re.compile(r'(<section id="([a-z]+)">\s*<h2>)(.*?)(</h2>)', re.DOTALL)


def template(name: str) -> jinja2.Template:
    """Return a template of ``page/``, which escapes all that it is given."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(
        labels=labels, wording=wording, described=described, counted=counted, addressed=addressed
    )
    return environment.get_template(name)


def addressed(body: Markup) -> tuple[list[tuple[str, Markup]], Markup]:
    """Return the name and heading of each section, and the sections with headings that link to themselves."""
    text = str(body)
    found = [(name, Markup(heading.strip())) for _, name, heading, _ in _SECTION.findall(text)]
    return found, Markup(_SECTION.sub(r'\1<a class="self" href="#\2">\3</a>\4', text))


def style() -> str:
    """Return the style sheet of all pages."""
    return _text("styles/page.css") + _text("styles/figures.css") + _text("styles/listen.css")


def script(names: Iterable[str]) -> str:
    """Return scripts of ``page/scripts/`` as one, in the order given."""
    return "".join(_text(f"scripts/{name}.js") for name in names)


def digest(script: str) -> str:
    """Return the SHA-256 of a script as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def plain(thing: Any) -> Any:
    """Return a value for JSON: without NaN, infinity, NumPy types and control characters."""
    if is_dataclass(thing) and not isinstance(thing, type):
        thing = asdict(thing)
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(value) for value in thing]
    if isinstance(thing, float):
        return round(thing, 6) if math.isfinite(thing) else None
    if isinstance(thing, str):
        return printable(thing)
    if thing is None or isinstance(thing, bool | int):
        return thing
    return json.loads(json.dumps(thing, default=str))


def _text(name: str) -> str:
    return _FILES.joinpath(name).read_text(encoding="utf-8")
