"""The procedural world: seeded, parametric, textured objects of many categories, each with a synthetic and a photographic material.

Because everything is generated, every truth about it is known: domain, caption, geometry, colours. The two meshes of an object share their
geometry; `smooth` carries flat surfaces (the synthetic domain of SPEC R), `detailed` the surfaces of real materials (the photographic one).
"""

from dataclasses import dataclass

import numpy as np

from data_specs.asset import Material, Mesh
from data_specs.ids import seed_from
from models.geometry.procedural_blueprint import Blueprint
from models.geometry.procedural_household import HOUSEHOLD
from models.geometry.procedural_outdoors import OUTDOORS
from models.geometry.procedural_pieces import joined
from models.geometry.procedural_textures import COLOURS, detailed_surface, smooth_surface

BUILDERS = HOUSEHOLD | OUTDOORS
CATEGORIES: tuple[str, ...] = tuple(sorted(BUILDERS))
"""What there is, in alphabetical order."""

TILE_PIXELS = 128
"""Side of one surface in the atlas."""

MARGIN_PIXELS = 8
"""Of a tile's side, repeated around its inner picture so that filtering never reaches the neighbour."""


@dataclass(frozen=True)
class ProceduralObject:
    """One object, canonical object frame, front along +Z. Both meshes have the same vertices, faces and texture coordinates."""

    smooth: Mesh
    detailed: Mesh
    caption: str
    category: str
    seed: int


def build_object(category: str, seed: int) -> ProceduralObject:
    """Make the object (category, seed) names; the same on every machine. Raises ValueError for an unknown category."""
    if category not in BUILDERS:
        raise ValueError(f"unknown category {category!r}: there are {', '.join(CATEGORIES)}")
    rng = np.random.default_rng(seed_from("procedural", category, seed))
    plan = Blueprint(rng)
    caption = BUILDERS[category](plan)
    meshes = [_mesh(plan, _atlas(plan, rng, detailed)) for detailed in (False, True)]
    return ProceduralObject(meshes[0], meshes[1], caption, category, seed)


def _mesh(plan: Blueprint, atlas: np.ndarray) -> Mesh:
    whole = joined([part for part, _ in plan.parts])
    surface = np.repeat([slot for _, slot in plan.parts], [len(part.vertices) for part, _ in plan.parts])
    low, high = whole.vertices.min(0), whole.vertices.max(0)
    vertices = (whole.vertices - (low + high) / 2.0) * (2.0 / (high - low).max())
    rows, columns = _layout(len(plan.surfaces))
    inner = (TILE_PIXELS - 2 * MARGIN_PIXELS) / TILE_PIXELS
    tile = np.stack([surface % columns, surface // columns], axis=1)
    uv = (tile + MARGIN_PIXELS / TILE_PIXELS + inner * whole.uv) / [columns, rows]
    return Mesh(
        vertices=np.clip(vertices, -1.0, 1.0).astype(np.float32),
        faces=whole.faces,
        normals=whole.normals.astype(np.float32),
        uv=uv.astype(np.float32),
        materials=(Material(texture=atlas, wrap="clamp", double_sided=False),),
    )


def _layout(count: int) -> tuple[int, int]:
    """Rows and columns of the atlas."""
    columns = int(np.ceil(np.sqrt(count)))
    return int(np.ceil(count / columns)), columns


def _atlas(plan: Blueprint, rng: np.random.Generator, detailed: bool) -> np.ndarray:
    """All surfaces of an object in one picture, (H, W, 4) uint8."""
    rows, columns = _layout(len(plan.surfaces))
    atlas = np.full((rows * TILE_PIXELS, columns * TILE_PIXELS, 4), 255, np.uint8)
    for slot, (material, name) in enumerate(plan.surfaces):
        colour, size = np.array(COLOURS[name], np.float32), TILE_PIXELS - 2 * MARGIN_PIXELS
        surface = detailed_surface(material, colour, size, rng) if detailed else smooth_surface(colour, size, rng)
        padded = np.pad(surface, ((MARGIN_PIXELS, MARGIN_PIXELS), (MARGIN_PIXELS, MARGIN_PIXELS), (0, 0)), mode="wrap")
        top, left = slot // columns * TILE_PIXELS, slot % columns * TILE_PIXELS
        atlas[top : top + TILE_PIXELS, left : left + TILE_PIXELS, :3] = np.rint(padded * 255.0)
    return atlas
