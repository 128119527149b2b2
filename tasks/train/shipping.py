"""A trained run as a model that the repository ships: weights in half precision, and what made them.

    python -m tasks.train.shipping micro_models/data/micro/train/micro_base models/micro/weights/base

Beside the model lie `card.json` (recipe, settings, data digests, parents, the sha256 of every file), `history.csv` (at most 200 steps of the
training log) and `samples.png` (the last sampling grid).
"""

import argparse
import csv
import hashlib
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from tasks.weights import read_run

HISTORY_ROWS = 200
KEPT = ("id", "recipe", "settings", "data", "parents", "samples", "weights_sha256")


def ship(run: Path, target: Path) -> int:
    """Write a finished run's model to `target`, which is emptied first; returns the bytes of its files.

    Raises ValueError when `run` does not hold a finished run, or when a weight does not fit half precision.
    """
    record = read_run(run)
    shutil.rmtree(target, ignore_errors=True)
    for source in sorted(path for path in (run / "model").rglob("*") if path.is_file()):
        copy = target / source.relative_to(run / "model")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".safetensors":
            save_file({name: _halved(name, weight) for name, weight in load_file(source).items()}, copy, {"format": "pt"})
        else:
            shutil.copyfile(source, copy)
    _thin(run / "history.csv", target / "history.csv")
    shutil.copyfile(sorted((run / "pictures").glob("*.png"))[-1], target / "samples.png")
    files = [path for path in sorted(target.rglob("*")) if path.is_file()]
    card = {name: record[name] for name in KEPT} | {"files": {path.relative_to(target).as_posix(): _sha256(path) for path in files}}
    (target / "card.json").write_text(json.dumps(card, indent=1, sort_keys=True) + "\n")
    return sum(path.stat().st_size for path in files)


def _halved(name: str, weight: Tensor) -> Tensor:
    if not weight.is_floating_point():
        return weight.contiguous()
    half = weight.half().contiguous()
    if not half.isfinite().all():
        raise ValueError(f"weight {name!r} reaches {float(weight.abs().max()):g}, more than half precision holds")
    return half


def _thin(log: Path, target: Path) -> None:
    """Every k-th step of a training log, and the last."""
    with log.open(newline="") as file:
        header, *rows = csv.reader(file)
    step = -(-len(rows) // HISTORY_ROWS)
    with target.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows[:-1:step], *rows[-1:]])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Ship one run."""
    parser = argparse.ArgumentParser(description="Copy a finished run's model into the repository, in half precision, with what made it.")
    parser.add_argument("run", type=Path, help="folder of the run: data/<size>/train/<run>")
    parser.add_argument("target", type=Path, help="folder to write, such as models/micro/weights/base")
    arguments = parser.parse_args()
    try:
        size = ship(arguments.run, arguments.target)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    print(f"{arguments.target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
