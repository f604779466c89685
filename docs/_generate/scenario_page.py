"""The reference of scenarios, from the JSON Schema of the models that validate them."""

import json
from collections.abc import Iterator
from typing import Any

from page_text import table

from testbed.scenario.loading import schema

UNITS = {
    "kbps_per_s": "kb/s per s",
    "per_s": "per s",
    "ms": "ms",
    "s": "s",
    "kbps": "kb/s",
    "bytes": "bytes",
    "packets": "packets",
    "hz": "Hz",
    "mb": "MB",
}
TAGS = ("model", "discipline", "controller", "policy", "kind")
"""Keys whose value chooses the model of a mapping."""
TITLES = {
    "Scenario": "Comparison of schemes",
    "FlowScenario": "Flow study",
    "StageSpec": "Stages",
    "ConcealerSpec": "Other concealers",
}
LINKS = {"StageSpec": "a stage", "ConcealerSpec": "another concealer"}
ANCHORS = {"Scenario": "comparison", "FlowScenario": "flow-study"}
LARGE = 10**15
"""No bound that a reader meets."""
INTRODUCTION = """# Scenario

Every key of a scenario, generated from the models that validate it. `testbed schema` prints the same as JSON
Schema, with which an editor checks a scenario while you type. An unknown key is an error.

A scenario with `flows` is a [flow study](#flow-study); every other one [compares schemes](#comparison).
A number has the unit that ends its key. File names are relative to the scenario's folder.

"""

Schema = dict[str, Any]


def scenario_page() -> str:
    """Return the page, as Markdown."""
    return INTRODUCTION + "\n".join(Reference(schema()).sections())


class Reference:
    """Sections of the reference: one per model, each after the model whose key leads to it."""

    def __init__(self, whole: Schema) -> None:
        self._definitions: dict[str, Schema] = whole["$defs"]
        self._roots = [name_of(each) for each in whole["anyOf"]]
        self._done: set[str] = set()

    def sections(self) -> Iterator[str]:
        """Give each section, as Markdown."""
        for root in self._roots:
            yield from self._section(root, (), 2)

    def _section(self, name: str, path: tuple[str, ...], level: int) -> Iterator[str]:
        if name in self._done:
            return
        self._done.add(name)
        model = self._definitions[name]
        yield f"{'#' * min(level, 4)} {self._title(name, path)} {{#{anchor(name)}}}\n"
        for key, value in self._tags(name):
            yield f"`{path[-1]}: {{{key}: {value}, ...}}`\n"
        yield model.get("description", "") + "\n"
        properties: dict[str, Schema] = model.get("properties", {})
        if not properties:
            yield "It has no keys.\n" if "enum" not in model else f"{self._type('', model)}\n"
            return
        wanted = model.get("required", [])
        properties = {key: each for key, each in properties.items() if not is_tag(key, each)}
        if not properties:
            yield "It has no other keys.\n"
            return
        yield table(
            ("key", "value", "default", "meaning"),
            [
                (
                    f"`{key}`",
                    self._type(key, each),
                    "required" if key in wanted else default(each),
                    self._about(each),
                )
                for key, each in properties.items()
            ],
        )
        for key, each in properties.items():
            yield from self._below(each, (*path, key), level + 1)

    def _below(self, each: Schema, path: tuple[str, ...], level: int) -> Iterator[str]:
        if is_choice_of_key(each):
            yield from self._stages(each, level)
        for inner in parts(each):
            if "$ref" in inner:
                yield from self._section(name_of(inner), path, level)
            else:
                yield from self._below(inner, path, level)

    def _stages(self, each: Schema, level: int) -> Iterator[str]:
        """Give the section of a mapping with one key, which chooses from its properties."""
        name = each["title"]
        if name in self._done:
            return
        self._done.add(name)
        yield f"{'#' * level} {TITLES.get(name, name)} {{#{anchor(name)}}}\n"
        yield "A mapping with one of these keys:\n"
        properties: dict[str, Schema] = each["properties"]
        yield table(
            ("key", "value", "meaning"),
            [
                (f"`{key}`", self._type(key, inner), first_paragraph(self._about(inner)))
                for key, inner in properties.items()
            ],
        )
        for key, inner in properties.items():
            yield from self._below({"anyOf": [inner]}, (key,), level + 1)

    def _title(self, name: str, path: tuple[str, ...]) -> str:
        if not path:
            return TITLES.get(name, name)
        return " – ".join(f"`{each}`" for each in (path[-1], *(value for _, value in self._tags(name))))

    def _tags(self, name: str) -> list[tuple[str, str]]:
        properties: dict[str, Schema] = self._definitions[name].get("properties", {})
        return [(key, each["const"]) for key, each in properties.items() if is_tag(key, each)]

    def _about(self, each: Schema) -> str:
        if "description" in each:
            return str(each["description"])
        models = [self._definitions[name_of(inner)] for inner in flat(each) if "$ref" in inner]
        return first_paragraph(models[0].get("description", "")) if len(models) == 1 else ""

    def _type(self, key: str, each: Schema) -> str:
        choices = [inner for inner in flat(each) if inner.get("type") != "null"]
        if len(choices) > 1:
            return " or ".join(dict.fromkeys(self._type(key, inner) for inner in choices))
        [only] = choices
        if only.get("type") == "array":
            inner = only.get("items") or {}
            return f"list of {self._type(key, inner)}" if inner else "list"
        if (link := self._link(only)) is not None:
            return link
        if "enum" in only or "const" in only:
            return ", ".join(f"`{value}`" for value in only.get("enum") or [only["const"]])
        if only.get("type") != "object":
            return plain(key, only)
        inner = only.get("additionalProperties")
        names = ", ".join(f"`{name}`" for name in only.get("propertyNames", {}).get("enum", ()))
        return f"one of these as the key of a {self._type(key, inner)}" if names else "mapping"

    def _link(self, each: Schema) -> str | None:
        """Return a link to the section of a model; None for what has no section."""
        if is_choice_of_key(each):
            return f"[{LINKS[each['title']]}](#{anchor(each['title'])})"
        if "$ref" not in each:
            return None
        name = name_of(each)
        tags = self._tags(name)
        text = f"`{tags[0][1]}`" if tags else "mapping"
        return f"[{text}](#{anchor(name)})"


