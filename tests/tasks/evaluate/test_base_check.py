"""The check of a base: numbers of samples whose answers are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.metrics.embedder import NAMINGS
from tasks.evaluate.base_check import describe, measure_base
from tasks.evaluate.embedding import OpenedEmbedder
from tests.models.metrics.test_caption_retrieval import CAPTIONS, Colours, coloured


def noisy(names: list[str], level: float) -> np.ndarray:
    noise = np.random.default_rng(len(names)).normal(0.0, level, (len(names), 1, 1, 3))
    return np.clip(coloured(names) + noise, 0, 255).astype(np.uint8)


def test_samples_like_photographs_are_nearer_to_them() -> None:
    asked = CAPTIONS * 4
    chosen = OpenedEmbedder(Colours(), NAMINGS["micro"], [])
    measured = measure_base(chosen, noisy(asked, 8.0), asked, {"photographs": noisy(asked, 9.0), "renders": noisy(["red", "red", "blue"] * 4, 8.0)})
    assert measured["retrieval"] == 1.0 and measured["chance"] == pytest.approx(1 / 3)
    assert measured["fid@micro:photographs"] < measured["fid@micro:renders"]
    assert measured["kid@micro:photographs"] < measured["kid@micro:renders"]


def test_description_says_to_which_side_it_is_nearer(tmp_path: Path) -> None:
    path = tmp_path / "base_check.json"
    record = {"base": "base", "captions": 12, "retrieval": 0.5, "chance": 0.1, "fid@micro:photographs": 2.0, "fid@micro:renders": 1.0}
    path.write_text(json.dumps(record))
    assert "50.0% (chance 10.0%)" in describe(path) and describe(path).endswith("nearer to renders")
