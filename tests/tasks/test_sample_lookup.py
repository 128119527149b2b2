"""Samples are found by key, read in part, and named when they are damaged."""

from pathlib import Path

import numpy as np
import pytest

from models.image_codec import decode_image
from tasks.sample_lookup import SampleLookup
from tests.tasks.fabricated import SIZE_PIXELS, TEST, TRAIN, make_data


def test_reads_the_wanted_members_of_a_key(tmp_path: Path) -> None:
    lookup = SampleLookup(make_data(tmp_path).folder("render"))
    sample = lookup.read("ball_b", r"views\.json|front\..*")
    assert set(sample) == {"views.json", "front.rgb.png", "front.normal.png", "front.position.png", "front.depth.png"}
    assert sample["views.json"]["asset_id"] == "ball_b"
    assert sample["front.position.png"].shape == (SIZE_PIXELS, SIZE_PIXELS, 3) and sample["front.position.png"].dtype == np.uint16
    assert lookup.keys("test") == list(TEST) and set(lookup.keys()) == {*TRAIN, *TEST}
    assert "ball_b" in lookup and "ball_z" not in lookup
    with pytest.raises(ValueError, match="has no sample 'ball_z'"):
        lookup.read("ball_z")


def test_damage_names_shard_and_sample(tmp_path: Path) -> None:
    lookup = SampleLookup(make_data(tmp_path).folder("render"))
    path = lookup.path(lookup.rows["ball_e"])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"render-test-.*tar"):
        lookup.read("ball_e")


def test_a_missing_stage_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="atelier3d render"):
        SampleLookup(tmp_path / "data" / "tiny" / "render")


def test_raw_bytes_are_those_that_were_stored(tmp_path: Path) -> None:
    lookup = SampleLookup(make_data(tmp_path).folder("render"))
    assert (decode_image(lookup.raw("ball_b", "front.rgb.png")) == lookup.read("ball_b", r"front\.rgb\.png")["front.rgb.png"]).all()
    with pytest.raises(ValueError, match=r"'ball_b' has no member 'back\.jpg'"):
        lookup.raw("ball_b", "back.jpg")
    with pytest.raises(ValueError, match="has no sample 'ball_z'"):
        lookup.raw("ball_z", "front.rgb.png")
