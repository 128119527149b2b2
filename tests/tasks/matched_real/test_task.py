"""The stage matched_real on hand-made assets."""

from pathlib import Path

import numpy as np
import pytest

from data_specs.asset import Material
from data_specs.ids import seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import load_params
from data_specs.sample import Sample
from models.geometry.camera_math import view_plan
from models.image_codec import decode_member
from tasks.artefacts import Workspace
from tasks.asset_shards import stored_assets
from tasks.fan_out import Pool
from tasks.matched_real import task
from tasks.matched_real.pictures import WORD, PictureJob, picture_asset
from tasks.shard_io import read_shard
from tests.models.renderers.shapes import card, cube
from tests.tasks.asset_folder import write_assets

GREEN = Material(np.array([0.1, 1.0, 0.1, 1.0], np.float32))
INVISIBLE = Material(np.array([1.0, 1.0, 1.0, 0.0], np.float32), alpha_mode="blend")


@pytest.fixture
def built(tmp_path: Path) -> tuple[Workspace, list[Sample], list[str]]:
    meshes = {"ghost": (card(INVISIBLE), None), "plain": (cube(), None), "twin": (cube(), card(GREEN, z=0.1, half_side=0.5))}
    workspace, params = write_assets(tmp_path, meshes), load_params("tiny")
    (plan,) = task.plan(workspace, params)
    with Pool(params.execution) as pool:
        row = task.build.fn(workspace, params, plan, pool)
    task.publish(workspace, params, [plan])
    return workspace, list(read_shard(workspace.folder("matched_real") / row.file)), [f"{d.item_id} {d.rule}" for d in row.decisions]


def test_four_pictures_of_each_asset(built: tuple[Workspace, list[Sample], list[str]]) -> None:
    _, samples, decisions = built
    assert [sample.key for sample in samples] == ["plain", "twin"] and decisions == ["ghost nothing_visible"]
    for sample in samples:
        record = MatchedRealRecord.model_validate_json(sample.members["matched.json"])
        assert tuple(record.view_words) == VIEW_WORDS and record.caption == f"a {sample.key}"
        assert record.members == [f"view{i}.rgb.png" for i in range(4)]
        pictures = [decode_member(field, sample.members[field]) for field in record.members]
        assert all(picture.shape == (32, 32, 4) and picture[..., 3].max() == 255 for picture in pictures)
        assert len({picture.tobytes() for picture in pictures}) == 4, "each has its own viewpoint and sky"


def test_the_photographic_twin_is_pictured_where_there_is_one(built: tuple[Workspace, list[Sample], list[str]]) -> None:
    _, samples, _ = built
    plain, twin = (decode_member("view0.rgb.png", sample.members["view0.rgb.png"]).astype(int) for sample in samples)
    for picture, is_green in ((plain, False), (twin, True)):
        seen = picture[picture[..., 3] == 255][:, :3].mean(axis=0)
        assert (seen[1] > 1.3 * seen[0]) == is_green


def test_a_disc_seen_on_edge_is_looked_at_again(tmp_path: Path) -> None:
    """With a seed whose viewpoint near the right side lies in the plane of a card."""
    shown = card(GREEN)
    cameras = {seed: view_plan("photographic4", 32, seed_from(seed, WORD, "disc"), shown.vertices) for seed in range(1000)}
    seed = min(cameras, key=lambda seed: abs(cameras[seed][1][1].world_position()[2]))
    workspace = write_assets(tmp_path, {"disc": (shown, None)})
    found = {}
    for redraws in (0, 3):
        params = load_params("tiny", [f"matched_real.redraws={redraws}", f"seed={seed}"])
        (plan,) = task.plan(workspace, params)
        (asset,) = stored_assets(workspace, plan)
        found[redraws] = picture_asset(PictureJob(asset, params.matched_real, params.seed))
    assert found[0][0] is None and found[0][1][0].rule == "nothing_visible"
    sample, decisions = found[3]
    assert decisions == [] and all(decode_member(field, sample.members[field])[..., 3].any() for field in sample.members if field.endswith("png"))
    assert picture_asset(PictureJob(asset, params.matched_real, params.seed)) == found[3], "a rerun gives the same bytes"


def test_the_seed_names_the_shard_and_time_limits_do_not(built: tuple[Workspace, list[Sample], list[str]]) -> None:
    workspace, _, _ = built
    params = load_params("tiny")
    variants = [params, params.model_copy(update={"seed": 3}), load_params("tiny", ["matched_real.timeout_s=9"])]
    names = [task.plan(workspace, variant)[0].file_name for variant in variants]
    assert names[0] != names[1] and names[0] == names[2]
