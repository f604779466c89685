"""The registry of concealers, which give gaps their sound, and the annotation of one in a scenario.

A concealer is a network in ONNX, or of another package, through an entry point `testbed.concealers`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from testbed.codecs.concealers.concealer import ConcealerParameters, PlacedConcealer
from testbed.named_parameters import ParametersOf, invalid
from testbed.registry import Registry
from testbed.words import suggestion

Concealer = Literal["codec", "neteq"]
"""A concealer of the testbed: libopus at the decoder's complexity, or NetEq (`testbed.codecs.neteq`)."""
OWN: tuple[Concealer, ...] = ("codec", "neteq")

CONCEALERS: Registry[type[ConcealerParameters]] = Registry(
    "concealer",
    {"onnx": "testbed.codecs.concealers.onnx_concealer:OnnxConcealer"},
    group="testbed.concealers",
    kind=ConcealerParameters,
    reserved=OWN,
    fault=lambda name, item: "" if getattr(item, "key", "") == name else f"needs the key {name!r}",
)


class _Spec:
    """The annotation of `AnyConcealer`: a name, or ``{name: {...}}``."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(
                handler.generate_schema(Annotated[Any, ParametersOf(CONCEALERS, name)]), required=False
            )
            for name in CONCEALERS
        }
        one_key = core_schema.typed_dict_schema(fields, extra_behavior="forbid")

        def validate(value: object, validate_fields: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, ConcealerParameters) or value in OWN:
                return value
            given = {value: {}} if isinstance(value, str) else value
            if not isinstance(given, Mapping) or len(given) != 1:
                known = ", ".join((*OWN, *CONCEALERS))
                raise invalid(
                    f"must be a concealer, or one with its parameters (known: {known})", value=value
                )
            name, parameters = next(iter(given.items()))
            if name not in CONCEALERS:
                near = suggestion(str(name), [*OWN, *CONCEALERS])
                raise invalid(f"unknown concealer {str(name)[:60]!r}{near}", value=name)
            return validate_fields({name: {} if parameters is None else parameters})[name]

        def serialize(concealer: Any) -> Any:
            if isinstance(concealer, str):
                return concealer
            return {concealer.key: concealer.model_dump(mode="json")}

        return core_schema.no_info_wrap_validator_function(
            validate, one_key, serialization=core_schema.plain_serializer_function_ser_schema(serialize)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one = {**handler(schema), "title": "ConcealerSpec", "minProperties": 1, "maxProperties": 1}
        of_file = one["properties"]["onnx"]
        one["properties"]["onnx"] = {"anyOf": [{"type": "string"}, of_file]}
        names = [name for name in CONCEALERS if name not in CONCEALERS.builtin]
        return {"anyOf": [{"enum": [*OWN, *names]}, one]}


AnyConcealer = Annotated[Concealer | ConcealerParameters, _Spec()]
"""One of the testbed, or the parameters of one in `CONCEALERS`."""

__all__ = ["CONCEALERS", "OWN", "AnyConcealer", "Concealer", "ConcealerParameters", "PlacedConcealer"]
