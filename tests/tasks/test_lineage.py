"""The chain closes: run -> data -> shards -> assets -> authors, picture -> run, asset -> runs."""

import json
from pathlib import Path

import pytest

from tasks.artefacts import Workspace
from tasks.ledger import read_manifest
from tasks.lineage import lineage
from tasks.lineage_tree import Node, draw
from tests.tasks.fabricated import TEST, TRAIN, WEIGHTS, make_data, make_run


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_data(tmp_path_factory.mktemp("lineage"))
    make_run(made, "realiz3d_stage1")
    make_run(made, "realiz3d_stage2", {"shifted": "realiz3d_stage1"})
    return made


def test_run_leads_to_weights_data_shards_assets_and_licences(workspace: Workspace) -> None:
    text = "\n".join(lineage(workspace, "realiz3d_stage2"))
    render = read_manifest(workspace.folder("render"))
    assert WEIGHTS in text and "steps=40" in text
    assert "shifted: run realiz3d_stage1" in text
    assert render.digest() in text
    train, test = [next(row for row in render.shards if row.split == split) for split in ("train", "test")]
    assert train.sha256 in text and test.sha256 not in text
    asset_shard = next(row for row in read_manifest(workspace.folder("assets")).shards if row.split == "train")
    assert f"made of assets/{asset_shard.file}" in text and asset_shard.sha256 in text
    assert all(text.count(f"asset {key}: folder {key}.glb, licence CC0-1.0") == 1 for key in TRAIN)
    assert not any(f"asset {key}:" in text for key in TEST)


def test_unknown_commit_is_said(workspace: Workspace) -> None:
    assert any("commit unknown" in line for line in lineage(workspace, "realiz3d_stage1"))


def test_asset_leads_forward_to_its_shards_and_runs(workspace: Workspace) -> None:
    trained, held_out = "\n".join(lineage(workspace, TRAIN[0])), "\n".join(lineage(workspace, TEST[0]))
    assert trained.count("run realiz3d_stage2") == 2  # by its renders and by its photographs
    assert "assets train shard" in trained
    assert "was trained on it" not in held_out and "by Eve <eve@example.org>" in held_out


def test_pictures_lead_back(workspace: Workspace) -> None:
    grid = workspace.folder("train") / "realiz3d_stage1" / "pictures" / "step-00000040.png"
    assert lineage(workspace, str(grid))[1] == "└─ run realiz3d_stage1 (realiz3d_stage1-0123456789abcdef)"
    (workspace.folder("evaluate")).mkdir(exist_ok=True)
    metrics = workspace.folder("evaluate") / "metrics.json"
    metrics.write_text(f'{{"run": "realiz3d_stage2", "weights_sha256": "{WEIGHTS}"}}')
    sample = lineage(workspace, "data/tiny/evaluate/samples/ball_e.real.png")
    assert WEIGHTS in sample[0] and "views of asset ball_e" in sample[1]
    assert "run realiz3d_stage2 (" in sample[2]
    with pytest.raises(ValueError, match="neither a sampling grid"):
        lineage(workspace, "holiday.png")


def test_changed_data_is_not_passed_off_as_the_training_data(tmp_path: Path) -> None:
    made = make_data(tmp_path)
    make_run(made, "realiz3d_stage1")
    manifest = made.folder("render") / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"entered":6', '"entered":7'))
    text = "\n".join(lineage(made, "realiz3d_stage1"))
    assert "data render" in text and "no longer on disk" in text


def test_unknown_subject_names_what_there_is(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match=r"runs are realiz3d_stage1, realiz3d_stage2; assets are ball_a"):
        lineage(workspace, "realiz3d_stage3")


def test_tree_is_drawn_with_branches() -> None:
    tree = Node("root", [Node("first", [Node("leaf")]), Node("last", [Node("leaf")])])
    assert draw(tree) == ["root", "├─ first", "│  └─ leaf", "└─ last", "   └─ leaf"]


def test_pictures_of_a_suite_lead_to_the_run_of_their_row(workspace: Workspace) -> None:
    folder = workspace.folder("evaluate") / "a_suite"
    folder.mkdir(parents=True)
    rows = [{"name": name, "runs": {"1": {"run": name, "weights_sha256": WEIGHTS}}} for name in ("realiz3d_stage1", "realiz3d_stage2")]
    (folder / "metrics.json").write_text(json.dumps({"suite": "a_suite", "rows": rows}))
    text = "\n".join(lineage(workspace, str(folder / "samples" / "ball_e.realiz3d_stage1.png")))
    assert "run realiz3d_stage1 (" in text and "run realiz3d_stage2" not in text and "by Eve" in text
    with pytest.raises(ValueError, match="neither a sampling grid"):
        lineage(workspace, str(folder / "samples" / "ball_e.nobody.png"))
