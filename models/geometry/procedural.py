"""The procedural world: seeded, parametric, textured objects of many categories, each with a synthetic and a photographic material.

Because it is generated, every truth is known: domain, caption, colours, geometry. Both meshes of an object share their geometry;
`smooth` has the material of the synthetic domain (soft shading of one colour per part), `detailed` that of the photographic domain
(grain, weave, glaze, rust, print). The colours agree in the mean, so one caption is true of both.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_specs.asset import Material, Mesh
from data_specs.ids import seed_from
from models.geometry.procedural_atlas import ATLAS_PIXELS, Assembly, Texels, assemble
from models.geometry.procedural_furniture import FURNITURE
from models.geometry.procedural_nature import NATURE
from models.geometry.procedural_paints import Design, Paint, Part
from models.geometry.procedural_tableware import TABLEWARE
from models.geometry.procedural_textures import GRAINED, Noise, Surface, detailed_look, soft_look
from models.geometry.procedural_vehicles import VEHICLES

DESIGNS: dict[str, Callable[[np.random.Generator], Design]] = dict(sorted((FURNITURE | TABLEWARE | NATURE | VEHICLES).items()))
CATEGORIES: tuple[str, ...] = tuple(DESIGNS)
"""What there is, in alphabetical order."""


@dataclass(frozen=True)
class ProceduralObject:
    """One object in the canonical object frame, front along +Z; `smooth` and `detailed` differ in their texture alone."""

    smooth: Mesh
    detailed: Mesh
    caption: str
    category: str
    seed: int


def build_object(category: str, seed: int) -> ProceduralObject:
    """Build the object that (category, seed) names, always the same. Raises ValueError for an unknown category."""
    design = draw_design(category, seed)
    assembly = assemble([part.grid for part in design.parts])
    noise = Noise(np.random.default_rng(seed_from("procedural texture", category, seed)))
    smooth, detailed = paint_atlases(design.parts, assembly, noise)
    return ProceduralObject(_textured(assembly.mesh, smooth), _textured(assembly.mesh, detailed), design.caption, category, seed)


def draw_design(category: str, seed: int) -> Design:
    """Draw the parts and the caption of an object. Raises ValueError for an unknown category."""
    if category not in DESIGNS:
        raise ValueError(f"unknown category {category!r}: there are {', '.join(CATEGORIES)}")
    return DESIGNS[category](np.random.default_rng(seed_from("procedural", category, seed)))


def _textured(mesh: Mesh, texture: np.ndarray) -> Mesh:
    return replace(mesh, materials=(Material(texture=texture, wrap="clamp", double_sided=False),))


def paint_atlases(parts: list[Part], assembly: Assembly, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Paint all charts for the synthetic and for the photographic domain: twice (512, 512, 4) uint8, opaque.

    Texels that belong to no part have the object's mean colour.
    """
    looks = [_part_looks(part, texels, assembly.scale, noise) for part, texels in zip(parts, assembly.texels, strict=True)]
    smooth, detailed = (_compose(assembly, list(colours)) for colours in zip(*looks, strict=True))
    return smooth, detailed


def _compose(assembly: Assembly, colours: list[np.ndarray]) -> np.ndarray:
    atlas = np.full((ATLAS_PIXELS, ATLAS_PIXELS, 4), 255, np.uint8)
    atlas[..., :3] = np.rint(cv2.mean(np.concatenate(colours)[:, None])[:3])
    for chart, texels, colour in zip(assembly.charts, assembly.texels, colours, strict=True):
        picture = colour.reshape(*texels.shape, 3)
        atlas[chart.window()][..., :3] = picture.swapaxes(0, 1) if chart.transposed else picture
    return atlas


def _part_looks(part: Part, texels: Texels, scale: float, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """sRGB of a part's texels with all that is painted over it, smooth and detailed, each (N, 3) uint8."""
    height = texels.position[:, 1].copy()
    height -= height.min()
    height /= max(float(height.max()), 1e-6)

    def look(paint: Paint, chosen: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        surface = _surface(part, texels, scale, paint.material in GRAINED, noise, chosen)
        return soft_look(height[chosen], paint.rgb), detailed_look(paint.material, surface, paint.rgb)

    colours = look(part.paint, slice(None))
    for mask, paint in part.marks:
        cover = mask(texels.position)
        chosen = np.flatnonzero(cover)
        for colour, over in zip(colours, look(paint, chosen)) if len(chosen) else ():
            colour[chosen] += cover[chosen, None] * (over - colour[chosen])
    smooth, detailed = (cv2.convertScaleAbs(np.maximum(colour, 0.0, out=colour), alpha=255.0) for colour in colours)
    return smooth, detailed


def _surface(part: Part, texels: Texels, scale: float, grained: bool, noise: Noise, chosen: np.ndarray | slice) -> Surface:
    axes = part.grid.axes
    corners = part.grid.points.reshape(-1, 3) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    order = np.argsort(high - low, kind="stable")[[0, 2, 1]] if grained else np.arange(3)
    facing = np.abs(texels.normal @ axes[order].T).argmax(axis=1)
    affine = np.concatenate([axes[order], -(low + high)[order, None] / 2.0], axis=1) * scale
    points = np.asarray(cv2.transform(texels.position[chosen][:, None], affine.astype(np.float32)))[:, 0]
    return Surface(points, facing[texels.cell[chosen]], ((high - low) / 2.0 * scale)[order].astype(np.float32), noise)
