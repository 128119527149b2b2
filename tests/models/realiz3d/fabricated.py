"""Small random models and decoded samples, for tests that need no data on disk."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from data_specs.view import ORTHOGONAL_NAMES
from models.micro.shapes import BaseShape
from models.micro.vae_recipe import seeded
from models.realiz3d.network import Realiz3D, Realiz3DConfig

SIDE = 16
"""Pixels of a view: latents of 8 x 8, tokens of 4 x 4."""

SHAPE: dict[str, Any] = {
    "vae": {"channels": (8, 16), "latent_channels": 4, "groups": 4},
    "transformer": {"blocks": 5, "heads": 2, "head_width": 16, "latent_side": 8, "text_channels": 8, "text_length": 6},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small are faster without threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small_base(**transformer: Any) -> BaseShape:
    """The shape of a small base; keywords change its transformer."""
    return BaseShape.model_validate({**SHAPE, "transformer": {**SHAPE["transformer"], **transformer}})


def small_model(**config: Any) -> Realiz3D:
    """A small Realiz3D with random weights; keywords are its settings."""
    with seeded("test"):
        return Realiz3D(small_base().build(), Realiz3DConfig.model_validate(config)).eval()


def stirred(model: Realiz3D) -> Realiz3D:
    """The same model with shifters and control that are not zero any more."""
    with torch.no_grad(), seeded("stirred"):
        for weight in (model.shifters.left_NDR, *model.control.parameters()):
            weight.copy_(0.3 * torch.randn_like(weight))
    return model


def render_sample(key: str, side: int = SIDE, domain: str = "synthetic", seed: int = 0) -> dict[str, Any]:
    """A decoded sample of a render shard."""
    rng = np.random.default_rng([seed, *key.encode()])
    sample: dict[str, Any] = {"__key__": key}
    views = []
    for azimuth, name in enumerate(ORTHOGONAL_NAMES):
        sample[f"{name}.rgb.png"] = rng.integers(0, 256, (side, side, 4)).astype(np.uint8)
        sample[f"{name}.normal.png"] = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
        sample[f"{name}.position.png"] = rng.integers(0, 65536, (side, side, 3)).astype(np.uint16)
        members = {kind: f"{name}.{kind}.png" for kind in ("rgb", "normal", "position")}
        views.append({"name": name, "camera": _camera(side, azimuth * 90.0), "members": members})
    sample["views.json"] = {"caption": f"a red {key}", "domain": domain, "views": views}
    return sample


def matched_sample(key: str, side: int = SIDE, pictures: int = 4) -> dict[str, Any]:
    """A decoded sample of a matched_real shard."""
    rng = np.random.default_rng([7, *key.encode()])
    members = {f"view{index}.rgb.png": rng.integers(0, 256, (side, side, 4)).astype(np.uint8) for index in range(pictures)}
    words = [("front", "right side", "back", "left side")[index % 4] for index in range(pictures)]
    return {"__key__": key, "matched.json": {"caption": f"a blue {key}", "view_words": words, "members": list(members)}, **members}


def _camera(side: int, azimuth_degrees: float) -> dict[str, Any]:
    """A camera at distance 3 that looks at the origin, in the frames of data_specs/conventions.py."""
    turn = np.radians(azimuth_degrees)
    outwards = np.array([np.sin(turn), 0.0, np.cos(turn)])
    rotation = np.stack([np.array([np.cos(turn), 0.0, -np.sin(turn)]), np.array([0.0, -1.0, 0.0]), -outwards])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ (3.0 * outwards)
    return {
        "width": side, "height": side, "focal_x": side, "focal_y": side, "centre_x": side / 2, "centre_y": side / 2,
        "camera_from_world": matrix.tolist(),
    }  # fmt: skip
