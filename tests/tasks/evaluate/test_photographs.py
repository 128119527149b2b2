"""Photographs as the reference of realism: those of matched_real where it has them, the very same ones rendered where it has pictures of a base."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks.evaluate.photographs
from data_specs.asset import Material
from data_specs.matched_real import MatchedRealRecord
from data_specs.params import load_params
from models.diffusion.pictures import on_white
from models.image_codec import decode_member
from tasks.artefacts import Workspace
from tasks.asset_shards import named_assets
from tasks.evaluate.photographs import open_photographs
from tasks.matched_real.pictures import PictureJob, picture_asset
from tests.models.renderers.shapes import card, cube
from tests.tasks.asset_folder import write_assets

PARAMS = load_params("tiny", ["matched_real.source=base_model"])
GREEN = Material(np.array([0.1, 1.0, 0.1, 1.0], np.float32))
INVISIBLE = Material(np.array([1.0, 1.0, 1.0, 0.0], np.float32), alpha_mode="blend")
KEYS = ["ghost", "plain", "twin"]


class Data:
    """Stands for `Subjects`: where the real pictures come from is all that is asked."""

    def __init__(self, source: str) -> None:
        self.source = source

    def real_source(self, key: str) -> str:
        return self.source

    def real_pictures(self, key: str) -> np.ndarray:
        return np.full((4, 8, 8, 3), KEYS.index(key), np.uint8)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_assets(tmp_path, {"ghost": (card(INVISIBLE), None), "plain": (cube(), None), "twin": (cube(), card(GREEN, z=0.1, half_side=0.5))})


def opened(workspace: Workspace, source: str) -> Any:
    return open_photographs(workspace, PARAMS, Data(source), KEYS)  # type: ignore[arg-type]


def test_what_is_rendered_is_what_matched_real_would_have(workspace: Workspace) -> None:
    photographs = opened(workspace, "base_model")
    assert list(photographs.of) == ["plain", "twin"] and photographs.rendered  # nothing is seen of the ghost
    for asset in named_assets(workspace, ["plain", "twin"]):
        sample, _ = picture_asset(PictureJob(asset, PARAMS.matched_real, PARAMS.seed))
        assert sample is not None
        record = MatchedRealRecord.model_validate_json(sample.members["matched.json"])
        expected = np.stack([on_white(decode_member(field, sample.members[field])) for field in record.members])
        np.testing.assert_array_equal(photographs.of[asset.key], expected)


def test_photographs_are_taken_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    first = opened(workspace, "base_model")
    assert "evaluate-photographs: 3/3" in capsys.readouterr().err
    monkeypatch.setattr(tasks.evaluate.photographs, "_photograph", lambda *_: pytest.fail("taken again"))
    again = opened(workspace, "base_model")
    assert again.rendered == first.rendered and all(np.array_equal(again.of[key], first.of[key]) for key in first.of)


def test_those_of_matched_real_are_used_where_there_are_some(workspace: Workspace) -> None:
    photographs = opened(workspace, "photographic_render")
    assert not photographs.rendered and [int(pictures[0, 0, 0, 0]) for pictures in photographs.of.values()] == [0, 1, 2]


def test_an_asset_that_is_gone_is_named(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="no asset 'lost'"):
        open_photographs(workspace, PARAMS, Data("base_model"), ["lost"])  # type: ignore[arg-type]
