"""The stage as a whole: shards, decisions, credits; the same bytes from every run."""

import io
import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
import trimesh

from data_specs.asset import AssetRecord, CatalogueLine
from data_specs.decision import Decision
from data_specs.ids import sha256_bytes, split_of
from data_specs.manifest import Manifest
from data_specs.params import Params, load_params
from data_specs.sample import Sample
from models.geometry.glb_reader import read_glb
from tasks.artefacts import Workspace
from tasks.assets import task as stage
from tasks.assets.asset_builder import AssetJob, build_asset
from tasks.fan_out import Pool
from tasks.shard_io import read_shard

BOX = trimesh.creation.box((2.0, 1.0, 1.0)).export(file_type="glb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "meshes"
    made.mkdir()
    entries = []
    for number in range(6):
        (made / f"box{number}.glb").write_bytes(BOX)
        licence = "CC0-1.0" if number < 4 else "CC-BY-NC-4.0"
        entries.append({"file": f"box{number}.glb", "caption": f"box number {number}", "license": licence, "author": f"Author {number % 2}"})
    (made / "broken.glb").write_bytes(BOX[:100])
    (made / "manifest.json").write_text(json.dumps(entries))
    return made


def settings(**assets: object) -> Params:
    overrides = [f"assets.{key}={json.dumps(value)}" for key, value in assets.items()]
    return load_params("tiny", ["execution.backend=inline", *overrides])


def run(root: Path, params: Params) -> tuple[Manifest, list[Sample]]:
    workspace = Workspace.open("tiny", root)
    plans = stage.plan(workspace, params)
    with Pool(params.execution) as pool:
        for plan in plans:
            stage.build.fn(workspace, params, plan, pool)
    manifest = stage.publish(workspace, params, plans)
    output = workspace.folder("assets")
    return manifest, [sample for path in sorted((output / "shards").iterdir()) for sample in read_shard(path)]


def contents(root: Path) -> dict[str, bytes]:
    output = Workspace.open("tiny", root).folder("assets")
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()}


def test_a_folder_becomes_shards_decisions_and_credits(folder: Path, tmp_path: Path) -> None:
    params = settings(source="folder", location=str(folder), licences=["CC0-1.0"], shard_items=2)
    manifest, samples = run(tmp_path / "a", params)
    assert manifest.entered == 7 and manifest.samples() == len(samples) == 4
    dropped = {decision.item_id: decision.rule for decision in manifest.decisions()}
    assert dropped == {"box4": "licence", "box5": "licence", "broken": "licence"}
    assert all(len(row.inputs) <= 2 for row in manifest.shards)
    for row in manifest.shards:
        assert all(split_of(key, params.assets.validation, params.assets.test) == row.split for key in row.samples)
    page = contents(tmp_path / "a")["ATTRIBUTION.md"].decode()
    assert "https://creativecommons.org/publicdomain/zero/1.0/" in page and "- `box1`, box number 1, by Author 1" in page
    assert "box4" not in page


def test_every_run_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    params = settings(source="folder", location=str(folder))
    manifest, _ = run(tmp_path / "a", params)
    run(tmp_path / "b", params)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert {d.item_id: d.rule for d in manifest.decisions()} == {"broken": "truncated"}
    assert str(tmp_path) not in "".join(decision.message for decision in manifest.decisions())


def test_a_changed_file_changes_its_shard_alone(folder: Path, tmp_path: Path) -> None:
    params = settings(source="folder", location=str(folder), shard_items=1)
    workspace = Workspace.open("tiny", tmp_path)
    before = {plan.shard_id for plan in stage.plan(workspace, params)}
    (folder / "box2.glb").write_bytes(trimesh.creation.box((1.0, 1.0, 1.0)).export(file_type="glb"))
    after = {plan.shard_id for plan in stage.plan(workspace, params)}
    assert len(before) == len(after) == 7 and len(before & after) == 6


