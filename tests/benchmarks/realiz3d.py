"""Realiz3D against the bare diffusers transformer at the same token count: one training step, forward and backward, on one core.

The bare transformer, multiview mode with control, and single-image mode take turns; each counts with the processor time of its best run.
Two shapes: micro, and a grid of 4 x 256 tokens, where attention over the whole grid weighs more.
"""

import time
from collections.abc import Callable

import torch

from models.micro.shapes import BaseShape
from models.realiz3d.conditioning import Condition
from models.realiz3d.network import Realiz3D, Realiz3DConfig

REPEATS = 7
SHAPES = {"micro: 8 grids of 4 x 64 tokens": (8, 16, {}), "larger views: 2 grids of 4 x 256 tokens": (2, 32, {"latent_side": 32})}


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = [row for title, (batch, side, shape) in SHAPES.items() for row in _compare(title, batch, side, shape)]
    torch.set_num_threads(threads)
    print("\n".join(rows))
    return rows


def _compare(title: str, batch: int, side: int, shape: dict[str, int]) -> list[str]:
    model = Realiz3D(BaseShape.model_validate({"transformer": shape}).build(), Realiz3DConfig())
    plain = model.base.backbone.transformer
    latents, control = torch.randn(batch, 4, 2 * side, 2 * side), torch.randn(batch, 8, 2 * side, 2 * side)
    timesteps = torch.randint(0, 1000, (batch,))
    prompts = model.base.read(["a small red cup with a blue handle"] * batch)
    domains = model.shifters.select(["synthetic"] * batch)
    passes: dict[str, Callable[[], torch.Tensor]] = {
        "bare transformer": lambda: plain(latents, prompts.tokens, timesteps, encoder_attention_mask=prompts.mask, return_dict=False)[0],
        "Realiz3D, multiview mode, control": lambda: model(latents, timesteps, Condition(prompts, domains, control, multiview=True)),
        "Realiz3D, single-image mode": lambda: model(latents, timesteps, Condition(prompts, domains)),
    }
    best = dict.fromkeys(passes, float("inf"))
    for _ in range(REPEATS):
        for name, forward in passes.items():
            best[name] = min(best[name], _step(model, forward))
    floor = best["bare transformer"]
    return [title, *(f"  {name:34} {seconds * 1e3:7.1f} ms  {seconds / floor:5.3f} x" for name, seconds in best.items())]


def _step(model: Realiz3D, forward: Callable[[], torch.Tensor]) -> float:
    model.zero_grad(set_to_none=True)
    start = time.process_time()
    forward().square().mean().backward()
    return time.process_time() - start
