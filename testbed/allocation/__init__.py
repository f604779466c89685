"""The registry of allocation policies, which divide a target rate between speech and redundancy.

A new policy is one file and one line here, or an entry point `testbed.allocation` of another package.
"""

from typing import Annotated

from testbed.allocation.fixed import FixedAllocation
from testbed.allocation.loss_adaptive import LossAdaptive
from testbed.allocation.media_first import MediaFirst
from testbed.allocation.opus import OpusAllocation
from testbed.allocation.policy import AllocationParameters
from testbed.named_parameters import TaggedUnion

POLICIES: TaggedUnion[AllocationParameters] = TaggedUnion(
    "allocation policy",
    "policy",
    {
        "fixed": FixedAllocation,
        "media_first": MediaFirst,
        "loss_adaptive": LossAdaptive,
        "opus": OpusAllocation,
    },
    group="testbed.allocation",
    kind=AllocationParameters,
)

AllocationSpec = Annotated[AllocationParameters, POLICIES]

__all__ = ["POLICIES", "AllocationSpec"]
