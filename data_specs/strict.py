"""The base of everything that people write by hand: plain data that refuses unknown keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Plain data that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
