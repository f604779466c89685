"""The JSON Schema of scenarios, and the descriptions of fields that it shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.parameters import Parameters, documented
from testbed.scenario.loading import schema

ROOT = Path(__file__).parents[3]
SCHEMA = schema()


def models(base: type[Parameters] = Parameters) -> Iterator[type[Parameters]]:
    """Yield all classes of parameters of the testbed itself."""
    for model in base.__subclasses__():
        if model.__module__.startswith("testbed."):
            yield model
        yield from models(model)


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of a scenario."""
    for name, definition in SCHEMA["$defs"].items():
        for key, prop in definition.get("properties", {}).items():
            yield f"{name}.{key}", prop


@pytest.mark.parametrize(("key", "prop"), [pytest.param(*each, id=each[0]) for each in properties()])
def test_every_key_of_a_scenario_is_described(key: str, prop: dict[str, Any]) -> None:
    assert re.match("[A-Z`]|libopus", prop["description"]), prop
    assert prop["description"].endswith((".", ".)"))


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_a_class_describes_its_own_fields_and_nothing_else(model: type[Parameters]) -> None:
    about, fields = documented(model)
    assert about
    assert [name for name in fields if name not in model.model_fields] == []
    own = [name for name in model.model_fields if name in model.__annotations__]
    tags = ("model", "discipline", "controller", "policy", "kind")
    parts = [name for name in own if model.__name__ == "SchemeSpec"]
    assert [name for name in own if name not in fields and name not in (*tags, *parts)] == []


def test_the_schema_shows_the_text_of_the_docstring() -> None:
    codec = SCHEMA["$defs"]["Codec"]
    assert codec["description"].startswith("Opus encoding and decoding of the speech")
    assert "Attributes" not in codec["description"]
    assert codec["properties"]["frame_ms"]["description"] == "Duration of the audio in a packet."


def test_names_of_classes_are_unique_in_the_schema() -> None:
    assert [name for name in SCHEMA["$defs"] if "__" in name] == []
