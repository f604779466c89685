"""The stage `loss`: packets vanish by a random law. A new law is a file and a line here."""

from typing import Any, ClassVar

from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.channels.loss.lossgen import Lossgen
from testbed.channels.loss.markov import Markov
from testbed.channels.loss.model import LossModel
from testbed.channels.spec import TaggedUnion

MODELS: dict[str, type[LossModel]] = {
    "bernoulli": Bernoulli,
    "gilbert_elliott": GilbertElliott,
    "lossgen": Lossgen,
    "markov": Markov,
}


class Loss(TaggedUnion):
    """Validates `{model: name, ...}` into one of `MODELS`."""

    what: ClassVar[str] = "loss model"
    key: ClassVar[str] = "model"
    registry: ClassVar = MODELS
    examples: ClassVar[tuple[dict[str, Any], ...]] = tuple(
        {"model": name, **example} for name, model in MODELS.items() for example in model.examples
    )
