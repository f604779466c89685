"""The stage `loss`: random losses by a model. A new model is one file and one line here."""

from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.channels.loss.lossgen import Lossgen
from testbed.channels.loss.markov import Markov
from testbed.channels.loss.model import LossModel
from testbed.named_parameters import TaggedUnion

MODELS: TaggedUnion[LossModel] = TaggedUnion(
    "loss model",
    "model",
    {
        "bernoulli": Bernoulli,
        "gilbert_elliott": GilbertElliott,
        "lossgen": Lossgen,
        "markov": Markov,
    },
)
