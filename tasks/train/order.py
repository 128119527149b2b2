"""Which sample stands where: the global order of samples as a pure function of (seed, epoch, source), whatever the number of workers.

An epoch permutes the shards of a source and shuffles the samples within windows of a few shards, so that reading stays local.
Position p of a source lies in epoch p // N; nothing is read or replayed to find it. Every optimiser step takes the next samples of
each source; its global batch interleaves the sources, and each part (a worker's, or one accumulation step of it) is a contiguous run of it.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from data_specs.ids import seed_from
from models.recipe import Source

WINDOW_SHARDS = 4
"""Shards whose samples are shuffled together."""


class SourceOrder:
    """The endless order of one source's samples."""

    def __init__(self, word: str, shard_sizes: Sequence[int], seed: int) -> None:
        """shard_sizes: samples in each shard. Raises ValueError when there is no sample."""
        self.word, self.sizes, self.seed = word, tuple(shard_sizes), seed
        self.total = sum(self.sizes)
        if self.total == 0:
            raise ValueError(f"source {word!r} has no sample to train on")
        self._epoch = lru_cache(maxsize=2)(self._permute_shards)
        self._window = lru_cache(maxsize=8)(self._shuffle_window)

    def locate(self, position: int) -> tuple[int, int]:
        """(shard, place within the shard) of the sample at `position`, counted over all epochs from 0."""
        epoch, offset = divmod(position, self.total)
        starts = self._epoch(epoch)[1]
        window = bisect.bisect_right(starts, offset) - 1
        shard, place = self._window(epoch, window)[offset - starts[window]]
        return int(shard), int(place)

    def _permute_shards(self, epoch: int) -> tuple[list[list[int]], list[int]]:
        """The windows of an epoch (lists of shards) and the offset at which each begins."""
        filled = [shard for shard, size in enumerate(self.sizes) if size]
        shards = np.random.default_rng(seed_from(self.seed, self.word, epoch)).permutation(filled).tolist()
        windows = [shards[first : first + WINDOW_SHARDS] for first in range(0, len(shards), WINDOW_SHARDS)]
        lengths = [sum(self.sizes[shard] for shard in window) for window in windows]
        return windows, [0, *accumulate(lengths[:-1])]

    def _shuffle_window(self, epoch: int, window: int) -> np.ndarray:
        """(samples of the window, 2) integers: shard and place, shuffled."""
        shards = self._epoch(epoch)[0][window]
        pairs = np.array([(shard, place) for shard in shards for place in range(self.sizes[shard])])
        return np.random.default_rng(seed_from(self.seed, self.word, epoch, window)).permutation(pairs)


def batch_counts(sources: Sequence[Source], batch_size: int) -> dict[str, int]:
    """How many samples of each source stand in a global batch: shares of `batch_size`, rounded so that they sum to it.

    Raises ValueError when the shares do not sum to 1 or a source would get no sample.
    """
    if abs(sum(source.share for source in sources) - 1.0) > 1e-6:
        raise ValueError(f"shares of the sources sum to {sum(source.share for source in sources)}, not to 1")
    edges = [round(batch_size * share) for share in accumulate((source.share for source in sources), initial=0.0)]
    counts = {source.word: last - first for source, first, last in zip(sources, edges, edges[1:])}
    starved = [word for word, count in counts.items() if count == 0]
    if starved:
        raise ValueError(f"batch_size {batch_size} leaves no sample for {', '.join(starved)}: raise it")
    return counts


@dataclass(frozen=True)
class Part:
    """A contiguous part of one global batch.

    positions: source word -> positions in its `SourceOrder`. places: global place of each, source by source.
    """

    positions: dict[str, list[int]]
    places: list[int]


class BatchOrder:
    """Global batches of fixed composition and their parts."""

    def __init__(self, counts: dict[str, int]) -> None:
        """counts: samples of each source in a global batch, in the order of `Recipe.sources`."""
        self.counts = counts
        self.batch_size = sum(counts.values())
        spread = [((index + 0.5) / count, word, index) for word, count in counts.items() for index in range(count)]
        self._sequence = [(word, index) for _, word, index in sorted(spread)]

    def part(self, step: int, number: int, parts: int) -> Part:
        """Part `number` of `parts` of the global batch of `step` (all counted from 0); parts differ by one sample at most."""
        first, last = number * self.batch_size // parts, (number + 1) * self.batch_size // parts
        positions: dict[str, list[int]] = {word: [] for word in self.counts}
        places: dict[str, list[int]] = {word: [] for word in self.counts}
        for place in range(first, last):
            word, index = self._sequence[place]
            positions[word].append(step * self.counts[word] + index)
            places[word].append(place)
        return Part(positions, [place for word in self.counts for place in places[word]])
