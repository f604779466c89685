"""The registry of playout policies. A new policy is one file and one line here."""

from typing import Annotated, Any

from testbed.named_parameters import TaggedUnion
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.playout.policy import Playout

PLAYOUT_POLICIES: TaggedUnion[Any] = TaggedUnion(
    "playout policy",
    "policy",
    {"fixed": FixedPlayout, "offline": Offline, "adaptive": AdaptivePlayout},
)

PlayoutSpec = Annotated[Playout, PLAYOUT_POLICIES]
