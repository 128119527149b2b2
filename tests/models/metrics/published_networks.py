"""Small or random weights of the papers' metric networks, in the files that they are read from."""

import io
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import models.torchvision_ops  # noqa: F401
from data_specs.ids import sha256_bytes
from data_specs.published_embedder import PublishedEmbedderParams


def random_alexnet(path: Path) -> Path:
    """AlexNet's convolutions at random, under torchvision's names."""
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    generator = torch.Generator().manual_seed(0)
    tensors = {f"features.{n}.weight": torch.randn(shape, generator=generator) / np.prod(shape[1:]) ** 0.5 for n, shape in shapes.items()}
    tensors |= {f"features.{n}.bias": torch.randn(shape[0], generator=generator) * 0.1 for n, shape in shapes.items()}
    save_file(tensors, path)
    return path


def random_inception(path: Path) -> Path:
    """A checkpoint with the names and shapes of the published one. The package builds no network without weights, so it is told not to load any."""
    from torch_fidelity import FeatureExtractorInceptionV3

    class Bare(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_: object, **__: object) -> None:
            """Keep what the layers began with."""

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Bare("bare", ["2048"], feature_extractor_weights_path=nothing)
        for weight in (weight for name, weight in network.named_parameters() if name.endswith("conv.weight")):
            torch.nn.init.normal_(weight, std=float(np.sqrt(2.0 / weight[0].numel())))  # as the layers begin, nothing would come through
    torch.save(network.state_dict(), path)
    return path


def small_clip(folder: Path) -> Path:
    """A CLIP of two layers with a tokenizer of single letters."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", *letters, *(f"{letter}</w>" for letter in letters), "<|endoftext|>"]
    ends = {"bos_token_id": 0, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**tower, **ends, "vocab_size": len(words), "max_position_embeddings": 16, "projection_dim": 24}
    vision = {**tower, "image_size": 48, "patch_size": 16, "projection_dim": 24}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48}).save_pretrained(folder)
    return folder


def published_params(folder: Path) -> PublishedEmbedderParams:
    """All three, written below a folder."""
    files = {"inception": random_inception(folder / "inception.pth"), "alexnet": random_alexnet(folder / "alexnet.safetensors")}
    given = {name: {"weights": str(file), "sha256": sha256_bytes(file.read_bytes())} for name, file in files.items()}
    return PublishedEmbedderParams.model_validate({**given, "clip": f"path:{small_clip(folder / 'clip')}"})
