"""Verification: true samples pass, each kind of damage is named by its rule, a damaged tar stops the stage with advice."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_specs.conventions import DEPTH_SCALE
from data_specs.manifest import Manifest
from data_specs.params import ExecutionParams, Params, load_params
from data_specs.sample import Sample
from models.image_codec import decode_image, encode_png
from tasks.artefacts import Workspace
from tasks.fan_out import Pool
from tasks.ledger import Ledger, read_manifest, shard_path
from tasks.shard_io import index_shard, read_shard, write_shard
from tasks.shards import task as stage
from tasks.shards.verification import Pair, verify
from tasks.stored_samples import StoredSample
from tests.tasks.fabricated import TEST, TRAIN, make_data

PIXELS = 0.5


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_data(tmp_path)


@pytest.fixture
def params() -> Params:
    return load_params("tiny")


def run(workspace: Workspace, params: Params) -> Manifest:
    plans = stage.plan(workspace, params)
    with Pool(ExecutionParams(backend="inline", workers=1, retries=0, recycle_after=1, shards_in_flight=1)) as pool:
        for plan in Ledger(workspace.folder("shards"), "shards").pending(plans):
            stage.build.fn(workspace, params, plan, pool)
    return stage.publish(workspace, params, plans)


def sample_of(workspace: Workspace, word: str, key: str) -> Sample:
    folder = workspace.folder(word)
    row = next(row for row in read_manifest(folder).shards if key in row.samples)
    return next(sample for sample in read_shard(shard_path(folder, row)) if sample.key == key)


def rule_of(tmp_path: Path, render: Sample, matched: Sample) -> str | None:
    """The rule that drops a pair of samples, None when they pass."""
    stored = []
    for name, sample in (("render", render), ("matched", matched)):
        write_shard(tmp_path / f"{name}.tar", [sample])
        stored.append(StoredSample(str(tmp_path / f"{name}.tar"), index_shard(tmp_path / f"{name}.tar")[sample.key]))
    sample, decisions = verify(Pair(render.key, *stored, PIXELS))
    assert (sample is None) == bool(decisions)
    return decisions[0].rule if decisions else None


def painted(field: str, change: Callable[[np.ndarray], None]) -> Callable[[dict[str, bytes]], None]:
    """A change of one picture's pixels."""

    def apply(members: dict[str, bytes]) -> None:
        pixels = decode_image(members[field]).copy()
        change(pixels)
        members[field] = encode_png(pixels)

    return apply


def centre(value: object) -> Callable[[np.ndarray], None]:
    def change(pixels: np.ndarray) -> None:
        pixels[pixels.shape[0] // 2, pixels.shape[1] // 2] = value

    return change


def shift_depth(pixels: np.ndarray) -> None:
    pixels[pixels > 0] += int(0.01 / DEPTH_SCALE)  # one centimetre


def swap_axes(pixels: np.ndarray) -> None:
    pixels[:] = pixels[..., ::-1].copy()


def corner(pixels: np.ndarray) -> None:
    pixels[0, 0] = 200


def edit_json(field: str, **changes: object) -> Callable[[dict[str, bytes]], None]:
    def apply(members: dict[str, bytes]) -> None:
        members[field] = json.dumps(json.loads(members[field]) | changes).encode()

    return apply


DAMAGE: dict[str, tuple[str, Callable[[dict[str, bytes]], None]]] = {
    "depth_position": ("depth moved by a centimetre", painted("front.depth.png", shift_depth)),
    "reprojection": ("positions with x and z swapped", painted("right.position.png", swap_axes)),
    "normal_length": ("a normal of no length", painted("front.normal.png", centre(128))),
    "normal_away": ("a normal that looks away", painted("front.normal.png", centre((127, 127, 0)))),
    "mask": ("position where there is no surface", painted("front.position.png", corner)),
    "missing_member": ("a view without its depth", lambda members: members.pop("back.depth.png") and None),
    "wrong_type": ("depth in 8 bits", lambda members: members.update({"left.depth.png": encode_png(np.zeros((32, 32), np.uint8))})),
    "wrong_size": ("a picture of another size", lambda members: members.update({"left.rgb.png": encode_png(np.zeros((16, 16, 4), np.uint8))})),
    "unreadable": ("a cut picture", lambda members: members.update({"front.rgb.png": members["front.rgb.png"][:60]})),
    "wrong_asset": ("the record of another asset", edit_json("views.json", asset_id="other")),
}


def test_true_samples_pass(tmp_path: Path, workspace: Workspace) -> None:
    for key in (*TRAIN, *TEST):
        assert rule_of(tmp_path, sample_of(workspace, "render", key), sample_of(workspace, "matched_real", key)) is None


@pytest.mark.parametrize("rule", DAMAGE, ids=lambda rule: f"{rule}: {DAMAGE[rule][0]}")
def test_each_damage_has_its_rule(tmp_path: Path, workspace: Workspace, rule: str) -> None:
    render = sample_of(workspace, "render", "ball_a")
    members = dict(render.members)
    DAMAGE[rule][1](members)
    assert members != render.members
    assert rule_of(tmp_path, Sample("ball_a", members), sample_of(workspace, "matched_real", "ball_a")) == rule


def test_damaged_pictures_of_matched_real_are_found(tmp_path: Path, workspace: Workspace) -> None:
    render, matched = (sample_of(workspace, word, "ball_a") for word in ("render", "matched_real"))
    field = json.loads(matched.members["matched.json"])["members"][2]
    empty = encode_png(np.zeros((32, 32, 4), np.uint8))
    assert rule_of(tmp_path, render, Sample("ball_a", {**matched.members, field: empty})) == "nothing_visible"
    assert rule_of(tmp_path, render, Sample("ball_a", {**matched.members, "matched.json": b"{}"})) == "unreadable"


def test_stage_keeps_the_good_and_does_nothing_twice(workspace: Workspace, params: Params) -> None:
    manifest = run(workspace, params)
    assert sorted(key for row in manifest.shards for key in row.samples) == sorted(TRAIN + TEST)
    assert manifest.inputs == {word: read_manifest(workspace.folder(word)).digest() for word in ("render", "matched_real")}
    assert Ledger(workspace.folder("shards"), "shards").pending(stage.plan(workspace, params)) == []
    stricter = load_params("tiny", ["shards.reprojection_pixels=0.25"])
    assert len(Ledger(workspace.folder("shards"), "shards").pending(stage.plan(workspace, stricter))) == len(manifest.shards)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
@pytest.mark.parametrize("word", ["render", "matched_real"])
def test_a_damaged_tar_stops_the_stage_with_advice(workspace: Workspace, params: Params, word: str, damage: str) -> None:
    """Flipped: of the right size, and in the middle of a picture, where the tar itself still reads."""
    folder = workspace.folder(word)
    row = read_manifest(folder).shards[0]
    path = shard_path(folder, row)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    else:
        offset, size = next(place for field, place in index_shard(path)[row.samples[0]].items() if field.endswith(".rgb.png"))
        data[offset + size // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=rf"{row.file}.*delete .*rows/{row.shard_id}\.json.*atelier3d {word}"):
        run(workspace, params)
