"""Pydantic annotations for names in a registry, and for parameters whose class is looked up there.

The class is looked up when a value is validated, so that another package's is imported only where a scenario
names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from testbed.errors import TestbedError
from testbed.registry import Registry

Model = TypeVar("Model", bound=BaseModel)


def invalid(message: str, *keys: str | int, value: object = None) -> ValidationError:
    """Return an error for a validator to raise that points at a key below the one being validated.

    Parameters
    ----------
    message
        Message: what is wrong, and what would be right.
    keys
        Path of the key, relative to the validated value.
    value
        Value of the key.
    """
    error = PydanticCustomError("impossible", "{message}", {"message": message})
    details = InitErrorDetails(type=error, loc=keys, input=value)
    return ValidationError.from_exception_data("impossible", [details])


@dataclass(frozen=True)
class ParametersOf:
    """Annotation of a value that one item of a registry validates.

    Attributes
    ----------
    registry
        Has the item.
    name
        Name of the item.
    """

    registry: Registry[Any]
    name: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object, info: ValidationInfo) -> Any:
            return named_item(self.registry, self.name).model_validate(value, context=info.context)

        return core_schema.with_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        item = self.registry.usable().get(self.name)
        return {} if item is None else handler(core_schema.union_schema([_referable(item)]))


@dataclass(frozen=True)
class NameIn:
    """Annotation of a string that is the name of an item.

    Attributes
    ----------
    registry
        Has the item.
    """

    registry: Registry[Any]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(name: str) -> str:
            named_item(self.registry, name)
            return name

        return core_schema.no_info_after_validator_function(validate, core_schema.str_schema())

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": list(self.registry)}


class TaggedUnion(Registry[type[Model]]):
    """Registry of parameters whose class is chosen by the value of one of their keys, `{model: name, ...}`.

    It is also the annotation of such parameters, as in ``Annotated[LossModel, MODELS]``. It has the members
    of a model that `ParametersOf` needs, so an item of another registry may be one: the stage ``loss`` is.

    Parameters
    ----------
    what, builtin, group, kind
        As for `Registry`. Each class has the field `key`, whose value is its name.
    key
        The key.
    """

    def __init__(
        self,
        what: str,
        key: str,
        builtin: Mapping[str, type[Model] | str],
        group: str = "",
        kind: type = BaseModel,
    ) -> None:
        super().__init__(what, builtin, group, kind, fault=self._misnamed)
        self.key = key

    def _misnamed(self, name: str, model: type[BaseModel]) -> str:
        field = model.model_fields.get(self.key)
        if field and field.default == name:
            return ""
        return f"needs the field {self.key!r} with the default {name!r}"

    @property
    def examples(self) -> tuple[dict[str, Any], ...]:
        """The examples of all classes, with the key."""
        return tuple(
            {self.key: name, **example}
            for name, model in self.items()
            for example in getattr(model, "examples", ())
        )

    @property
    def __pydantic_core_schema__(self) -> CoreSchema:
        return core_schema.union_schema([_referable(model) for model in self.usable().values()])

    def model_validate(self, value: object, *, context: Any = None) -> Any:
        """Return the valid parameters; a model that is valid already stays as it is."""
        if isinstance(value, BaseModel):
            name = getattr(value, self.key, None)
        elif not isinstance(value, Mapping):
            raise invalid(f"must be a mapping with the key {self.key!r}", value=value)
        elif self.key not in value:
            raise invalid(f"missing; known: {', '.join(self)}", self.key, value=value)
        else:
            name = value[self.key]
        return named_item(self, name, self.key).model_validate(value, context=context)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object, info: ValidationInfo) -> Any:
            return self.model_validate(value, context=info.context)

        return core_schema.with_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self.__pydantic_core_schema__)


def named_item(registry: Registry[Any], name: object, *keys: str) -> Any:
    """Return an item, or raise an error for a validator to raise that points at the keys; see `invalid`."""
    try:
        if isinstance(name, str):
            return registry[name]
        raise invalid(registry.unknown(name), *keys, value=name)
    except TestbedError as error:
        raise invalid(str(error), *keys, value=name) from None


def _referable(item: Any) -> CoreSchema:
    """Return an item's schema, with the reference under which a JSON Schema defines it once."""
    schema: CoreSchema = item.__pydantic_core_schema__
    if isinstance(item, type):
        return cast(CoreSchema, {"ref": f"{item.__module__}.{item.__qualname__}:{id(item)}", **schema})
    return schema
