"""Four consistent views by DDIM with inference-time domain shifting (SPEC R8, paper section 4.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.diffusion.guidance import guide
from models.diffusion.pictures import to_uint8
from models.diffusion.prompts import Prompts
from models.diffusion.sampler import ddim_sample
from models.realiz3d.binding import last_block
from models.realiz3d.conditioning import Condition, control_from_views
from models.realiz3d.grid import from_grid
from models.realiz3d.network import Realiz3D, load_model
from models.realiz3d.shifter import reassign

Randomness = np.random.Generator | Sequence[np.random.Generator]
"""One generator for all samples of a batch, or one for each: then a sample does not depend on which others share its batch."""

__all__ = ["SamplingSettings", "control_from_views", "load_model", "sample_tiles", "sample_views", "shifted_blocks"]


@dataclass(frozen=True)
class SamplingSettings:
    """steps: of DDIM. guidance: scale, on the text alone. layer_share: B_max as a share of the blocks, 0 = no block.
    time_threshold: t_max, above 999 = no timestep. The defaults are the paper's, but for guidance, which it does not give."""

    steps: int = 50
    guidance: float = 4.5
    layer_share: float = 0.3
    time_threshold: int = 950


def shifted_blocks(blocks: int, timestep: int, settings: SamplingSettings) -> int:
    """How many first blocks use the synthetic domain at a timestep: all while t >= t_max, else blocks 0..B_max."""
    if timestep >= settings.time_threshold:
        return blocks
    return last_block(blocks, settings.layer_share) + 1 if settings.layer_share > 0 else 0


def sample_views(
    model: Realiz3D, control: Tensor, captions: list[str], settings: SamplingSettings, rng: Randomness, done: Callable[[], None] | None = None
) -> np.ndarray:
    """Generate the real-domain views of B objects that follow their control: (B, 4, H, W, 3) uint8, in tile order.

    A model that makes its views apart makes four pictures of the size of the control, which it does not follow.
    control: B stacked results of `control_from_views`. rng: one generator, or B. done: called after every step.
    Raises ValueError when captions and controls differ in number.
    """
    if len(control) != len(captions):
        raise ValueError(f"{len(control)} controls for {len(captions)} captions")
    synthetic, real = model.shifters.index("synthetic"), model.shifters.select(["real"] * len(captions))
    noise = _noise(model, control, len(captions), rng)
    together, prompts = model.config.views == "together", model.base.read(captions)
    encoded = model.encode_control(control.to(model.device)) if together else None

    def condition_at(t: int) -> Condition:
        domains_BN = reassign(real, synthetic, shifted_blocks(model.blocks, t, settings))
        return Condition(prompts, domains_BN, encoded, multiview=together)

    return _sample(model, noise, settings, condition_at, done)


def sample_tiles(model: Realiz3D, domain: str, captions: list[str], settings: SamplingSettings, rng: np.random.Generator) -> np.ndarray:
    """Generate four single pictures of one domain for each of B captions, without control: (B, 4, H, W, 3) uint8 (what stage 1 learns)."""
    domains_BN = model.shifters.select([domain] * len(captions))
    condition = Condition(model.base.read(captions), domains_BN)
    return _sample(model, _noise(model, None, len(captions), rng), settings, lambda t: condition)


def streams_of(rng: Randomness, count: int) -> Sequence[np.random.Generator]:
    """The generator of each of `count` samples. Raises ValueError when there are not as many as samples."""
    streams = [rng] * count if isinstance(rng, np.random.Generator) else rng
    if len(streams) != count:
        raise ValueError(f"{len(streams)} generators for {count} samples")
    return streams


def _noise(model: Realiz3D, control: Tensor | None, count: int, rng: Randomness) -> Tensor:
    shape = model.latent_shape(control)
    return torch.from_numpy(np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams_of(rng, count)])).to(model.device)


@torch.no_grad()
def _sample(
    model: Realiz3D, noise: Tensor, settings: SamplingSettings, condition_at: Callable[[int], Condition], done: Callable[[], None] | None = None
) -> np.ndarray:
    null = model.base.read([""] * len(noise))

    def network(condition: Condition, x: Tensor, t: int, text: Prompts) -> Tensor:
        return model(x, _times(x, t), _for_batch(condition, text, len(x)))

    def predict(noisy: Tensor, t: int) -> Tensor:
        condition = condition_at(t)
        predicted = guide(lambda x, text: network(condition, x, t, text), noisy, condition.prompts, null, settings.guidance)
        if done is not None:
            done()
        return predicted

    latents = ddim_sample(predict, noise, settings.steps, model.base.schedule)
    pictures = model.base.decode(from_grid(latents).flatten(0, 1))
    return to_uint8(pictures).reshape(len(noise), -1, *pictures.shape[-2:], 3)


def _times(noisy: Tensor, t: int) -> Tensor:
    return torch.full((len(noisy),), t, device=noisy.device)


def _for_batch(condition: Condition, prompts: Prompts, count: int) -> Condition:
    """Guidance is on the text only: the same domain and control stand beside the null prompt and the caption."""
    times = count // len(condition.domains)
    control = None if condition.control is None else condition.control.repeat(times, *[1] * (condition.control.ndim - 1))
    return replace(condition, prompts=prompts, domains=condition.domains.repeat(times, 1), control=control)
