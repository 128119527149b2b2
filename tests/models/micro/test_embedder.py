"""The micro embedder and its training: the contrastive loss against CLIP's formula, equal captions, what is saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.micro.embedder import Embedder, EmbedderShape, load_embedder, save_embedder
from models.micro.embedder_recipe import same_captions
from models.recipe import StepRandom
from models.registry import make_recipe
from tests.models.realiz3d.fabricated import matched_sample, render_sample

SHAPE = {"side_pixels": 16, "channels": [8, 16], "width": 12, "text_channels": 16, "text_layers": 1}
SAMPLES = {"render": [render_sample("cup"), render_sample("jug")], "matched_real": [matched_sample("cup"), matched_sample("jar")]}
RNG = StepRandom(0, 0)


def recipe(**config: Any) -> Any:
    return make_recipe("micro_embedder", {"shape": SHAPE, **config})


def pictures(count: int = 5, side: int = 16) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def test_loss_is_that_of_clip_where_all_captions_differ() -> None:
    made = recipe(domain_weight=0.0)
    network = made.build({})
    batch = made.collate({"render": SAMPLES["render"]}, RNG)
    loss, _ = made.loss(network, batch, RNG)
    images = network.embed_pictures(batch["pixels"].float() / 127.5 - 1)[0]
    scores = network.log_temperature.exp() * images @ network.embed_texts(batch["captions"]).T
    labels = torch.arange(len(scores))
    torch.testing.assert_close(loss, (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2, atol=1e-5, rtol=0)


def test_equal_captions_are_no_wrong_answers() -> None:
    expected = torch.tensor([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    assert torch.equal(same_captions(["a cup", "a jug", "a cup"]), expected)


def test_batch_names_its_domains_and_captions() -> None:
    batch = recipe().collate(SAMPLES, RNG)
    assert batch["pixels"].shape == (4, 3, 16, 16) and batch["pixels"].dtype == torch.uint8
    assert batch["captions"] == ["a red cup", "a red jug", "a blue cup", "a blue jar"]
    assert batch["photographic"].tolist() == [0, 0, 1, 1]


def test_everything_trains() -> None:
    made = recipe()
    network = made.build({})
    made.loss(network, made.collate(SAMPLES, RNG), RNG)[0].backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch() -> None:
    embedder = Embedder(EmbedderShape.model_validate(SHAPE)).eval()
    whole = embedder.pictures(pictures())
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(whole[2:3], embedder.pictures(pictures()[2:3]), atol=1e-5)
    texts = embedder.texts(["a cup", "a very long wooden jug"])
    np.testing.assert_allclose(texts[:1], embedder.texts(["a cup"]), atol=1e-5)


def test_layers_halve_the_side_and_larger_pictures_are_scaled() -> None:
    embedder = Embedder(EmbedderShape.model_validate(SHAPE)).eval()
    assert [layer.shape for layer in embedder.layers(pictures(3, 32))] == [(3, 8, 8, 8), (3, 16, 4, 4)]
    assert embedder.features(pictures(3, 32)).shape == (3, 16)


def test_folder(tmp_path: Path) -> None:
    embedder = Embedder(EmbedderShape.model_validate(SHAPE)).eval()
    save_embedder(embedder, tmp_path)
    assert np.array_equal(load_embedder(tmp_path).pictures(pictures()), embedder.pictures(pictures()))
    (tmp_path / "embedder.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="micro embedder"):
        load_embedder(tmp_path)


def test_groups_must_divide_the_widths() -> None:
    with pytest.raises(ValueError, match="groups 8"):
        Embedder(EmbedderShape(channels=(8, 12)))
