"""The stage render on hand-made assets: what is stored decodes to the geometry it came from."""

from pathlib import Path

import numpy as np
import pytest

from data_specs.asset import Material
from data_specs.conventions import POSITION_SCALE, decode_depth, decode_normal, decode_position
from data_specs.params import Params, load_params
from data_specs.view import ORTHOGONAL_NAMES, ViewsRecord
from models.geometry.camera_math import reprojection_error
from models.image_codec import decode_member
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger
from tasks.render import task
from tasks.shard_io import read_shard
from tests.models.renderers.shapes import card, cube
from tests.tasks.asset_folder import write_assets

OVERRIDES = ["render.plan=turntable8", "render.light=environment", "render.samples_per_edge_pixel=1", "render.size_pixels=16"]


def _ghost() -> Material:
    return Material(np.array([1, 1, 1, 0.1], np.float32), alpha_mode="blend")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_assets(tmp_path, {"box": (cube(), None), "ghost": (card(_ghost()), None)})


def _run(workspace: Workspace, params: Params) -> list[Path]:
    plans = task.plan(workspace, params)
    with Pool(params.execution) as pool:
        rows = [task.build.fn(workspace, params, plan, pool) for plan in plans]
    task.publish(workspace, params, plans)
    return [workspace.folder("render") / row.file for row in rows]


def test_stored_maps_decode_to_the_geometry_they_came_from(workspace: Workspace) -> None:
    """Positions within half a quantum of the cube's faces, and back on their pixel centre within half a pixel."""
    (path,) = _run(workspace, load_params("tiny"))
    (sample,) = read_shard(path)
    views = ViewsRecord.model_validate_json(sample.members["views.json"])
    assert (views.asset_id, views.caption, views.domain, views.light) == ("box", "a box", "synthetic", "uniform")
    assert tuple(view.name for view in views.views) == ORTHOGONAL_NAMES
    for view in views.views:
        maps = {name: decode_member(field, sample.members[field]) for name, field in view.members.items()}
        assert maps["rgb"].shape == (32, 32, 4) and maps["position"].dtype == maps["depth"].dtype == np.uint16
        mask = maps["depth"] > 0
        position, depth = decode_position(maps["position"], mask), decode_depth(maps["depth"])
        assert reprojection_error(position, mask, view.camera.to_camera()) < 0.5
        assert np.abs(np.abs(position[mask]).max(axis=-1) - 1).max() <= POSITION_SCALE
        assert np.abs(depth[mask] - 4).max() < 1e-3, "every orthogonal camera sees one face, 4 m away"
        towards = view.camera.to_camera().world_position() / 5
        assert np.abs(decode_normal(maps["normal"], mask)[mask] - towards).max() < 0.01
        assert (maps["rgb"][mask][:, 3] > 0).all()


def test_mixed_lights_are_two_domains(tmp_path: Path) -> None:
    """Each asset is rendered as under its one light alone, and says which domain that is."""
    records, pictures = {}, {}
    for light in ("mixed", "uniform", "environment"):
        workspace = write_assets(tmp_path / light, {name: (cube(), None) for name in ("box", "crate", "cube", "die")})
        (path,) = _run(workspace, load_params("tiny", [f"render.light={light}", "render.size_pixels=8", "render.samples_per_edge_pixel=1"]))
        for sample in read_shard(path):
            records[light, sample.key] = ViewsRecord.model_validate_json(sample.members["views.json"])
            pictures[light, sample.key] = sample.members["front.rgb.png"]
    chosen = {key: (record.light, record.domain) for (light, key), record in records.items() if light == "mixed"}
    assert set(chosen.values()) == {("uniform", "synthetic"), ("environment", "randomly_lit")}
    assert all(pictures["mixed", key] == pictures[light, key] for key, (light, _) in chosen.items())
    assert {record.domain for (light, _), record in records.items() if light != "mixed"} == {"synthetic"}


def test_assets_that_show_nothing_become_decisions(workspace: Workspace) -> None:
    params = load_params("tiny")
    _run(workspace, params)
    (row,) = Ledger(workspace.folder("render"), "render").rows(task.plan(workspace, params))
    assert row.samples == ["box"]
    assert [(d.item_id, d.verdict, d.rule) for d in row.decisions] == [("ghost", "dropped", "nothing_visible")]


@pytest.mark.parametrize("override", OVERRIDES)
def test_what_reaches_the_bytes_names_the_shard_and_reruns_repeat_it(workspace: Workspace, tmp_path: Path, override: str) -> None:
    params = load_params("tiny", [override])
    (path,) = _run(workspace, params)
    again = write_assets(tmp_path / "again", {"box": (cube(), None), "ghost": (card(_ghost()), None)})
    (twin,) = _run(again, params)
    assert twin.name == path.name and twin.read_bytes() == path.read_bytes()
    assert path.name != task.plan(workspace, load_params("tiny"))[0].file_name
    slower = load_params("tiny", [override, "render.timeout_s=500", "execution.workers=3"])
    assert task.plan(workspace, slower)[0].file_name == path.name


def test_missing_assets_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="assets"):
        task.plan(Workspace.open("tiny", tmp_path), load_params("tiny"))


def test_assets_that_changed_after_planning_are_noticed(workspace: Workspace) -> None:
    params = load_params("tiny")
    (plan,) = task.plan(workspace, params)
    stale = plan.model_copy(update={"inputs": ["0" * 64]})
    with Pool(params.execution) as pool, pytest.raises(ValueError, match="no longer"):
        task.build.fn(workspace, params, stale, pool)
