"""Shipping a trained run: half precision within its rounding, and a card that vouches for every file."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.train.shipping import HISTORY_ROWS, ship

RECORD = {"id": "a-1", "recipe": "a", "settings": {}, "data": {}, "parents": {}, "samples": 8, "weights_sha256": "0" * 64, "files": {}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "model" / "vae").mkdir(parents=True)
    (folder / "pictures").mkdir()
    (folder / "run.json").write_text(json.dumps(RECORD))
    (folder / "model" / "config.json").write_text("{}")
    save_file({"weight": torch.randn(4, 4), "count": torch.arange(3)}, folder / "model" / "vae" / "w.safetensors")
    (folder / "history.csv").write_text("step,loss\n" + "".join(f"{step},{1 / step}\n" for step in range(1, 1001)))
    for step in (5, 10):
        (folder / "pictures" / f"step-{step:08d}.png").write_bytes(str(step).encode())
    return folder


def test_weights_are_halved_and_everything_else_is_kept(run: Path, tmp_path: Path) -> None:
    ship(run, tmp_path / "shipped")
    before, after = (load_file(folder / "vae" / "w.safetensors") for folder in (run / "model", tmp_path / "shipped"))
    assert after["weight"].dtype == torch.float16 and torch.equal(after["count"], before["count"])
    torch.testing.assert_close(after["weight"].float(), before["weight"], rtol=2**-11, atol=1e-7)
    assert (tmp_path / "shipped" / "samples.png").read_bytes() == b"10"


def test_card_vouches_for_every_file(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "shipped"
    (target / "stray").mkdir(parents=True)
    size = ship(run, target)
    card = json.loads((target / "card.json").read_text())
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()} - {"card.json"}
    assert set(card["files"]) == found and not (target / "stray").exists()
    assert size == sum((target / name).stat().st_size for name in found)
    assert all(hashlib.sha256((target / name).read_bytes()).hexdigest() == digest for name, digest in card["files"].items())
    assert card["id"] == "a-1"


def test_history_is_thinned_and_keeps_both_ends(run: Path, tmp_path: Path) -> None:
    ship(run, tmp_path / "shipped")
    rows = list(csv.reader((tmp_path / "shipped" / "history.csv").open()))
    assert rows[0] == ["step", "loss"] and rows[1][0] == "1" and rows[-1][0] == "1000" and len(rows) <= HISTORY_ROWS + 2


def test_weights_too_large_for_half_precision_are_refused(run: Path, tmp_path: Path) -> None:
    save_file({"weight": torch.tensor([1e6])}, run / "model" / "vae" / "w.safetensors")
    with pytest.raises(ValueError, match="'weight' reaches 1e"):
        ship(run, tmp_path / "shipped")


def test_needs_a_finished_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no trained model"):
        ship(tmp_path / "missing", tmp_path / "shipped")
