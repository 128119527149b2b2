"""What an asset is: where it comes from, whose it is, and its clean mesh."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

UpAxis = Literal["y", "z"]
Front = Literal["+z", "-z", "+x", "-x"]
"""Where an object faces once its up axis is Y; the canonical object frame has it at +Z."""


class CatalogueLine(BaseModel):
    """One asset that may be built: enough to fetch or generate it, and to credit its author."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset_id: str
    source: Literal["procedural", "folder", "url"]
    location: str
    """procedural: `category/seed`; folder: path relative to the catalogue's root; url: http(s) address."""
    suffix: str = ""
    """Ending of the mesh format (`.glb`) of folder and url lines; it may come from the list and not from the location."""
    caption: str = ""
    category: str = ""
    up_axis: UpAxis = "y"
    front: Front = "+z"
    licence: str = "unknown"
    author: str = ""
    attribution: str = ""
    """Where the asset was published (address or repository), as credit lines want it."""
    sha256: str = ""
    """Of the file at `location`; empty = unknown (allowed for local folders, required for urls)."""
    companions_sha256: str = ""
    """folder: digest of the material, buffer and picture files around an OBJ, glTF or PLY file, so that a changed texture is noticed."""


class AssetRecord(BaseModel):
    """The `asset.json` member of an asset shard: the catalogue line plus what was measured on the clean mesh."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: CatalogueLine
    split: Literal["train", "validation", "test"]
    faces: int
    vertices: int
    materials: int
    textures: int
    source_from_object_scale: float
    """Multiply object-frame lengths by this to get the source file's units."""
    source_from_object_offset: tuple[float, float, float]
    """The bounding-box centre in the source file's units, after the up axis was turned to Y and the front to +Z."""
    mesh_sha256: str
    warnings: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Material:
    """A base colour: factor times texture (times vertex colour where the mesh has one). Everything else of PBR is left out.

    factor: (4,) float32 RGBA, linear, in [0, 1].
    texture: (H, W, 4) uint8 sRGB with straight alpha, or None.
    encoded: the texture's original PNG, JPEG or WebP bytes where they are unchanged, else b"" (spares an encode).
    """

    factor: np.ndarray = field(default_factory=lambda: np.ones(4, np.float32))
    texture: np.ndarray | None = None
    encoded: bytes = b""
    alpha_mode: Literal["opaque", "mask", "blend"] = "opaque"
    alpha_cutoff: float = 0.5
    double_sided: bool = True
    wrap: Literal["repeat", "clamp", "mirror"] = "repeat"


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with one base-colour material per face, in memory.

    vertices: (V, 3) float32, in the canonical object frame once `normalise` was applied.
    faces: (F, 3) int32, counter-clockwise seen from outside.
    normals: (V, 3) float32 unit vertex normals (shading), or None for flat shading.
    uv: (V, 2) float32, origin at the top-left of the texture (glTF), texture transforms already applied, or None.
    vertex_colours: (V, 4) float32 linear RGBA, or None.
    face_material: (F,) int32 index into `materials`.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    uv: np.ndarray | None = None
    vertex_colours: np.ndarray | None = None
    face_material: np.ndarray | None = None
    materials: tuple[Material, ...] = (Material(),)
