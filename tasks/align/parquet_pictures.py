"""Encoded pictures out of a parquet file, some rows at a time: a row group may hold gigabytes of them."""

import threading
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

COLUMN, FIELD = "image", "bytes"
ROWS_AT_A_TIME = 16
BUFFER_BYTES = 1 << 20
"""Without a buffer, parquet reads a column of a row group into memory as a whole."""

MOST_READERS = 4
"""Of a row group: each serves who reads forwards, such as a shard under way."""


class _Reader:
    """Goes through a row group once, forwards. What it holds are the pages and rows around the last one that was asked for."""

    def __init__(self, path: Path, group: int) -> None:
        self._file = parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
        self._batches = self._file.iter_batches(ROWS_AT_A_TIME, row_groups=[group], columns=[f"{COLUMN}.{FIELD}"], use_threads=False)
        self.first, self._held = 0, pa.array([], pa.binary())

    def at(self, place: int) -> bytes | None:
        """The picture of a row that is not before `first`."""
        while place >= self.first + len(self._held):
            self.first += len(self._held)
            self._held = next(self._batches).column(0).field(FIELD)
        return self._held[place - self.first].as_py()


class RowGroup:
    """The pictures of one row group, for rows in about any order; threads may share it."""

    def __init__(self, path: Path, group: int) -> None:
        self._path, self._group = path, group
        self._readers: list[_Reader] = []
        self._lock = threading.Lock()

    def at(self, place: int) -> bytes | None:
        """The picture of a row, None where it has none. Raises OSError or ArrowException for a file that cannot be read."""
        with self._lock:
            behind = [reader for reader in self._readers if reader.first <= place]
            reader = max(behind, key=lambda one: one.first) if behind else _Reader(self._path, self._group)
            found = reader.at(place)
            self._readers = [*(one for one in self._readers if one is not reader), reader][-MOST_READERS:]
            return found


@lru_cache(maxsize=2)
def row_group(path: Path, sha256: str, group: int) -> RowGroup:
    """The row group of a file with this content; neighbouring rows are read together."""
    return RowGroup(path, group)
