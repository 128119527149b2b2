"""Pictures of a large row group: every one of them from any order, in bounded memory; and planning, which reads none."""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tasks.align.parquet_pictures import MOST_READERS, RowGroup
from tasks.align.subjects200k import subjects200k_lines
from tests.tasks.align.subjects200k_files import BEST, SCHEMA

ROWS, PICTURE_BYTES = 600, 100_000


def picture(row: int) -> bytes:
    return np.random.default_rng(row).bytes(PICTURE_BYTES)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 MB in one row group; one row has no picture."""
    path = tmp_path_factory.mktemp("large") / "large.parquet"
    said = {"collection": "collection_1", "quality_assessment": BEST}
    rows = [
        said | {"image": {"bytes": None if row == 7 else picture(row), "path": None}, "description": {"item": f"mug {row}"}} for row in range(ROWS)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=ROWS, write_batch_size=8)
    assert parquet.read_metadata(path).num_row_groups == 1
    return path


def bytes_read() -> int:
    """By this process so far, from the cache of the system too."""
    return int(next(line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar")).split()[1])


def test_planning_reads_no_pictures(large: Path, tmp_path: Path) -> None:
    first = list(subjects200k_lines(large, tmp_path))  # the file's digest is remembered from here on
    before = bytes_read()
    assert list(subjects200k_lines(large, tmp_path)) == first and len(first) == 2 * ROWS
    assert bytes_read() - before < 3_000_000


@pytest.mark.parametrize("order", ["forwards", "backwards", "two shards in turn"])
def test_every_picture_in_any_order(large: Path, order: str) -> None:
    rows = list(range(0, 60))
    wanted = {"forwards": rows, "backwards": rows[::-5], "two shards in turn": [row for pair in zip(rows[:30], rows[30:]) for row in pair]}[order]
    group = RowGroup(large, 0)
    assert all(group.at(row) == (None if row == 7 else picture(row)) for row in wanted)
    assert len(group._readers) <= MOST_READERS


def test_memory_is_bounded(large: Path) -> None:
    before, most = pa.total_allocated_bytes(), 0
    group = RowGroup(large, 0)
    for row in range(0, ROWS, 10):
        group.at(row)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 12 * 1_000_000 < ROWS * PICTURE_BYTES / 4


def test_shards_in_turn_do_not_start_again_for_each_row(large: Path) -> None:
    group, before = RowGroup(large, 0), bytes_read()
    for row in range(100):
        group.at(row)
        group.at(300 + row)
    assert bytes_read() - before < 2.5 * ROWS * PICTURE_BYTES


def test_threads_share_a_row_group(large: Path) -> None:
    group, wrong = RowGroup(large, 0), list[int]()

    def read(start: int) -> None:
        wrong.extend(row for row in range(start, start + 40) if group.at(row) != picture(row))

    threads = [threading.Thread(target=read, args=(start,)) for start in (10, 200, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
