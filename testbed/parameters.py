"""The base of every model that a scenario's YAML is validated into."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Immutable parameters; a key that no field names is an error, and so is a NaN or an infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
