"""The registry of scheme parts, and the model of a scheme, which has a field for each.

A new part is one file and one line here, or an entry point `testbed.schemes` of another package.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model

from testbed.codecs.schemes.dred import Dred
from testbed.codecs.schemes.lbrr import Lbrr
from testbed.codecs.schemes.neural_plc import NeuralPlc
from testbed.codecs.schemes.part import SchemePart
from testbed.codecs.schemes.plc import ClassicPlc
from testbed.codecs.schemes.red import Red
from testbed.codecs.schemes.scheme import NO_LOSS, Scheme
from testbed.named_parameters import ParametersOf
from testbed.registry import Registry

PARTS: Registry[type[SchemePart]] = Registry(
    "scheme part",
    {
        "plc": ClassicPlc,
        "neural_plc": NeuralPlc,
        "red": Red,
        "lbrr": Lbrr,
        "dred": Dred,
    },
    group="testbed.schemes",
    kind=SchemePart,
    reserved=(*dir(Scheme), *Scheme.model_fields),
    fault=lambda name, part: "" if getattr(part, "key", "") == name else f"needs the key {name!r}",
)


def _field_of(part: str) -> Any:
    about = f"Parameters of the part `{part}`; null for their defaults."
    return (Annotated[SchemePart, ParametersOf(PARTS, part)] | None, Field(None, description=about))


if TYPE_CHECKING:
    SchemeSpec = Scheme
else:
    SchemeSpec = create_model(
        "SchemeSpec",
        __base__=Scheme,
        __doc__=Scheme.__doc__,
        __module__=__name__,
        **{part: _field_of(part) for part in PARTS},
    )

__all__ = ["NO_LOSS", "PARTS", "SchemeSpec"]
