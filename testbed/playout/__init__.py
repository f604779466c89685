"""The playout policies' registry: when is a frame due? A new policy is one new file and one line here."""

from typing import Annotated

from pydantic import Field

from testbed.playout.fixed import Fixed
from testbed.playout.offline import Offline

PlayoutSpec = Annotated[Fixed | Offline, Field(discriminator="policy")]
