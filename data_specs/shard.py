"""How shards are laid out: webdataset tars, their names, and the row that says a shard is complete."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data_specs.decision import Decision
from data_specs.ids import content_id

SHARD_NAME = re.compile(r"(?P<word>[a-z_]+)-(?P<split>train|validation|test)-(?P<index>\d{6})-(?P<id>[0-9a-f]{16})\.tar")

Split = Literal["train", "validation", "test"]


class ShardPlan(BaseModel):
    """A shard to be made: everything that defines its bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    word: str
    split: Split
    index: int
    inputs: list[str]
    """Digests or canonical JSON of what goes in: catalogue lines, or sha256 of input shards."""
    params: dict
    """The parameters that reach the bytes; nothing about speed, workers or paths."""
    version: int
    """The stage's code version: raised by hand when its output changes."""

    @property
    def shard_id(self) -> str:
        """Hash of all that defines the shard."""
        return content_id(self.word, self.split, self.index, self.inputs, self.params, self.version)

    @property
    def file_name(self) -> str:
        """`word-split-index-id.tar`, as `SHARD_NAME` reads it."""
        return f"{self.word}-{self.split}-{self.index:06d}-{self.shard_id}.tar"


class ShardRow(BaseModel):
    """A finished shard. Its existence in the ledger means: the tar is complete and synced. No times, no host names: a rerun gives the same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shard_id: str
    file: str
    split: Split
    index: int
    sha256: str
    bytes: int
    samples: list[str]
    """Keys in the tar's order."""
    inputs: list[str]
    """Those of the plan, or what names them where they would be too long."""
    decisions: list[Decision] = Field(default_factory=list)