def test_members_of_a_sample(folder: Path, tmp_path: Path) -> None:
    _, samples = run(tmp_path / "a", settings(source="folder", location=str(folder)))
    for sample in samples:
        record = AssetRecord.model_validate_json(sample.members["asset.json"])
        assert record.line.asset_id == sample.key and record.mesh_sha256 == sha256_bytes(sample.members["mesh.glb"])
        assert record.faces == len(read_glb(sample.members["mesh.glb"]).faces) == 12
        picture = cv2.imdecode(np.frombuffer(sample.members["preview.jpg"], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (256, 256, 3) and abs(picture[0, 0].astype(int) - 225).max() < 4 and picture[128, 128].min() > 250
        assert set(sample.members) == {"asset.json", "mesh.glb", "preview.jpg"}


def test_the_catalogue_says_where_an_object_faces(folder: Path, tmp_path: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps([{"file": "box0.glb", "front": "-x"}]))
    _, samples = run(tmp_path / "a", settings(source="folder", location=str(folder), count=2))
    sides = {sample.key: np.ptp(read_glb(sample.members["mesh.glb"]).vertices, axis=0) for sample in samples}
    np.testing.assert_allclose(sides["box0"], [1.0, 1.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(sides["box1"], [2.0, 1.0, 1.0], atol=1e-6)


def test_the_procedural_world_has_both_materials(tmp_path: Path) -> None:
    manifest, samples = run(tmp_path / "a", settings(count=4, shard_items=4))
    assert manifest.decisions() == [] and len(samples) == 4
    for sample in samples:
        record = AssetRecord.model_validate_json(sample.members["asset.json"])
        assert record.line.caption and record.line.category and record.line.licence == "CC0-1.0"
        smooth, detailed = read_glb(sample.members["mesh.glb"]), read_glb(sample.members["photographic.glb"])
        np.testing.assert_allclose(np.abs(smooth.vertices).max(), 1.0, atol=1e-5)
        np.testing.assert_allclose(smooth.vertices.min(axis=0), detailed.vertices.min(axis=0), atol=1e-5)


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_list_of_addresses(address: str, tmp_path: Path) -> None:
    digest = sha256_bytes(BOX)
    rows = [f"{address}/box0.glb,{digest},MIT License", f"{address}/gone.glb,{digest[::-1]},MIT", f"{address}/box1.glb,{'0' * 64},MIT"]
    rows += [f"{address}/page.html,{digest},MIT", f"file:///box2.glb,{digest},MIT", f"{address}/box3.glb,,MIT"]
    (tmp_path / "list.csv").write_text("fileIdentifier,sha256,license\n" + "\n".join(rows) + "\n")
    params = settings(source="url", location=str(tmp_path / "list.csv"), private_hosts=["127.0.0.1"])
    manifest, samples = run(tmp_path / "a", params)
    rules = sorted((decision.item_id.split("_")[0], decision.rule) for decision in manifest.decisions())
    assert rules == [("box1", "sha256"), ("box2", "unsafe_uri"), ("box3", "sha256"), ("gone", "download"), ("page", "unsupported_format")]
    assert [AssetRecord.model_validate_json(sample.members["asset.json"]).line.attribution for sample in samples] == [f"{address}/box0.glb"]


def test_work_gives_a_sample_or_a_decision(folder: Path) -> None:
    line = CatalogueLine(asset_id="box0", source="folder", location="box0.glb", suffix=".glb", sha256="0" * 64)
    sample, decisions = build_asset(AssetJob(line, settings().assets, str(folder), ""))
    assert sample is None and decisions == [Decision(item_id="box0", stage="assets", verdict="dropped", rule="sha256", message=decisions[0].message)]
    sample, decisions = build_asset(AssetJob(line.model_copy(update={"sha256": ""}), settings().assets, str(folder), ""))
    assert sample is not None and not decisions
    assert trimesh.load(io.BytesIO(sample.members["mesh.glb"]), file_type="glb").to_geometry().extents.max() == pytest.approx(2.0)