def name_of(reference: Schema) -> str:
    """Return the name of the model that a reference names."""
    return str(reference["$ref"]).rpartition("/")[2]


def is_choice_of_key(each: Schema) -> bool:
    """Return whether a schema is a mapping with one key, which chooses the model of its value."""
    return each.get("maxProperties") == 1 and "properties" in each


def is_tag(key: str, each: Schema) -> bool:
    """Return whether a property is the one that chooses its model."""
    return key in TAGS and "const" in each


def anchor(name: str) -> str:
    """Return the anchor of a model's section."""
    return ANCHORS.get(name) or name.replace("testbed__", "").replace("__", "-").lower()


def parts(each: Schema) -> Iterator[Schema]:
    """Give the schemas directly inside one."""
    for key in ("anyOf", "oneOf"):
        yield from each.get(key, ())
    for key in ("items", "additionalProperties"):
        if isinstance(each.get(key), dict):
            yield each[key]
    if "$ref" in each:
        yield {"$ref": each["$ref"]}


def flat(each: Schema) -> list[Schema]:
    """Return the alternatives of a schema; a schema without any is its own."""
    inner = [*each.get("anyOf", ()), *each.get("oneOf", ())]
    return [leaf for choice in inner for leaf in flat(choice)] if inner else [each]


def plain(key: str, each: Schema) -> str:
    """Return the kind, unit and range of a number or a text."""
    kind = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    text = kind.get(str(each.get("type")), "any value")
    if each.get("type") in ("integer", "number"):
        unit = next((unit for suffix, unit in UNITS.items() if key.endswith(f"_{suffix}")), "")
        text = " ".join(filter(None, (text, bounds(each)))) + (f", {unit}" if unit else "")
    return text


def bounds(each: Schema) -> str:
    """Return the range of a number, "" if it has none."""
    keys = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    low, high, over, under = (each.get(key) if abs(each.get(key, 0)) < LARGE else None for key in keys)
    low_text = number(low) if low is not None else f"above {number(over)}" if over is not None else ""
    high_text = number(high) if high is not None else f"below {number(under)}" if under is not None else ""
    if low_text and high_text:
        return f"{low_text} to {high_text}"
    return low_text + (" or more" if low is not None else "") or (f"up to {high_text}" if high_text else "")


def number(value: float) -> str:
    """Return a number as one writes it."""
    return f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}") if float(value).is_integer() else f"{value:g}"


def default(each: Schema) -> str:
    """Return the default value, in YAML."""
    value = each.get("default")
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, dict):
        value = {key: inner for key, inner in value.items() if inner is not None}
        return f"`{{{', '.join(f'{key}: {inner}' for key, inner in value.items())}}}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def first_paragraph(text: str) -> str:
    """Return a description up to its first empty line."""
    return text.split("\n\n", 1)[0]
