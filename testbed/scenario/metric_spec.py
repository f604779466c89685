"""One entry of a scenario's `metrics:`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from testbed.metrics import METRICS
from testbed.named_parameters import invalid, named_item
from testbed.parameters import Parameters


class MetricPart(Parameters):
    """The calls that a metric scores.

    Attributes
    ----------
    realizations
        Number of realizations of each clip at each point, from the first; default: all.
    """

    realizations: int | None = Field(None, ge=1)


@dataclass(frozen=True)
class MetricSpec:
    """A metric by name alone, or with the calls that it scores: `{pesq_wb: {realizations: 2}}`.

    Attributes
    ----------
    name
        A name in `METRICS`.
    part
        The calls that it scores.
    """

    name: str
    part: MetricPart

    def scores(self, realization: int, language: str) -> bool:
        """Return whether it scores calls of a realization, counted from 0, with clips of a language."""
        is_in_part = self.part.realizations is None or realization < self.part.realizations
        return is_in_part and METRICS[self.name].judges(language)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        part = handler.generate_schema(MetricPart)
        one_metric = core_schema.dict_schema(core_schema.str_schema(), part, min_length=1, max_length=1)

        def validate(value: object, validate_part: core_schema.ValidatorFunctionWrapHandler) -> "MetricSpec":
            if isinstance(value, cls):
                return value
            if isinstance(value, str):
                named_item(METRICS, value)
                return cls(value, MetricPart())
            if not isinstance(value, Mapping) or len(value) != 1:
                raise invalid("must be one metric: plcmos, or {pesq_wb: {realizations: 2}}", value=value)
            [(name, given)] = value.items()
            named_item(METRICS, name, str(name))
            return cls(name, validate_part({name: {} if given is None else given})[name])

        def serialize(spec: MetricSpec) -> Any:
            part = spec.part.model_dump(mode="json", exclude_none=True)
            return {spec.name: part} if part else spec.name

        return core_schema.no_info_wrap_validator_function(
            validate, one_metric, serialization=core_schema.plain_serializer_function_ser_schema(serialize)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = {"enum": list(METRICS)}
        return {"anyOf": [{"type": "string", **names}, {**handler(schema), "propertyNames": names}]}
