"""GroundingDINO's own classes with small random weights: pre-processing, batching, loading, and what is said when something is missing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from data_specs.align_params import DetectorParams
from data_specs.ids import sha256_bytes
from models.perception.base import Picture
from models.perception.grounding_dino import GroundingDino, build_network, caption, network_input, text_encoder_digest
from models.perception.weights import MissingWeights
from tests.models.perception.small_networks import DINO_SETTINGS, WORDS, quiet_dino, small_swin, write_bert

pytest.importorskip("groundingdino", reason="groundingdino-py is not installed")


@pytest.fixture(scope="module")
def text_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module", autouse=True)
def small_backbone() -> Iterator[None]:
    with small_swin():
        yield


def test_another_vocabulary_is_another_text_encoder(text_encoder: str, tmp_path: Path) -> None:
    shutil.copytree(text_encoder, tmp_path / "same")
    shutil.copytree(text_encoder, tmp_path / "other")
    (tmp_path / "other" / "vocab.txt").write_text("\n".join([*WORDS, "hat"]))
    same, other = (text_encoder_digest(str(tmp_path / name)) for name in ("same", "other"))
    assert same == text_encoder_digest(text_encoder) != other
    with pytest.raises(MissingWeights, match=r"BERT tokenizer and weights 'nobody/nothing' \(440 MB.*text_encoder to their folder"):
        text_encoder_digest("nobody/nothing")


@pytest.fixture(scope="module")
def network(text_encoder: str) -> Any:
    torch.manual_seed(1)
    return quiet_dino(build_network(text_encoder, DINO_SETTINGS).eval())


def pictures() -> list[Picture]:
    rng = np.random.default_rng(0)
    return [Picture(rng.integers(0, 255, (height, width, 3)).astype(np.uint8)) for height, width in ((60, 90), (80, 50))]


def test_boxes_lie_in_the_picture_best_first(network: Any) -> None:
    found = GroundingDino(network, 0.0, 64).detect(pictures(), ["red mug", "toy car"])
    assert [len(boxes) for boxes in found] == [20, 20]
    for picture, boxes in zip(pictures(), found, strict=True):
        height, width = picture.size
        assert all(0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height for box in boxes)
        assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)
    assert found[1][0].phrase == "toy car"


def test_scores_are_those_of_the_packages_own_recipe(network: Any) -> None:
    """The same as `predict` of groundingdino.util.inference on one picture: sigmoid, best token, centre and size."""
    picture = pictures()[0]
    with torch.no_grad():
        answer = network(network_input(picture.rgb, 64)[None], captions=["red mug."])
    scores = answer["pred_logits"].sigmoid()[0].max(dim=1)[0]
    best = int(scores.argmax())
    centre_x, _, across, _ = answer["pred_boxes"][0, best].tolist()
    box = GroundingDino(network, 0.0, 64).detect([picture], ["Red  mug."])[0][0]
    assert box.score == pytest.approx(float(scores[best]), abs=1e-6)
    assert box.left == pytest.approx(max(0.0, (centre_x - across / 2) * 90), abs=1e-3)


def test_the_least_score_leaves_boxes_out(network: Any) -> None:
    every = GroundingDino(network, 0.0, 64).detect(pictures()[:1], ["mug"])[0]
    middle = sorted({box.score for box in every})[-2]
    some = GroundingDino(network, middle, 64).detect(pictures()[:1], ["mug"])[0]
    assert some == [box for box in every if box.score >= middle]
    assert 0 < len(some) < len(every)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (900, 100), (512, 512)])
def test_pre_processing_is_the_packages(size: tuple[int, int]) -> None:
    transforms = pytest.importorskip("groundingdino.datasets.transforms")
    theirs = transforms.Compose([
        transforms.RandomResize([800], max_size=1333), transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    ])  # fmt: skip
    rgb = np.random.default_rng(2).integers(0, 255, (*size, 3)).astype(np.uint8)
    expected, _ = theirs(Image.fromarray(rgb), None)
    torch.testing.assert_close(network_input(rgb, 800), expected, atol=1e-5, rtol=1e-5)


def test_captions_are_one_sentence() -> None:
    assert caption("  A Toy. Car ") == "a toy car."


def test_weights_are_loaded_only_when_they_are_the_right_ones(network: Any, text_encoder: str, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    tensors = {name: value.contiguous().clone() for name, value in network.state_dict().items()}
    save_file(tensors, file)
    params = DetectorParams(kind="grounding_dino", weights=str(file), text_encoder=text_encoder, min_score=0.0)
    with pytest.raises(MissingWeights, match=r"not a published file: set align\.detector\.sha256"):
        GroundingDino.open(params, DINO_SETTINGS)
    right = params.model_copy(update={"sha256": sha256_bytes(file.read_bytes())})
    loaded = GroundingDino.open(right, DINO_SETTINGS)
    loaded._short_side = 64
    assert loaded.detect(pictures(), ["mug", "car"]) == GroundingDino(network, 0.0, 64).detect(pictures(), ["mug", "car"])
    tensors.pop("feat_map.weight")
    save_file(tensors, file)
    with pytest.raises(ValueError, match=r"lacks 1 tensors of this GroundingDINO, feat_map\.weight first"):
        GroundingDino.open(params.model_copy(update={"sha256": sha256_bytes(file.read_bytes())}), DINO_SETTINGS)


def test_a_missing_text_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"align\.detector\.text_encoder"):
        build_network(str(tmp_path / "nothing"), DINO_SETTINGS)
