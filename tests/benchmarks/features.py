"""A training step of Realiz3D on what the stage `features` holds, against one that encodes its pictures: loss, gradient and update, on one core.

Both ways take turns; each counts with the processor time of its best step. Decoding and collating, which loader threads do beside the steps,
is measured by itself.
"""

import re
import time
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from data_specs.ids import canonical_json
from models.diffusion.features import RECORD, encode_sample
from models.image_codec import decode_member
from models.micro.shapes import BaseShape
from models.realiz3d.network import Realiz3D, Realiz3DConfig
from models.recipe import Batch, Recipe, StepRandom
from models.registry import make_recipe
from tests.tasks import fabricated

SIDE, EACH, REPEATS = 64, 4, 5
RECIPES = {"realiz3d_stage1": "shifters alone", "realiz3d_stage2": "transformer and control"}
Stored = dict[str, list[dict[str, bytes]]]


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = Realiz3D(BaseShape.model_validate({}).build(), Realiz3DConfig())
    samples = _samples(model)
    rows = [row for name, trained in RECIPES.items() for row in _compare(name, trained, model, samples)]
    torch.set_num_threads(threads)
    print("\n".join(rows), flush=True)
    return rows


def _samples(model: Realiz3D) -> dict[str, Stored]:
    """The same samples as stored pictures and as stored features of the model's base."""
    keys = ("ball_a", "ball_b", "ball_c", "ball_d")[:EACH]
    with patch.object(fabricated, "SIZE_PIXELS", SIDE):
        pictures: Stored = {"render": [fabricated._render(key) for key in keys], "matched_real": [fabricated._photographs(key) for key in keys]}
    record = canonical_json({"encoder": model.base.encoder_id, "precision": "fp32"}).encode()
    features: list[dict[str, bytes]] = []
    for key, *pair in zip(keys, *pictures.values()):
        decoded = {word: {"__key__": key, **_decoded(members)} for word, members in zip(pictures, pair)}
        features.append({**encode_sample(model.base.vae, model.base.read, decoded, "fp32"), RECORD: record})
    return {"pictures": pictures, "features": dict.fromkeys(pictures, features)}


def _decoded(members: dict[str, bytes], wanted: set[str] | None = None) -> dict[str, Any]:
    return {field: decode_member(field, data) for field, data in members.items() if wanted is None or field in wanted}


def _compare(name: str, trained: str, model: Realiz3D, samples: dict[str, Stored]) -> list[str]:
    model.requires_grad_(False)
    for part in [model.shifters] if name == "realiz3d_stage1" else [model.base.backbone, model.control]:
        part.requires_grad_(True)
    recipes = {inputs: make_recipe(name, {"inputs": inputs}) for inputs in samples}
    steps, loads = dict.fromkeys(samples, float("inf")), dict.fromkeys(samples, float("inf"))
    for _ in range(REPEATS):
        for inputs, recipe in recipes.items():
            begun = time.process_time()
            batch = _load(recipe, samples[inputs])
            loads[inputs] = min(loads[inputs], time.process_time() - begun)
            steps[inputs] = min(steps[inputs], _step(recipe, model, batch))
    return [
        f"{name} ({trained}), {2 * EACH} grids of {SIDE} px: step with features / with pictures  {steps['features'] / steps['pictures']:5.2f}"
        f"   {1e3 * steps['features']:.0f} / {1e3 * steps['pictures']:.0f} ms; decode and collate {loads['features'] / loads['pictures']:5.2f}"
        f"   {1e3 * loads['features']:.0f} / {1e3 * loads['pictures']:.0f} ms"
    ]


def _load(recipe: Recipe, stored: Stored) -> Batch:
    read = {}
    for source in recipe.sources:
        wanted = re.compile(source.members)
        fields = [{field for field in members if wanted.fullmatch(field)} for members in stored[source.word]]
        read[source.word] = [{"__key__": "ball", **_decoded(members, some)} for members, some in zip(stored[source.word], fields)]
    return recipe.collate(read, StepRandom(0, 0))


def _step(recipe: Recipe, model: nn.Module, batch: Batch) -> float:
    optimiser = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], 1e-6)
    begun = time.process_time()
    optimiser.zero_grad(set_to_none=True)
    recipe.loss(model, batch, StepRandom(0, 0))[0].backward()
    optimiser.step()
    return time.process_time() - begun
