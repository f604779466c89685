"""The stage `loss`: packets vanish by a random law. A new law is a file and a line here."""

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
