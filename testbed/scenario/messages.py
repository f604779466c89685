"""Messages for pydantic's errors, one line each: file, line, key, what is wrong, what would be right."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from testbed.scenario.document import Document, dotted
from testbed.words import nearest_name, shortened, synonym

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_TYPES = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list, [...]",
    "tuple_type": "a list, [...]",
    "dict_type": "a mapping, {key: value}",
    "model_type": "a mapping, {key: value}",
    "model_attributes_type": "a mapping, {key: value}",
}
_EXAMPLES = {
    "speech": "{corpus: asterisk, clips: 8}",
    "codec": "{bitrate_kbps: 24}",
    "schemes": "[plc, neural_plc]",
    "channel": "[{loss: {model: bernoulli, rate: 0.05}}]",
    "playout": "{policy: fixed, buffer_ms: 60}",
    "metrics": "[plcmos]",
    "bitrate_kbps": "24",
    "depth_ms": "500",
}
_UNIT = re.compile(r"\s*([-+]?[0-9.]+)\s*([a-zA-Z%/]*)\s*")


def explain(error: ValidationError, document: Document) -> list[str]:
    """Return one line per mistake, in the order of the document.

    Parameters
    ----------
    error
        The error of validating the document's data.
    document
        Knows where each value was written.
    """
    details = error.errors(include_url=False)
    meant = {
        (*detail["loc"][:-1], detail["ctx"]["nearest"])
        for detail in details
        if detail["type"] == "unknown_key"
    }
    # A misspelt key is one mistake, not a key too many and one missing.
    mistakes = [each for each in details if each["type"] != "missing" or each["loc"] not in meant]
    return list(dict.fromkeys(_line(detail, document) for detail in mistakes))


def joined(lines: Iterable[str]) -> list[str]:
    """Return each line once; lines that differ only in the wrong value, at their end, are one."""
    values: dict[str, dict[str, None]] = {}
    for line in lines:
        said, separator, value = line.rpartition(", not ")
        values.setdefault(said + separator, {})[value] = None
    return [said + shortened(list(given), 8) for said, given in values.items()]


def reason(error: ValidationError) -> str:
    """Return the first mistake of an error of one value, without its place."""
    return _reason(error.errors(include_url=False)[0], "")


def _line(detail: Any, document: Document) -> str:
    path = document.written(detail["loc"])
    key = f"{dotted(path)}: " if path else ""
    if detail["type"] == "unknown_key" and path[-1:] != detail["loc"][-1:]:
        name, near = detail["loc"][-1], detail["ctx"]["nearest"]
        known = f"did you mean {near}?" if near else f"known: {detail['ctx']['known']}"
        return f"{document.place(path)}: {key}unknown name {name!r}; {known}"
    return f"{document.place(path)}: {key}{_reason(detail, str(path[-1]) if path else '')}"


def _reason(detail: Any, key: str) -> str:  # noqa: PLR0911 - one return per kind of mistake
    kind, value, context = detail["type"], detail["input"], detail.get("ctx") or {}
    if kind == "unknown_key":
        return _unknown(key, value, context["nearest"], context["known"].split(", "))
    if kind == "missing":
        return _missing(str(detail["loc"][-1]), key)
    if kind == "number_wanted":
        return f"must be a number, not {shown(value)}{_without_unit(value)}"
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}, not {shown(value)}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context[name]:g}, not {shown(value)}{_other_unit(key, value, context)}"
    if kind == "literal_error":
        return _choice(str(context["expected"]), value)
    if kind == "string_pattern_mismatch":
        return f"must be letters, digits, spaces and . _ -, a letter or digit first, not {shown(value)}"
    if kind == "too_short":
        return f"needs at least {context['min_length']}"
    if kind == "value_error":
        return str(context["error"])
    return str(detail["msg"])


def _choice(expected: str, value: Any) -> str:
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    near = nearest_name(value, choices) if isinstance(value, str) else ""
    hint = f"; did you mean {near}?" if near else ""
    return f"must be one of {', '.join(choices)}, not {shown(value)}{hint}"


def _missing(wanted: str, key: str) -> str:
    """Return the message for a missing key, with an example of its value."""
    example = f", as in {wanted}: {_EXAMPLES[wanted]}" if wanted in _EXAMPLES else ""
    return f"missing{example}" if wanted == key else f"{wanted} is missing{example}"


def _unknown(key: str, value: Any, nearest: str, known: list[str]) -> str:
    if not nearest:
        elsewhere = f"; did you mean the scheme {own}?" if (own := synonym(key)) else ""
        return f"unknown key{elsewhere or '; known: ' + ', '.join(known)}"
    hint = f"unknown key; did you mean {nearest}?"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if nearest.endswith("_kbps") and value >= 1000:
            return f"{hint} {value:g} bit/s is {nearest}: {value / 1000:g}"
        if nearest.endswith("_ms") and key.endswith(("_s", "_sec", "_seconds")):
            return f"{hint} {value:g} s is {nearest}: {value * 1000:g}"
    return hint


def _other_unit(key: str, value: Any, context: Any) -> str:
    """Return the number in the unit of its key, where another unit was probably meant."""
    if not isinstance(value, int | float):
        return ""
    if key.endswith("_kbps") and value >= 1000:
        return f"; {value:g} bit/s is {key}: {value / 1000:g}"
    if 1 in (context.get("le"), context.get("lt")) and 1 < value <= 100:
        return f"; a share of 1, not per cent: {value:g} % is {value / 100:g}"
    return ""


def _without_unit(value: Any) -> str:
    match = _UNIT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return ""
    number, unit = match.groups()
    if not unit:
        return f"; write {number} without quotes"
    return (
        "; write a share of 1, such as 0.2 for 20 %" if unit == "%" else f"; write the number alone: {number}"
    )


def shown(value: Any) -> str:
    """Return a value as a message shows it, shortened to a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
