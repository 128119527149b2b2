"""The global order: complete, shuffled, found without replay, and the same for every number of workers."""

from collections import Counter

import numpy as np
import pytest

from models.recipe import Source
from tasks.train.order import WINDOW_SHARDS, BatchOrder, SourceOrder, batch_counts

SIZES = (3, 0, 5, 4, 1, 7, 2, 6, 4)


def epoch(order: SourceOrder, number: int) -> list[tuple[int, int]]:
    return [order.locate(number * order.total + offset) for offset in range(order.total)]


def test_every_epoch_holds_every_sample_once_and_no_two_are_alike() -> None:
    order = SourceOrder("render", SIZES, seed=5)
    everything = sorted((shard, place) for shard, size in enumerate(SIZES) for place in range(size))
    epochs = [epoch(order, number) for number in range(3)]
    assert all(sorted(one) == everything for one in epochs)
    assert epochs[0] != epochs[1] != epochs[2] and epochs[0] != everything
    assert epochs[0] != epoch(SourceOrder("matched_real", SIZES, seed=5), 0)
    assert epochs[0] != epoch(SourceOrder("render", SIZES, seed=6), 0)


def test_reading_stays_within_a_window_of_shards() -> None:
    order = SourceOrder("render", [10] * 20, seed=0)
    shards = [shard for shard, _ in epoch(order, 0)]
    windows = [set(shards[first : first + 10 * WINDOW_SHARDS]) for first in range(0, 200, 10 * WINDOW_SHARDS)]
    assert all(len(window) == WINDOW_SHARDS for window in windows)
    assert len(set.union(*windows)) == 20


def test_a_late_position_needs_no_replay() -> None:
    fresh, walked = SourceOrder("render", SIZES, seed=5), SourceOrder("render", SIZES, seed=5)
    positions = np.random.default_rng(0).integers(0, 100 * sum(SIZES), 200).tolist()
    expected = {position: walked.locate(position) for position in sorted(positions)}
    assert {position: fresh.locate(position) for position in positions} == expected


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(ValueError, match="'render' has no sample"):
        SourceOrder("render", [0, 0], seed=0)


@pytest.mark.parametrize("batch_size", [4, 5, 8, 512])
def test_counts_follow_the_shares(batch_size: int) -> None:
    counts = batch_counts([Source("render", 0.75, ".*"), Source("matched_real", 0.25, ".*")], batch_size)
    assert sum(counts.values()) == batch_size
    assert abs(counts["render"] - 0.75 * batch_size) <= 0.5


def test_wrong_shares_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sum to 0\.9"):
        batch_counts([Source("render", 0.9, ".*")], 8)
    with pytest.raises(ValueError, match="no sample for matched_real"):
        batch_counts([Source("render", 0.9, ".*"), Source("matched_real", 0.1, ".*")], 2)


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8, 10])
def test_parts_make_up_the_same_batch_for_every_number_of_workers(parts: int) -> None:
    order = BatchOrder({"render": 6, "matched_real": 4})
    whole = order.part(7, 0, 1)
    split = [order.part(7, number, parts) for number in range(parts)]
    for word in whole.positions:
        assert [position for part in split for position in part.positions[word]] == whole.positions[word]
    assert whole.positions["render"] == list(range(42, 48))
    assert sorted(place for part in split for place in part.places) == list(range(10))
    assert max(len(part.places) for part in split) - min(len(part.places) for part in split) <= 1


def test_a_sample_keeps_its_global_place() -> None:
    order = BatchOrder({"render": 4, "matched_real": 4})
    alone = order.part(0, 0, 1)
    where = dict(zip([*alone.positions["render"], *(100 + p for p in alone.positions["matched_real"])], alone.places))
    for number in range(3):
        part = order.part(0, number, 3)
        names = [*part.positions["render"], *(100 + p for p in part.positions["matched_real"])]
        assert [where[name] for name in names] == part.places


def test_each_part_holds_all_sources_in_proportion() -> None:
    order = BatchOrder({"render": 8, "matched_real": 8})
    for number in range(4):
        assert Counter({word: len(taken) for word, taken in order.part(3, number, 4).positions.items()}) == {"render": 2, "matched_real": 2}
