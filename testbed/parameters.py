"""Base of the models that validate a scenario, and walks through their fields."""

import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from inspect import cleandoc
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import (
    CoreSchema,
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    core_schema,
)

from testbed.words import nearest_name


class NamesFile:
    """Marks a field whose value names a file, relative to the scenario's folder; see `files_named`."""


FileName = Annotated[str, Field(min_length=1), NamesFile()]
"""The type of such a field."""
_PYDANTICS_OWN = frozenset(get_args(core_schema.ErrorType))


class Parameters(BaseModel):
    """Immutable parameters; a key that no field names is an error, and so is a NaN or an infinity.

    A number must be written as a number: neither ``"24"`` nor ``true`` is taken for one. The error of an
    unknown key (of pydantic type ``unknown_key``) names the nearest field.

    A field is described in the block `Attributes` of the class's docstring, and nowhere else: its
    `FieldInfo.description` and the JSON Schema are taken from there. In the JSON Schema, the key that names
    the class has the description of the class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, description in documented(cls)[1].items():
            if name in cls.model_fields:
                cls.model_fields[name].description = description

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler(schema)
        body = handler.resolve_ref_schema(made)
        about = body["description"] = documented(cls)[0]
        for name, prop in body.get("properties", {}).items():
            if description := cls.model_fields[name].description:
                prop["description"] = description
            elif "const" in prop:
                prop["description"] = about.partition("\n\n")[0]
        return made

    @field_validator("*", mode="before")
    @classmethod
    def _only_numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool | str):
            wanted = set(_leaves(cls.model_fields[str(info.field_name)].annotation))
            if wanted & {int, float} and wanted <= {int, float, types.NoneType}:
                raise PydanticCustomError("number_wanted", "must be a number")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _name_unknown_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
            if not any(map(_is_unknown, details)):
                raise
            lines = [cls._unknown_key(each) if _is_unknown(each) else _again(each) for each in details]
        raise ValidationError.from_exception_data(cls.__name__, lines)

    @classmethod
    def _unknown_key(cls, detail: ErrorDetails) -> InitErrorDetails:
        key, known = str(detail["loc"][0]), list(cls.model_fields)
        context = {"nearest": nearest_name(key, known), "known": ", ".join(known)}
        reason = PydanticCustomError("unknown_key", "unknown key", context)
        return InitErrorDetails(type=reason, loc=detail["loc"], input=detail["input"])


def documented(parameters: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """Return the description of a class, and of each field in the block `Attributes` of its docstring."""
    about, _, attributes = cleandoc(parameters.__doc__ or "").partition("\n\nAttributes\n----------\n")
    entries = (entry.partition("\n") for entry in re.split(r"\n(?=\S)", attributes))
    return about, {name: cleandoc(f"\n{text}") for name, _, text in entries if name}


def models_in(value: Any) -> Iterator[BaseModel]:
    """Yield each model in a value: itself, and those inside models, lists, mappings and dataclasses."""
    if value is None or isinstance(value, str | int | float):
        return
    if isinstance(value, BaseModel):
        yield value
        inner = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, dict):
        inner = list(value.values())
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, field.name) for field in fields(value)]
    else:
        inner = list(value) if isinstance(value, list | tuple) else []
    for each in inner:
        yield from models_in(each)


def files_named(model: BaseModel) -> Iterator[str]:
    """Yield each file that a field of type `FileName` names, in the model or inside it."""
    for each in models_in(model):
        yield from files_of(each)


def files_of(model: BaseModel) -> Iterator[str]:
    """Yield each file that a field of type `FileName` names in a model itself."""
    for name in _fields_of_files(type(model)):
        if isinstance(value := getattr(model, name), str):
            yield value


@cache
def _fields_of_files(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return [name for name, field in fields if _names_file(field.annotation, field.metadata)]


def _names_file(annotation: Any, metadata: Sequence[Any]) -> bool:
    return any(isinstance(mark, NamesFile) for mark in metadata) or any(
        _names_file(part, getattr(part, "__metadata__", ())) for part in get_args(annotation)
    )


def _is_unknown(detail: ErrorDetails) -> bool:
    return detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """Return a reported error as one that can be raised again."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _PYDANTICS_OWN:
        return InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"], ctx=context)
    custom = PydanticCustomError(kind, "{message}", {**context, "message": detail["msg"]})
    return InitErrorDetails(type=custom, loc=detail["loc"], input=detail["input"])


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the plain types that an annotation allows: `float` and `NoneType` for ``float | None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _leaves(part)
    elif origin is Literal:
        yield from (type(value) for value in get_args(annotation))
    else:
        yield annotation
