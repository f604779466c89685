"""The allocation policies' registry: how is a target divided? A new policy is one file and one line here."""

from typing import Annotated

from pydantic import Field

from testbed.allocation.fixed import Fixed
from testbed.allocation.loss_adaptive import LossAdaptive
from testbed.allocation.media_first import MediaFirst
from testbed.allocation.opus import Opus

POLICIES = {"fixed": Fixed, "media_first": MediaFirst, "loss_adaptive": LossAdaptive, "opus": Opus}

AllocationSpec = Annotated[Fixed | MediaFirst | LossAdaptive | Opus, Field(discriminator="policy")]

__all__ = ["POLICIES", "AllocationSpec"]
