"""CLIP on a small random model of the real class: cosines are those of its own forward pass."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.metrics.clip_match import ClipMatch
from models.metrics.embedder import prompt_match
from tests.models.metrics.published_networks import small_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip"))


def test_cosines_are_those_of_the_model(folder: Path) -> None:
    from PIL import Image
    from transformers import CLIPModel, CLIPProcessor

    pictures, texts = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8), ["a cup", "a red car", "b"]
    match = ClipMatch.open(folder)
    ours = match.pictures(pictures) @ match.texts(texts).T
    processor, network = CLIPProcessor.from_pretrained(folder), CLIPModel.from_pretrained(folder).eval()
    with torch.no_grad():
        inputs = processor(text=texts, images=[Image.fromarray(picture) for picture in pictures], return_tensors="pt", padding=True)
        found = network(**inputs).logits_per_image / network.logit_scale.exp()
    np.testing.assert_allclose(ours, found.numpy(), atol=1e-5)
    assert prompt_match(match, pictures, "a cup") == pytest.approx(ours[:, 0].mean(), abs=1e-6)  # type: ignore[arg-type]


def test_long_texts_are_cut_and_batches_change_nothing(folder: Path) -> None:
    match = ClipMatch.open(folder)
    np.testing.assert_allclose(np.linalg.norm(match.texts(["a b c d " * 20, "a"]), axis=1), 1.0, rtol=1e-5)
    pictures = np.random.default_rng(1).integers(0, 255, (35, 48, 48, 3), dtype=np.uint8)
    np.testing.assert_allclose(match.pictures(pictures)[33:], match.pictures(pictures[33:]), atol=1e-5)


def test_a_folder_without_safetensors_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "vocab.json", "merges.txt", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="does not hold a CLIP model"):
        ClipMatch.open(tmp_path)
