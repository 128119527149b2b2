"""What is said of weights that are missing, wrong or not safe to read."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data_specs.ids import sha256_bytes
from models.perception.weights import PUBLISHED, MissingWeights, checked_file, load_tensors

NAME = "sam_vit_b_01ec64.pth"


class Trap:
    """What an unpickler would run."""

    def __reduce__(self) -> tuple:
        return (print, ("a stranger's code has run",))


def test_no_path() -> None:
    with pytest.raises(
        MissingWeights, match=rf"^align.segmenter.weights is empty: get {NAME} \(375 MB, Apache-2.0\) from https://.*set align.segmenter.weights"
    ):
        checked_file("", "", NAME, "align.segmenter.weights")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"names .*gone.pth, which is not there"):
        checked_file(str(tmp_path / "gone.pth"), "", NAME, "align.segmenter.weights")


def test_a_published_name_must_hold_the_published_bytes(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(b"half a download")
    with pytest.raises(MissingWeights, match=f"expected {PUBLISHED[NAME].sha256}: it is damaged"):
        checked_file(str(file), "", NAME, "align.segmenter.weights")


def test_another_file_needs_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "ours.safetensors"
    save_file({"a": torch.ones(2)}, file)
    with pytest.raises(MissingWeights, match=r"set align\.segmenter.sha256"):
        checked_file(str(file), "", NAME, "align.segmenter.weights")
    assert checked_file(str(file), sha256_bytes(file.read_bytes()), NAME, "align.segmenter.weights") == file
    assert load_tensors(file)["a"].tolist() == [1.0, 1.0]


def test_checkpoints_are_read_without_running_them(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "ours.pth"
    torch.save({"model": {"a": torch.zeros(3)}}, file)
    assert load_tensors(file)["a"].shape == (3,)
    file.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(Exception, match=r"(?i)weights.only|unpickl"):
        load_tensors(file)
    assert "stranger" not in capsys.readouterr().out


def test_the_table_is_complete() -> None:
    for name, file in PUBLISHED.items():
        assert name == file.name and file.url.startswith("https://") and file.url.endswith(name)
        assert len(file.sha256) == 64 and file.size > 1_000_000 and file.licence
