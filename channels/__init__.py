"""Channels: lists of stages that a packet meets in order, and the registry of stages.

A new stage is one file, which declares its parameters and builds the stage (see `testbed.channels.stage`),
and one line here; or an entry point `testbed.stages` of another package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from testbed.channels import jitter, loss
from testbed.channels.delay import Delay
from testbed.channels.duplicate import Duplicate
from testbed.channels.link import Link
from testbed.channels.measured import Measured
from testbed.channels.recorded import Recorded
from testbed.channels.spikes import Spikes
from testbed.channels.trace import Trace
from testbed.named_parameters import ParametersOf, invalid
from testbed.parameters import Parameters
from testbed.registry import Registry

STAGES: Registry[Any] = Registry(
    "stage",
    {
        "delay": Delay,
        "duplicate": Duplicate,
        "jitter": jitter.MODELS,
        "link": Link,
        "loss": loss.MODELS,
        "measured": Measured,
        "recorded": Recorded,
        "spikes": Spikes,
        "trace": Trace,
    },
    group="testbed.stages",
    kind=Parameters,
    fault=lambda name, stage: next(
        (f"has no {method}()" for method in ("build", "mean_loss") if not hasattr(stage, method)), ""
    ),
)


@dataclass(frozen=True)
class StageSpec:
    """One entry of a scenario's `channel:`, as in `{loss: {model: bernoulli, rate: 0.1}}`.

    Attributes
    ----------
    name
        The key, a name in `STAGES`.
    parameters
        The validated value: a `testbed.channels.stage.StageParameters`.
    """

    name: str
    parameters: Any

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(
                handler.generate_schema(Annotated[Any, ParametersOf(STAGES, name)]), required=False
            )
            for name in STAGES
        }
        one_key = core_schema.typed_dict_schema(fields, extra_behavior="forbid")

        def validate(value: object, validate_fields: core_schema.ValidatorFunctionWrapHandler) -> "StageSpec":
            if isinstance(value, cls):
                return value
            if not isinstance(value, Mapping) or len(value) != 1:
                raise invalid(
                    f"must be one stage with its parameters (known: {', '.join(STAGES)})", value=value
                )
            name = next(iter(value))
            if name not in STAGES:
                raise invalid(STAGES.unknown(name), str(name), value=name)
            return cls(name, validate_fields(value)[name])

        def serialize(spec: StageSpec) -> dict[str, Any]:
            return {spec.name: spec.parameters.model_dump(mode="json")}

        return core_schema.no_info_wrap_validator_function(
            validate, one_key, serialization=core_schema.plain_serializer_function_ser_schema(serialize)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "title": cls.__name__, "minProperties": 1, "maxProperties": 1}


__all__ = ["STAGES", "StageSpec"]
