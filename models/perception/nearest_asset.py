"""A mesh for a cut-out without any network: of a known catalogue, the asset whose renders look most like it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, distance_to_fit, look_at
from models.perception.base import Arrived, GeneratedMesh, Miss, Picture, unnoticed
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

AZIMUTHS, ELEVATIONS_DEGREES = 12, (0.0, 20.0, 45.0)
RENDER_PIXELS, SIGNATURE_PIXELS = 64, 20
FOV_DEGREES = 30.0
CHANNEL_WEIGHTS = np.array([0.35, 1.0, 1.0, 0.5], np.float32)
"""Of lightness, a, b and coverage: light changes lightness most."""


@dataclass(frozen=True)
class CatalogueAsset:
    """An asset that may be found. mesh: in the canonical object frame, let go once it is drawn. glb: reads its file, as it is handed on."""

    asset_id: str
    mesh: Mesh
    glb: Callable[[], bytes]


class NearestAsset:
    """`MeshGenerator` over a catalogue, each asset drawn once from 36 viewpoints: 230 KB of it stay in memory, and no mesh.

    Raises ValueError for an empty catalogue.
    """

    def __init__(self, assets: Iterable[CatalogueAsset]) -> None:
        self._assets = [(asset.asset_id, asset.glb, _views(asset.mesh)) for asset in assets]
        if not self._assets:
            raise ValueError("align.mesh.kind=nearest_asset needs a catalogue with at least one asset: build the assets first")

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        """The nearest asset of each cut-out; `origin` is its id, the score falls from 1 (the same picture) to 0 with the distance."""
        found = [self._nearest(picture) for picture in pictures]
        for place, one in enumerate(found):
            if isinstance(one, GeneratedMesh):
                arrived(place, one)
        return found

    def _nearest(self, picture: Picture) -> GeneratedMesh | Miss:
        if picture.alpha is None or not (picture.alpha > 127).any():
            return Miss("no_mask", "without a mask it is not known which pixels belong to the object")
        seen_D = signature(picture.rgb, picture.alpha)
        distances = [float(np.linalg.norm(views_VD - seen_D, axis=-1).min()) for _, _, views_VD in self._assets]
        asset_id, glb, _ = self._assets[int(np.argmin(distances))]
        return GeneratedMesh(glb(), asset_id, float(np.exp(-min(distances))))


def signature(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """What a cut-out looks like whatever its size and place, (20 * 20 * 4,) float32: colour and coverage of its square, centred crop.

    rgb: (H, W, 3) uint8. alpha: (H, W) uint8, not all clear. Two signatures are about 0 to 2 apart.
    """
    rows, columns = np.nonzero(alpha > 127)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    height, width = bottom - top, right - left
    side = int(max(height, width))
    cover = np.zeros((side, side, 1), np.float32)
    lab = np.zeros((side, side, 3), np.float32)
    place = slice((side - height) // 2, (side - height) // 2 + height), slice((side - width) // 2, (side - width) // 2 + width)
    cover[place] = alpha[top:bottom, left:right, None] / np.float32(255.0)
    lab[place] = cv2.cvtColor(np.ascontiguousarray(rgb[top:bottom, left:right], np.float32) / 255.0, cv2.COLOR_RGB2LAB) / 50.0
    small = cv2.resize(np.concatenate([lab * cover, cover], axis=-1), (SIGNATURE_PIXELS,) * 2, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.8) * CHANNEL_WEIGHTS
    return small.ravel() / np.float32(SIGNATURE_PIXELS)


def _views(mesh: Mesh) -> np.ndarray:
    """Signatures from all viewpoints, (V, D); from where nothing is seen, such as a disc on edge, one that is infinitely far from every picture."""
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    intrinsics = Intrinsics.from_fov(RENDER_PIXELS, FOV_DEGREES)
    drawn = []
    for elevation in ELEVATIONS_DEGREES:
        for step in range(AZIMUTHS):
            direction = direction_at(360.0 * step / AZIMUTHS, elevation)
            eye = direction * distance_to_fit(direction, FOV_DEGREES, mesh.vertices)
            maps = renderer.render(scene, Camera(intrinsics, look_at(eye)), UniformLight(), 4)
            seen = (maps.rgb[..., 3] > 127).any()
            drawn.append(signature(maps.rgb[..., :3], maps.rgb[..., 3]) if seen else np.full(4 * SIGNATURE_PIXELS**2, np.inf, np.float32))
    return np.stack(drawn)
