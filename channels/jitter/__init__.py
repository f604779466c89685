"""The stage `jitter`: each packet takes a random time. A new law is a file and a line here."""

from testbed.channels.jitter.gamma import GammaJitter
from testbed.channels.jitter.model import JitterModel
from testbed.channels.jitter.normal import NormalJitter
from testbed.named_parameters import TaggedUnion

MODELS: TaggedUnion[JitterModel] = TaggedUnion(
    "jitter model", "model", {"gamma": GammaJitter, "normal": NormalJitter}
)
