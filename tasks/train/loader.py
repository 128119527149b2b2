"""Batches from shards: members found by index, read by offset, decoded by a few threads ahead of the training step."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.image_codec import decode_member
from models.recipe import Batch, Recipe, Source, StepRandom
from tasks.shard_io import index_shard, read_member
from tasks.train.order import BatchOrder, SourceOrder, batch_counts

INDEXED_SHARDS = 64
"""Shards whose member tables are kept in memory."""


@dataclass(frozen=True)
class ShardFile:
    """A shard to read: its path and the keys of the samples that may be used, in order."""

    path: Path
    keys: tuple[str, ...]


@dataclass(frozen=True)
class MicroBatch:
    """What one forward pass takes: a part of the global batch of `step`."""

    step: int
    batch: Batch
    rng: StepRandom
    samples: int


class SampleReader:
    """Random access to the decoded samples of one source."""

    def __init__(self, source: Source, shards: tuple[ShardFile, ...]) -> None:
        self.source, self.shards = source, shards
        self._wanted = re.compile(source.members)
        self._index = lru_cache(maxsize=INDEXED_SHARDS)(self._index_wanted)

    def read(self, shard: int, place: int) -> dict[str, Any]:
        """Decoded members of a sample and its "__key__". Raises ValueError naming shard and sample when anything is missing or damaged."""
        file = self.shards[shard]
        key = file.keys[place]
        members = self._index(shard).get(key)
        if not members:
            raise ValueError(f"{file.path}: sample {key!r} has no member that matches {self.source.members!r}")
        try:
            decoded = {field: decode_member(field, read_member(file.path, offset, size)) for field, (offset, size) in members.items()}
        except ValueError as error:
            raise ValueError(f"{file.path}: sample {key!r}: {error}") from None
        return {"__key__": key, **decoded}

    def _index_wanted(self, shard: int) -> dict[str, dict[str, tuple[int, int]]]:
        index = index_shard(self.shards[shard].path)
        return {key: {field: at for field, at in fields.items() if self._wanted.fullmatch(field)} for key, fields in index.items()}


class Loader:
    """The batches of one training run, by step and part."""

    def __init__(self, recipe: Recipe, data: dict[str, tuple[ShardFile, ...]], batch_size: int, seed: int) -> None:
        """data: source word -> shards in manifest order. Raises ValueError when a source is missing, empty, or would get no sample of a batch."""
        missing = [source.word for source in recipe.sources if source.word not in data]
        if missing:
            raise ValueError(f"recipe {recipe.name} reads {', '.join(missing)}, which the data set does not hold")
        self.recipe, self.seed = recipe, seed
        self.batches = BatchOrder(batch_counts(recipe.sources, batch_size))
        self._readers = {source.word: SampleReader(source, data[source.word]) for source in recipe.sources}
        self._orders = {word: SourceOrder(word, [len(file.keys) for file in reader.shards], seed) for word, reader in self._readers.items()}

    def keys(self, step: int, number: int, parts: int) -> dict[str, list[str]]:
        """Source word -> keys of the samples of a part of a global batch; reads nothing."""
        located = self._located(step, number, parts)
        return {word: [self._readers[word].shards[shard].keys[place] for shard, place in where] for word, where in located.items()}

    def read(self, step: int, number: int = 0, parts: int = 1) -> MicroBatch:
        """Read, decode and collate part `number` of `parts` of the global batch of `step` (counted from 0)."""
        places = self.batches.part(step, number, parts).places
        samples = {
            word: [self._readers[word].read(shard, place) for shard, place in where] for word, where in self._located(step, number, parts).items()
        }
        rng = StepRandom(self.seed, step, places=places)
        return MicroBatch(step, self.recipe.collate(samples, rng), rng, len(places))

    def stream(self, wanted: Iterable[tuple[int, int]], parts: int, threads: int) -> Iterator[MicroBatch]:
        """Read the (step, number) in `wanted` in their order, `threads` at a time; at most `threads` + 1 batches wait in memory.

        Raises what reading raises, at the batch concerned.
        """
        with ThreadPoolExecutor(threads, thread_name_prefix="loader") as pool:
            ahead: deque[Future[MicroBatch]] = deque()
            try:
                for step, number in wanted:
                    ahead.append(pool.submit(self.read, step, number, parts))
                    if len(ahead) > threads:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _located(self, step: int, number: int, parts: int) -> dict[str, list[tuple[int, int]]]:
        positions = self.batches.part(step, number, parts).positions
        return {word: [self._orders[word].locate(position) for position in taken] for word, taken in positions.items()}
