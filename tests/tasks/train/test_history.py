"""The log of steps: weighted means over parts and workers, and no gap or repetition after a kill."""

from pathlib import Path

import pytest
import torch

from tasks.train.history import History, as_csv, last_row, read_history
from tasks.train.worker import Worker


class Two(Worker):
    """Worker 0 of 2 whose other half logged the value 5 for one sample."""

    def gather(self, value: list) -> list:
        return [value, [(step, name, 1.0, 5.0) for step, name, _, _ in value if name == "loss"]]


def test_means_are_weighted_by_samples_over_parts_and_workers(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl", Two(0, 2, torch.device("cpu")), 0)
    history.note(1, {"loss": torch.tensor(1.0)}, 3)
    history.note(1, {"loss": torch.tensor(2.0), "rare": 7.0}, 1)
    rows = history.flush()
    assert rows == [{"step": 1, "loss": pytest.approx((3 * 1 + 1 * 2 + 5 + 5) / 6), "rare": 7.0}]
    assert read_history(history.path) == rows and last_row(history.path) == rows[-1]


def test_what_was_written_beyond_the_checkpoint_is_dropped(tmp_path: Path) -> None:
    path, alone = tmp_path / "history.jsonl", Worker(0, 1, torch.device("cpu"))
    assert last_row(path) is None
    first = History(path, alone, 0)
    for step in (1, 2, 3):
        first.note(step, {"loss": 1.0 / step})
    first.flush()
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert [row["step"] for row in read_history(path)] == [1, 2, 3] and last_row(path)["step"] == 3
    History(path, alone, 2)
    assert [row["step"] for row in read_history(path)] == [1, 2]


def test_the_table_has_every_column_and_full_precision() -> None:
    assert as_csv([{"step": 1, "loss": 0.1}, {"step": 2, "loss": 1 / 3, "part": 2.0}]) == ("step,loss,part\n1,0.1,\n2,0.3333333333333333,2.0\n")
