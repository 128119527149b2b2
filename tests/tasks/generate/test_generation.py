"""From a mesh file and a prompt to a folder of results, on small random models."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_specs.camera import CameraRecord
from data_specs.params import SIZES, Params, load_params
from data_specs.view import ORTHOGONAL_NAMES
from models.geometry.camera_math import view_plan
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.procedural import build_object
from models.image_codec import decode_image
from models.realiz3d.network import save_model
from models.registry import make_recipe
from tasks.artefacts import Workspace
from tasks.generate.generation import generate
from tasks.generate.model_source import advice, run_for
from tests.tasks.asset_folder import write_assets

TRANSFORMER = {"blocks": 3, "heads": 2, "head_width": 8, "latent_side": 8}
SIZE = 32


def fresh(recipe: str, **network: object) -> Any:
    """A small network of random weights as a recipe starts with it."""
    return make_recipe(recipe, {"random_base": {"vae": {"channels": [8, 8, 8]}, "transformer": TRANSFORMER}, "network": network}).build({})


def make_model(folder: Path, control: str) -> Path:
    """Random weights whose shifters and control do something: fresh ones are zero."""
    network = fresh("realiz3d_stage1", control=control)
    torch.manual_seed(0)
    for weight in (network.shifters.left_NDR, *network.control.parameters()):
        torch.nn.init.normal_(weight, std=0.3)
    folder.mkdir()
    save_model(network, folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: make_model(folder / kind, control) for kind, control in (("texture", "maps"), ("multiview", "viewpoint"))}


@pytest.fixture(scope="module")
def mug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mug of 20 cm that stands beside the origin, not centred."""
    mesh = build_object("mug", 0).smooth
    path = tmp_path_factory.mktemp("meshes") / "My Mug.glb"
    path.write_bytes(write_glb(replace(mesh, vertices=(mesh.vertices * 0.1 + np.array([3.0, 0.1, -2.0])).astype(np.float32))))
    return path


def asked(**generate: object) -> Params:
    params = load_params("tiny")
    return params.model_copy(update={"generate": params.generate.model_copy(update={"sampling_steps": 2, "out": "made", **generate})})


def asked_at(size: str, kind: str) -> Params:
    return load_params(size, [f"generate.kind={kind}"])


def test_texture_writes_everything(tmp_path: Path, models: dict[str, Path], mug: Path) -> None:
    workspace = Workspace(tmp_path, "tiny")
    page = generate(workspace, asked(mesh=str(mug), prompt="a <b>red</b> mug", model=str(models["texture"])))
    folder = tmp_path / "made"
    assert page == folder / "index.html"
    maps = {f"{name}{kind}.png" for name in ORTHOGONAL_NAMES for kind in ("", ".normal", ".position")}
    assert {path.name for path in folder.iterdir()} == maps | {"cameras.json", "generation.json", "model.glb", "index.html"}
    assert decode_image((folder / "front.png").read_bytes()).shape == (SIZE, SIZE, 3)
    record = json.loads((folder / "generation.json").read_text())
    assert record["prompt"] == "a <b>red</b> mug" and record["mesh"]["name"] == "My Mug.glb"
    assert record["model_glb"]["atlas"] == "own" and 0.3 < record["model_glb"]["seen"] < 1.0
    assert record["model_glb"]["psnr"] > 15.0


@pytest.mark.parametrize("front", ["+z", "+x", "-z"])
def test_the_model_stands_where_its_source_stood(tmp_path: Path, models: dict[str, Path], mug: Path, front: str) -> None:
    generate(Workspace(tmp_path, "tiny"), asked(mesh=str(mug), prompt="a mug", model=str(models["texture"]), front=front))
    before, after = (read_glb(path.read_bytes()) for path in (mug, tmp_path / "made" / "model.glb"))
    np.testing.assert_allclose(after.vertices[after.faces], before.vertices[before.faces], atol=1e-6)
    assert len(after.materials) == 1 and after.materials[0].texture is not None and after.materials[0].texture.shape == (256, 256, 4)


def test_the_page_stands_alone(tmp_path: Path, models: dict[str, Path], mug: Path) -> None:
    page = generate(Workspace(tmp_path, "tiny"), asked(mesh=str(mug), prompt="a <b>red</b> mug", model=str(models["texture"]))).read_text()
    assert "a &lt;b&gt;red&lt;/b&gt; mug" in page and "<b>red" not in page
    assert not re.search(r'(?:src|href)\s*=\s*"(?!data:|#)', page)
    assert "http:" not in page and "https:" not in page and "default-src 'none'" in page
    assert page.count("<figure>") == 12


