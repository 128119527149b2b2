"""Every damage that a stored sample may have is found under its own rule."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_specs.sample import Sample
from models.geometry.glb_writer import write_glb
from models.image_codec import decode_image, encode_png
from tasks.align import work_item
from tasks.align.verification import check_sample
from tasks.artefacts import Workspace
from tasks.broken_rule import BrokenRuleError
from tasks.ledger import read_manifest
from tasks.shard_io import read_shard
from tests.models.renderers.shapes import cube
from tests.tasks.align.quick_models import build_everything, quick_params, write_pictures

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    root = tmp_path_factory.mktemp("aligned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work_item, "open_models", work_item.open_models)
        build_everything(root, quick_params(write_pictures(root / "pictures", 1)))
    folder = Workspace(root, "tiny").folder("align")
    return next(sample for row in read_manifest(folder).shards for sample in read_shard(folder / row.file))


def picture(field: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Members], None]:
    def damage(members: Members) -> None:
        members[field] = encode_png(np.ascontiguousarray(change(decode_image(members[field]).copy())))

    return damage


def record(change: Callable[[dict], None]) -> Callable[[Members], None]:
    def damage(members: Members) -> None:
        plain = json.loads(members["subject.json"])
        change(plain)
        members["subject.json"] = json.dumps(plain).encode()

    return damage


DAMAGE: dict[str, list[Callable[[Members], None]]] = {
    "wrong_subject": [record(lambda plain: plain.update(subject_id="another"))],
    "missing_member": [lambda members: members.pop("mask.png") and None, lambda members: members.pop("front.position.png") and None],
    "wrong_type": [picture("posed.png", lambda rgba: rgba[..., :3]), picture("back.position.png", lambda coded: (coded >> 8).astype(np.uint8))],
    "wrong_size": [picture("mask.png", lambda mask: mask[:-1]), picture("left.rgb.png", lambda rgba: rgba[:, :-1])],
    "nothing_visible": [picture("position.png", np.zeros_like)],
    "mask": [picture("posed.png", np.zeros_like)],
    "reprojection": [
        picture("position.png", lambda coded: np.where(coded > 0, np.minimum(coded, 60_000) + 5000, 0).astype(np.uint16)),
        record(lambda plain: plain["camera"].update(focal_x=1.1 * plain["camera"]["focal_x"])),
        record(lambda plain: plain["views"].reverse() or [view.update(members=plain["views"][0]["members"]) for view in plain["views"]]),
    ],
    "silhouette": [picture("mask.png", lambda mask: np.roll(mask, 6, axis=0))],
    "extent": [lambda members: members.update({"mesh.glb": write_glb(cube(0.5))})],
}


def test_a_sample_of_the_stage_passes(sample: Sample) -> None:
    measured = check_sample(sample)
    assert measured["reprojection_pixels"] < 0.1 and measured["silhouette_iou"] > 0.95


@pytest.mark.parametrize(("rule", "number"), [(rule, number) for rule in DAMAGE for number in range(len(DAMAGE[rule]))])
def test_each_damage_has_its_rule(sample: Sample, rule: str, number: int) -> None:
    members = dict(sample.members)
    DAMAGE[rule][number](members)
    with pytest.raises(BrokenRuleError) as broken:
        check_sample(Sample(sample.key, members))
    assert broken.value.rule == rule


def test_what_fails_its_check_is_dropped_with_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(sample: Sample) -> None:
        raise BrokenRuleError("reprojection", "a stored position lands 9.00 pixels from its pixel", 9.0, 1.0)

    monkeypatch.setattr(work_item, "check_sample", broken)
    monkeypatch.setattr(work_item, "open_models", work_item.open_models)
    build_everything(tmp_path, quick_params(write_pictures(tmp_path / "pictures", 1)))
    manifest = read_manifest(tmp_path / "data/tiny/align")
    assert manifest.samples() == 0 and [one.rule for one in manifest.decisions() if one.verdict == "dropped"] == ["reprojection"]
