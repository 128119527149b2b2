"""The manifest of a finished stage: every shard row, what defined them, and the digest that names the data set."""

from pydantic import BaseModel, ConfigDict, Field

from data_specs.decision import Decision
from data_specs.ids import canonical_json, sha256_bytes
from data_specs.shard import ShardRow


class Manifest(BaseModel):
    """The `manifest.json` at the top of a stage's output folder. Shard paths are relative to that folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    word: str
    size: str
    version: int
    params: dict
    inputs: dict[str, str] = Field(default_factory=dict)
    """Upstream word -> digest of its manifest."""
    entered: int
    """How many items were planned (catalogue lines, assets, captions)."""
    shards: list[ShardRow]
    excluded: list[Decision] = Field(default_factory=list)
    """Samples that are in a shard but must not be used (failed verification)."""

    def digest(self) -> str:
        """sha256 of the canonical JSON of the manifest."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")).encode())

    def decisions(self) -> list[Decision]:
        """Every decision of the stage, shard by shard."""
        return [decision for row in self.shards for decision in row.decisions] + self.excluded

    def samples(self) -> int:
        """How many usable samples the data set holds."""
        return sum(len(row.samples) for row in self.shards) - len(self.excluded)
