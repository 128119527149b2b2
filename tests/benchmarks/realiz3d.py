"""Realiz3D against the bare diffusers transformer at the same token count, on one core: a step of sampling and a step of training, per image.

Shifters and masks may cost 5 % over it, in multiview mode; the control comes on top. Single-image mode must cost less than multiview mode, since
its attention stays within a tile. All take turns, and each counts with the processor time of its best run.
Two shapes: micro, and a grid of 4 x 256 tokens, where attention over the whole grid weighs more.
"""

import copy
import time
from collections.abc import Callable
from unittest.mock import patch

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn import functional

from models.micro.shapes import BaseShape
from models.realiz3d.conditioning import Condition
from models.realiz3d.grid import VIEWS
from models.realiz3d.network import Realiz3D, Realiz3DConfig

REPEATS, LIMIT = 7, 1.05
SHAPES = {"micro: 8 grids of 4 x 64 tokens": (8, 16, {}), "larger views: 2 grids of 4 x 256 tokens": (2, 32, {"latent_side": 32})}
BARE, MULTIVIEW, CONTROL, SINGLE = "bare transformer", "Realiz3D, multiview mode", "Realiz3D, multiview mode, control", "Realiz3D, single-image mode"

Pass = Callable[[], Tensor]


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = [row for title, (batch, side, shape) in SHAPES.items() for row in _compare(title, batch, side, shape)]
    torch.set_num_threads(threads)
    print("\n".join(rows), flush=True)
    return rows


def _compare(title: str, batch: int, side: int, shape: dict[str, int]) -> list[str]:
    passes = _passes(batch, side, shape)
    rows = [title]
    for step, way in {"sampling": _sample, "training": _train}.items():
        best = _best(passes, way)
        rows += [
            f"  {step} step  {name:34} {1e3 * seconds / batch / VIEWS:7.2f} ms per image  {seconds / best[BARE]:5.3f} x{_verdict(name, best)}"
            for name, seconds in best.items()
        ]
    return rows + [f"  attention of {name}: over {_attended(passes[name])} tokens" for name in (MULTIVIEW, SINGLE)]


def _passes(batch: int, side: int, shape: dict[str, int]) -> dict[str, Pass]:
    """Forward passes with the same latents, captions and timesteps."""
    model = Realiz3D(BaseShape.model_validate({"transformer": shape}).build(), Realiz3DConfig())
    bare = copy.deepcopy(model.base.backbone.transformer)
    bare.set_attn_processor(AttnProcessor2_0())
    latents, control = torch.randn(batch, 4, 2 * side, 2 * side), torch.randn(batch, 8, 2 * side, 2 * side)
    timesteps = torch.randint(0, 1000, (batch,))
    prompts = model.base.read(["a small red cup with a blue handle"] * batch)
    domains = model.shifters.select(["synthetic"] * batch)
    return {
        BARE: lambda: bare(latents, prompts.tokens, timesteps, encoder_attention_mask=prompts.mask, return_dict=False)[0],
        MULTIVIEW: lambda: model(latents, timesteps, Condition(prompts, domains, multiview=True)),
        CONTROL: lambda: model(latents, timesteps, Condition(prompts, domains, control, multiview=True)),
        SINGLE: lambda: model(latents, timesteps, Condition(prompts, domains)),
    }


def _best(passes: dict[str, Pass], way: Callable[[Pass], object]) -> dict[str, float]:
    best = dict.fromkeys(passes, float("inf"))
    for _ in range(REPEATS):
        for name, forward in passes.items():
            start = time.process_time()
            way(forward)
            best[name] = min(best[name], time.process_time() - start)
    return best


@torch.no_grad()
def _sample(forward: Pass) -> None:
    forward()


def _train(forward: Pass) -> None:
    forward().square().mean().backward()


def _verdict(name: str, best: dict[str, float]) -> str:
    if name == MULTIVIEW:
        return f"   (asked: {LIMIT} at most) {'ok' if best[name] <= LIMIT * best[BARE] else 'MISSED'}"
    if name == SINGLE:
        return f"   (asked: less than multiview mode) {'ok' if best[name] < best[MULTIVIEW] else 'MISSED'}"
    return ""


@torch.no_grad()
def _attended(forward: Pass) -> int:
    """The longest run of tokens that self-attention spans in one pass."""
    spans = []
    attention = functional.scaled_dot_product_attention

    def recording(query: Tensor, key: Tensor, *rest: object, **named: object) -> Tensor:
        spans.append(key.shape[-2])
        return attention(query, key, *rest, **named)  # type: ignore[arg-type]

    with patch.object(functional, "scaled_dot_product_attention", recording):
        forward()
    return max(spans)
