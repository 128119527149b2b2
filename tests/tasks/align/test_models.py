"""The models of size paper opened together: the real classes with small random weights, each file checked by its digest."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

import models.torchvision_ops  # noqa: F401
from data_specs.ids import sha256_bytes
from data_specs.params import Params, load_params
from models.perception import grounding_dino
from models.perception.base import Box, DepthMap, Mask, Picture
from models.perception.depth_pro import DepthPro
from models.perception.foundation_pose import FoundationPose
from models.perception.hunyuan3d import Hunyuan3D
from models.perception.sam import SegmentAnything
from models.perception.u2net import U2Net
from tasks.align.mesh_preparation import ReadLimits
from tasks.align.models import Models, Setup, model_digests, open_models
from tests.models.metrics.published_networks import random_alexnet
from tests.models.perception.onnx_file import brightness_network
from tests.models.perception.small_networks import DINO_SETTINGS, quiet_dino, small_sam, small_swin, write_bert, write_depth_pro

BUILD_DINO = partial(grounding_dino.build_network, settings=DINO_SETTINGS)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Params]:
    """Size paper on a CPU, its weights replaced by small ones."""
    import segment_anything

    monkeypatch.setattr(grounding_dino, "build_network", lambda text_encoder, settings: BUILD_DINO(text_encoder))
    monkeypatch.setattr(segment_anything, "sam_model_registry", {"vit_h": small_sam})
    bert, depth = tmp_path / "bert", write_depth_pro(tmp_path / "depth_pro")
    bert.mkdir()
    names = {"detector": "dino.safetensors", "segmenter": "sam.safetensors", "background": "small.onnx", "appearance": "alexnet.safetensors"}
    files = {role: tmp_path / name for role, name in names.items()}
    with small_swin():
        network = quiet_dino(BUILD_DINO(write_bert(bert)))
        save_file({name: value.contiguous().clone() for name, value in network.state_dict().items()}, files["detector"])
        save_file(small_sam().state_dict(), files["segmenter"])
        files["background"].write_bytes(brightness_network())
        random_alexnet(files["appearance"])
        overrides = [f"{role}.weights={file}" for role, file in files.items()]
        overrides += [f"{role}.sha256={sha256_bytes(file.read_bytes())}" for role, file in files.items()]
        overrides += [f"{role}.device=cpu" for role in ("detector", "segmenter", "depth")]
        overrides += [f"detector.text_encoder={bert}", "detector.min_score=0", f"depth.weights={depth}", "mesh.server_model=none"]
        yield load_params("paper", [f"align.{one}" for one in (*overrides, "pose.command=[python, run.py, '{scene}']")])


@pytest.fixture
def opened(params: Params, tmp_path: Path) -> Models:
    return open_models.__wrapped__(Setup(params.align, ReadLimits.of(params.assets), None, str(tmp_path / "scenes")))


def test_all_of_the_papers_models_work_in_one_process(opened: Models) -> None:
    assert isinstance(opened.detector, grounding_dino.GroundingDino) and isinstance(opened.segmenter, SegmentAnything)
    assert isinstance(opened.background, U2Net) and isinstance(opened.depth, DepthPro)
    assert isinstance(opened.mesh, Hunyuan3D) and isinstance(opened.pose, FoundationPose)
    picture = Picture(np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8))
    opened.detector._short_side = 64
    (boxes,) = opened.detector.detect([picture], ["red mug"])
    assert len(boxes) == DINO_SETTINGS["num_queries"]
    (mask,) = opened.segmenter.segment([picture], [Box(5, 6, 40, 45, 1.0)])
    (alpha,) = opened.background.remove([picture])
    (depth,) = opened.depth.estimate([picture])
    assert isinstance(mask, Mask) and isinstance(alpha, np.ndarray) and isinstance(depth, DepthMap)
    assert mask.inside.shape == alpha.shape == depth.depth.shape == picture.size
    distance = opened.filters.distance
    grey = np.full((1, 128, 128, 3), 128, np.uint8)
    assert distance.name == "lpips" and float(distance(grey, grey)[0]) < 1e-6 < float(distance(grey, grey // 2)[0])


def test_every_one_of_them_is_part_of_a_shard(params: Params) -> None:
    digests = model_digests(params.align, None)
    assert all(digests[role] for role in ("detector", "text_encoder", "segmenter", "background", "depth", "pose", "appearance"))
