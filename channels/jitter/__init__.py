"""The stage `jitter`: each packet takes a random time. A new law is a file and a line here."""

from typing import Any, ClassVar

from testbed.channels.jitter.gamma import GammaJitter
from testbed.channels.jitter.model import JitterModel
from testbed.channels.jitter.normal import NormalJitter
from testbed.channels.spec import TaggedUnion

MODELS: dict[str, type[JitterModel]] = {
    "gamma": GammaJitter,
    "normal": NormalJitter,
}


class Jitter(TaggedUnion):
    """Validates `{model: name, ...}` into one of `MODELS`."""

    what: ClassVar[str] = "jitter model"
    key: ClassVar[str] = "model"
    registry: ClassVar = MODELS
    examples: ClassVar[tuple[dict[str, Any], ...]] = tuple(
        {"model": name, **example} for name, model in MODELS.items() for example in model.examples
    )
