"""The base of every model that a scenario's YAML is validated into."""

import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from testbed.words import nearest_name


class NamesFile:
    """Marks a field whose value names a file, relative to the scenario's folder; see `files_named`."""


FileName = Annotated[str, Field(min_length=1), NamesFile()]
"""The type of such a field."""


class Parameters(BaseModel):
    """Immutable parameters; a key that no field names is an error, and so is a NaN or an infinity.

    A number must be written as a number: neither ``"24"`` nor ``true`` is taken for one. The error of an
    unknown key (of pydantic type ``unknown_key``) names the nearest field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _mend_the_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        wrong = (
            [key for key, value in data.items() if cls._is_no_number(key, value)]
            if isinstance(data, dict)
            else []
        )
        details: list[Any] = []
        try:
            valid = handler(data)
        except ValidationError as error:
            details = list(error.errors(include_url=False))
            if not wrong and not any(_is_unknown(detail) for detail in details):
                raise
        if not wrong and not details:
            return valid
        nearest = {
            str(d["loc"][0]): nearest_name(str(d["loc"][0]), list(cls.model_fields))
            for d in details
            if _is_unknown(d)
        }
        known_wrong, meant = [(key,) for key in wrong], [(name,) for name in nearest.values()]
        number = PydanticCustomError("number_wanted", "must be a number")
        lines = [InitErrorDetails(type=number, loc=(key,), input=data[key]) for key in wrong]
        for detail in details:
            if _is_unknown(detail):
                key = str(detail["loc"][0])
                context = {"nearest": nearest[key], "known": ", ".join(cls.model_fields)}
                reason = PydanticCustomError("unknown_key", "unknown key", context)
                lines.append(InitErrorDetails(type=reason, loc=detail["loc"], input=detail["input"]))
            elif detail["loc"][:1] not in known_wrong and (
                detail["type"] != "missing" or detail["loc"] not in meant
            ):
                lines.append(_again(detail))
        raise ValidationError.from_exception_data(cls.__name__, lines) from None

    @classmethod
    def _is_no_number(cls, key: object, value: object) -> bool:
        field = cls.model_fields.get(str(key))
        if field is None or not isinstance(value, bool | str):
            return False
        wanted = set(_leaves(field.annotation))
        return bool(wanted & {int, float}) and wanted <= {int, float, types.NoneType}


def models_in(value: Any) -> Iterator[BaseModel]:
    """Give each model in a value, itself and those deep inside lists, mappings and dataclasses too."""
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
    """Give each file that a field of type `FileName` names, in the model or deep inside it."""
    for each in models_in(model):
        for name, field in type(each).model_fields.items():
            value = getattr(each, name)
            if isinstance(value, str) and _names_file(field.annotation, field.metadata):
                yield value


def _names_file(annotation: Any, metadata: Sequence[Any]) -> bool:
    return any(isinstance(mark, NamesFile) for mark in metadata) or any(
        _names_file(part, getattr(part, "__metadata__", ())) for part in get_args(annotation)
    )


def _is_unknown(detail: Any) -> bool:
    return detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1


def _again(detail: Any) -> InitErrorDetails:
    """Make a reported error into one that can be raised again."""
    kind: Any
    kind, context = detail["type"], detail.get("ctx") or {}
    try:
        line = InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"], ctx=context)
        ValidationError.from_exception_data("probe", [line])
    except (KeyError, TypeError, ValueError):
        kind = PydanticCustomError(kind, "{message}", {**context, "message": detail["msg"]})
        line = InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"])
    return line


def _leaves(annotation: Any) -> Iterator[Any]:
    """Give the plain types that an annotation allows: ``float | None`` is `float` and `NoneType`."""
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
