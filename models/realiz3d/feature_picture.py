"""The feature picture (SPEC R12, appendix A.1): what the blocks of a base hold while it denoises, as three principal components in colour.

Where there is much noise, and in early blocks, they hold coarse structure that both domains share; late in both senses, fine appearance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from models.diffusion.backbone import ForwardPlan
from models.diffusion.guidance import guide
from models.diffusion.pictures import sheet, to_uint8
from models.diffusion.prompts import Prompts
from models.diffusion.sampler import ddim_sample
from models.diffusion.text_to_image import TextToImage

TIMESTEPS = (800, 700, 500, 200)
STEPS = 20
STYLES = ("photorealistic", "cartoon", "watercolor", "anime", "comic")
"""Of the paper's prompts, in turn."""


@dataclass(frozen=True)
class Features:
    """What P pictures passed through. maps: (timestep, block) -> tokens leaving the block, (P, height, width, D) float32.

    pictures: (P, H, W, 3) uint8, what came out.
    """

    maps: dict[tuple[int, int], np.ndarray] = field(repr=False)
    pictures: np.ndarray = field(repr=False)


def styled(captions: list[str]) -> list[str]:
    """Prompts of diverse styles: caption k in style k."""
    return [f"{caption}, {STYLES[place % len(STYLES)]}" for place, caption in enumerate(captions)]


def depths(blocks: int) -> tuple[int, ...]:
    """Beginning, middle and end of the blocks."""
    return (0, blocks // 2, blocks - 1)


@torch.no_grad()
def collect_features(
    base: TextToImage, prompts: list[str], guidance: float, streams: Sequence[np.random.Generator], timesteps: Sequence[int] = TIMESTEPS
) -> Features:
    """Sample a picture for each of P prompts in 20 steps and keep what leaves the blocks of `depths` at the visited timesteps nearest to those asked.

    guidance: scale; the features are of the half with the text. streams: a generator of noise for each picture.
    """
    backbone = base.backbone
    shape = (backbone.channels, backbone.side, backbone.side)
    noise = torch.from_numpy(np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams])).to(base.device)
    visited = base.schedule.sampling_timesteps(STEPS, tuple(noise.shape))
    asked = {visited[int(np.abs(np.subtract(visited, timestep)).argmin())]: timestep for timestep in timesteps}
    wanted, maps = depths(backbone.blocks), {}
    texts, null = base.read(prompts), base.read([""] * len(prompts))

    def run(noisy: Tensor, t: int, text: Prompts) -> Tensor:
        def keep(block: int, tokens: Tensor) -> None:
            if t in asked and block in wanted:
                maps[asked[t], block] = _as_map(tokens[-len(prompts) :], backbone.side // backbone.patch)

        return backbone(noisy, torch.full((len(noisy),), t, device=noisy.device), text, ForwardPlan(after_block=keep))

    latents = ddim_sample(lambda x, t: guide(lambda both, text: run(both, t, text), x, texts, null, guidance), noise, STEPS, base.schedule)
    return Features(maps, to_uint8(base.decode(latents)))


def feature_picture(features: Features) -> np.ndarray:
    """The pictures in a row, then for every timestep, from noise down, a row for every depth, early blocks first: (rows * H, P * W, 3) uint8.

    Every row has principal components of its own: colours mean nothing across rows.
    """
    height, width = features.pictures.shape[1:3]
    order = sorted(features.maps, key=lambda at: (-at[0], at[1]))
    rows = [_enlarged(principal_colours(features.maps[at]), height, width) for at in order]
    return sheet([features.pictures, *rows])


def principal_colours(maps: np.ndarray) -> np.ndarray:
    """The first three principal components of all tokens of (P, h, w, D) maps, each stretched to [0, 1]: (P, h, w, 3) float32.

    The sign of a component is that in which its largest loading is positive.
    """
    tokens = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    centred = tokens - tokens.mean(axis=0)
    loadings = np.linalg.svd(centred, full_matrices=False)[2][:3].T
    loadings = loadings * np.sign(np.take_along_axis(loadings, np.abs(loadings).argmax(axis=0)[None], axis=0))
    scores = centred @ loadings
    spread = np.ptp(scores, axis=0)
    seen = spread > 1e-9 * max(spread.max(), 1e-9)  # what does not vary but by rounding stays black
    scaled = (scores - scores.min(axis=0)) / np.where(seen, spread, np.inf)
    return scaled.reshape(*maps.shape[:-1], 3).astype(np.float32)


def _as_map(tokens: Tensor, side: int) -> np.ndarray:
    return tokens.float().unflatten(1, (side, side)).cpu().numpy()


def _enlarged(colours: np.ndarray, height: int, width: int) -> np.ndarray:
    levels = np.rint(colours * 255.0).astype(np.uint8)
    return np.stack([cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST) for picture in levels])