def test_multiview_writes_views_and_cameras(tmp_path: Path, models: dict[str, Path]) -> None:
    page = generate(Workspace(tmp_path, "tiny"), asked(kind="multiview", prompt="a blue car", model=str(models["multiview"])))
    names = {path.name for path in page.parent.iterdir()}
    assert names == {f"{name}.png" for name in ORTHOGONAL_NAMES} | {"cameras.json", "generation.json", "index.html"}
    cameras = json.loads((page.parent / "cameras.json").read_text())
    for view, (name, camera) in zip(cameras["views"], view_plan("orthogonal4", SIZE, 0), strict=True):
        stored = CameraRecord.model_validate(view["camera"]).to_camera()
        assert (view["name"], view["file"]) == (name, f"{name}.png")
        assert stored.intrinsics == camera.intrinsics
        np.testing.assert_array_equal(stored.camera_from_world, camera.camera_from_world)
    assert "<canvas" not in page.read_text()


def test_the_same_again_and_nothing_left_of_what_was_there(tmp_path: Path, models: dict[str, Path], mug: Path) -> None:
    workspace, texture = Workspace(tmp_path, "tiny"), asked(mesh=str(mug), prompt="a mug", model=str(models["texture"]))
    folder = generate(workspace, texture).parent
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "notes.txt").write_text("mine")
    generate(workspace, asked(kind="multiview", prompt="a mug", model=str(models["multiview"])))
    assert not (folder / "model.glb").exists() and not (folder / "front.normal.png").exists()
    generate(workspace, texture)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_realism_changes_the_pictures(tmp_path: Path, models: dict[str, Path], mug: Path) -> None:
    workspace = Workspace(tmp_path, "tiny")
    made = set()
    for real in (0.0, 0.8, 1.0):
        folder = generate(workspace, asked(mesh=str(mug), prompt="a mug", model=str(models["texture"]), real=real)).parent
        made.add((folder / "front.png").read_bytes())
    assert len(made) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mesh": "nowhere.glb"}, "nowhere.glb is not there"),
        ({"prompt": ""}, "--prompt"),
        ({"model": "realiz3d_stage9"}, "train 'realiz3d_stage9' first"),
        ({"kind": "multiview", "model": ""}, "'realiz3d_multiview_stage2' has no model yet: `atelier3d train --size tiny --set 'train.sequence=["),
        ({"kind": "multiview"}, "was trained for texture, not for multiview: realiz3d_multiview_stage2 is the run for multiview"),
        ({"size_pixels": 30}, "multiple of 8"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, models: dict[str, Path], mug: Path, change: dict[str, object], message: str) -> None:
    whole = {"mesh": str(mug), "prompt": "a mug", "model": str(models["texture"])}
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(Workspace(tmp_path, "tiny"), asked(**{**whole, **change}))


@pytest.mark.parametrize("recipe", ["realiz3d_warmup", "realiz3d_stage1", "realiz3d_adapter", "realiz3d_layers"])
def test_a_model_that_has_learned_no_control_is_refused(tmp_path: Path, mug: Path, recipe: str) -> None:
    (tmp_path / "model").mkdir()
    network = fresh(recipe)
    if recipe == "realiz3d_layers":
        torch.nn.init.normal_(network.control.grown.weight)  # views apart are reason enough
    save_model(network, tmp_path / "model")
    with pytest.raises(ValueError, match=r"'model' has not learned any control.*: realiz3d_stage2 is the run for texture, `atelier3d train "):
        generate(Workspace(tmp_path, "tiny"), asked(mesh=str(mug), prompt="a mug", model=str(tmp_path / "model")))


def test_every_size_has_its_run_for_each_kind_or_says_where_one_is() -> None:
    kinds = ("texture", "multiview")
    runs = {size: [run_for(asked_at(size, kind)) for kind in kinds] for size in SIZES}
    assert runs["tiny"] == runs["micro"] == ["realiz3d_stage2", "realiz3d_multiview_stage2"]
    assert runs["paper"] == ["realiz3d_stage2", ""]
    assert "data_specs/params/micro.yaml" in advice(asked_at("paper", "multiview"))


def test_without_a_mesh_a_held_out_asset_is_taken(tmp_path: Path, models: dict[str, Path]) -> None:
    workspace = write_assets(tmp_path, {"mug": (build_object("mug", 0).smooth, None)}, split="test")
    page = generate(workspace, asked(model=str(models["texture"]), out=""))
    assert page == workspace.folder("generate") / "index.html"
    record = json.loads((page.parent / "generation.json").read_text())
    assert record["prompt"] == "a mug" and record["mesh"]["name"] == "mug"


def test_a_broken_mesh_is_named(tmp_path: Path, models: dict[str, Path]) -> None:
    broken = tmp_path / "broken.glb"
    broken.write_bytes(b"glTF but not really")
    with pytest.raises(ValueError, match=r"broken\.glb cannot be used"):
        generate(Workspace(tmp_path, "tiny"), asked(mesh=str(broken), prompt="a mug", model=str(models["texture"])))
