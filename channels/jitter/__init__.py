"""The stage `jitter`: a random delay of each packet. A new model is one file and one line here."""

from testbed.channels.jitter.gamma import GammaJitter
from testbed.channels.jitter.model import JitterModel
from testbed.channels.jitter.normal import NormalJitter
from testbed.named_parameters import TaggedUnion

MODELS: TaggedUnion[JitterModel] = TaggedUnion(
    "jitter model", "model", {"gamma": GammaJitter, "normal": NormalJitter}
)
