"""How one entry of a scenario becomes an object: `{loss: {...}}` by its only key, `{model: ...}` by a value.

Both look a name up in a registry, so that a new stage or loss model is a file and a line in its registry.
Validation errors carry the path of the key that is wrong, and name the nearest name that is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from testbed.words import nearest_name


def problem(message: str, *keys: str | int, value: object = None) -> ValidationError:
    """Return an error for a validator to raise that points at a key below the one being validated.

    Parameters
    ----------
    message
        What is wrong with it and what would be right.
    keys
        Path of the key, relative to what the validator validates.
    value
        What the key holds.
    """
    error = PydanticCustomError("impossible", "{message}", {"message": message})
    details = InitErrorDetails(type=error, loc=keys, input=value)
    return ValidationError.from_exception_data("impossible", [details])


def unknown(what: str, name: object, known: Mapping[str, object]) -> str:
    """Return the message for a name that no registry entry has."""
    nearest = nearest_name(str(name), list(known))
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return f"there is no {what} {str(name)[:60]!r}{hint} (known: {', '.join(sorted(known))})"


@dataclass(frozen=True)
class SingleKeySpec:
    """A mapping with one key, `{name: parameters}`, validated by what `registry` has under that name.

    Attributes
    ----------
    name
        The key.
    parameters
        The validated value.
    """

    name: str
    parameters: Any

    what: ClassVar[str]
    registry: ClassVar[Mapping[str, Any]]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(handler.generate_schema(parameters), required=False)
            for name, parameters in cls.registry.items()
        }
        one_key = core_schema.typed_dict_schema(fields, extra_behavior="forbid")

        def validate(
            value: object, validate_fields: core_schema.ValidatorFunctionWrapHandler
        ) -> SingleKeySpec:
            if isinstance(value, cls):
                return value
            if not isinstance(value, Mapping) or len(value) != 1:
                known = ", ".join(sorted(cls.registry))
                raise problem(f"must be one {cls.what} with its parameters (known: {known})", value=value)
            name = next(iter(value))
            if name not in cls.registry:
                raise problem(unknown(cls.what, name, cls.registry), str(name), value=name)
            return cls(name, validate_fields(value)[name])

        def serialize(spec: SingleKeySpec) -> dict[str, Any]:
            return {spec.name: spec.parameters.model_dump(mode="json")}

        return core_schema.no_info_wrap_validator_function(
            validate, one_key, serialization=core_schema.plain_serializer_function_ser_schema(serialize)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "title": cls.__name__, "minProperties": 1, "maxProperties": 1}


class TaggedUnion:
    """Parameters whose class is chosen by the value of one of their keys, `{model: name, ...}`."""

    what: ClassVar[str]
    key: ClassVar[str]
    registry: ClassVar[Mapping[str, Any]]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        either = core_schema.union_schema(
            [handler.generate_schema(choice) for choice in cls.registry.values()]
        )

        def validate(value: object, _: object, info: ValidationInfo) -> Any:
            if isinstance(value, tuple(cls.registry.values())):
                return value
            if not isinstance(value, Mapping):
                raise problem(f"must be a mapping with the key {cls.key!r}", value=value)
            known = ", ".join(sorted(cls.registry))
            if cls.key not in value:
                raise problem(f"{cls.key!r} is missing (known: {known})", value=value)
            name = value[cls.key]
            if not isinstance(name, str) or name not in cls.registry:
                raise problem(unknown(cls.what, name, cls.registry), cls.key, value=name)
            return cls.registry[name].model_validate(value, context=info.context)

        return core_schema.with_info_wrap_validator_function(validate, either)
