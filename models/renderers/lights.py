"""Light on surfaces: white from everywhere, or a procedural sky with sun, ground, soft shadow and ambient occlusion.

Letters: N surface points, R rays per point. All light is linear; positions, normals and directions are in the object (= world) frame.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.renderers.base import EnvironmentLight

Occluded = Callable[[np.ndarray], np.ndarray]
"""Rays (M, 6) float32 (origin, direction) -> (M,) bool, whether anything is hit."""

RAY_OFFSET = np.float32(2e-3)
"""Shadow rays start this far off the surface, so that they do not meet it again."""

SUN_RADIUS = np.float32(0.05)
"""Tangent of the half-angle of the sun: larger than the real one, as through thin cloud."""

SUN_RAYS_SHARE = 4
"""One ray goes to the sun for every four to the sky."""

RAYS_AT_ONCE = 1 << 20
REFLECTANCE = np.float32(0.04)
"""Of a dielectric seen head-on."""

GLOSS = np.float32(40.0)
"""Blinn-Phong exponent of the sun's highlight."""

INTERREFLECTION = np.float32(0.35)
"""What an occluded direction still sends, as a share of the mean sky, tinted by the surface itself."""


@dataclass(frozen=True)
class Sky:
    """A clear or hazy sky over a ground. Radiances are (3,) float32, scaled so that a white surface in full light comes out near 1.

    sun_direction: (3,) float32 unit, towards the sun. sun: irradiance / pi on a surface that faces it.
    """

    sun_direction: np.ndarray
    sun: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    ground: np.ndarray

    def radiance(self, direction: np.ndarray) -> np.ndarray:
        """Light from unit directions (..., 3) -> (..., 3) float32, without the sun's disc but with the glow around it."""
        up = direction[..., 1:2]
        height = np.sqrt(np.clip(up, 0.0, 1.0))
        glow = np.clip(direction @ self.sun_direction, 0.0, 1.0)[..., None] ** 8
        above = self.horizon + (self.zenith - self.horizon) * height + self.sun * (0.25 * glow)
        return np.where(up > 0.0, above, self.ground + (self.horizon - self.ground) * np.clip(1.0 + 8.0 * up, 0.0, 1.0) * 0.5)

    def mean(self) -> np.ndarray:
        """Rough average over all directions, (3,) float32."""
        return (self.horizon + self.zenith + 2.0 * self.ground) / 4.0


def draw_sky(seed: int) -> Sky:
    """The sky of a seed: time of day, haze and ground."""
    rng = np.random.default_rng([seed, 1])
    azimuth, elevation, haze = rng.uniform(0.0, 2.0 * np.pi), np.radians(rng.uniform(25.0, 65.0)), rng.uniform(0.0, 1.0)
    direction = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    warm = np.array([1.0, 0.92, 0.8]) * (1.0 - 0.5 * haze) + 0.5 * haze
    blue = np.array([0.62, 0.8, 1.0])
    sun = (0.85 - 0.6 * haze) * warm
    zenith = (0.4 + 0.3 * haze) * (blue * (1.0 - haze) + haze)
    horizon = (0.55 + 0.25 * haze) * (0.5 * blue * (1.0 - haze) + 0.5 + 0.5 * haze)
    ground = rng.uniform(0.15, 0.4) * np.array([1.0, 0.95, 0.88]) * (np.sin(elevation) * sun + zenith)
    return Sky(*(values.astype(np.float32) for values in (direction, sun, zenith, horizon, ground)))


@dataclass(frozen=True)
class Points:
    """Surface points to be lit, all (N, 3) float32 and unit where they are directions.

    normal: shading normal, towards the viewer. flat_normal: of the triangle, towards the viewer. view: from the viewer to the point.
    """

    position: np.ndarray
    normal: np.ndarray
    flat_normal: np.ndarray
    view: np.ndarray

    def part(self, chosen: slice) -> "Points":
        """Some of the points."""
        return Points(self.position[chosen], self.normal[chosen], self.flat_normal[chosen], self.view[chosen])


def light_points(light: EnvironmentLight, base: np.ndarray, points: Points, occluded: Occluded, rays: int) -> np.ndarray:
    """Radiance towards the viewer, tone-mapped to [0, 1], (N, 3) float32 linear.

    base: (N, 3) float32 linear base colour. rays: per point, for sky and ambient occlusion.
    """
    sky, offsets = draw_sky(light.seed), np.random.default_rng([light.seed, 2]).random((len(base), 2), dtype=np.float32)
    lit = np.empty_like(base)
    step = max(RAYS_AT_ONCE // rays, 1)
    for start in range(0, len(base), step):
        chosen = slice(start, start + step)
        lit[chosen] = _light_part(sky, base[chosen], points.part(chosen), occluded, (rays, offsets[chosen]))
    return tone_map(lit)


def _light_part(sky: Sky, base: np.ndarray, points: Points, occluded: Occluded, sampling: tuple[int, np.ndarray]) -> np.ndarray:
    rays, offsets = sampling
    directions = cosine_directions(points.normal, points.flat_normal, rays, offsets)
    free = _unoccluded(points, directions, occluded)
    visible = free.mean(axis=1, dtype=np.float32)[:, None]
    sky_light = (sky.radiance(directions) * free[..., None]).mean(axis=1)
    bounced = (1.0 - visible) * INTERREFLECTION * sky.mean() * base
    toward_sun = np.clip(points.normal @ sky.sun_direction, 0.0, 1.0)[:, None]
    sun = sky.sun * sun_visibility(sky, points, occluded, max(rays // SUN_RAYS_SHARE, 1), offsets)[:, None]
    return base * (sky_light + bounced + sun * toward_sun) + _gloss(sky, points, visible, sun)


def cosine_directions(normal: np.ndarray, flat_normal: np.ndarray, rays: int, offsets: np.ndarray) -> np.ndarray:
    """Cosine-weighted directions around normals, (N, R, 3) float32 unit, never below the triangle's plane.

    A rank-1 lattice of R points is shifted by each point's own offset (N, 2) in [0, 1): even coverage, no pattern between pixels.
    """
    lattice = np.stack([(np.arange(rays) + 0.5) / rays, np.arange(rays) * 0.6180340 % 1.0], axis=-1).astype(np.float32)
    shifted = (lattice + offsets[:, None]) % np.float32(1.0)
    angle, radius = np.float32(2.0 * np.pi) * shifted[..., 1:], np.sqrt(shifted[..., :1])
    tangent, bitangent = _tangents(normal)
    flat = radius * (np.cos(angle) * tangent[:, None] + np.sin(angle) * bitangent[:, None])
    directions = flat + np.sqrt(1.0 - radius * radius) * normal[:, None]
    below = np.minimum((directions @ flat_normal[:, :, None])[..., 0], 0.0)
    return directions - 2.0 * below[..., None] * flat_normal[:, None]


def _tangents(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors that stand on each normal and on each other."""
    helper = np.where(np.abs(normal[:, :1]) < 0.9, np.array([[1.0, 0.0, 0.0]], np.float32), np.array([[0.0, 1.0, 0.0]], np.float32))
    tangent = np.cross(normal, helper)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    return tangent, np.cross(normal, tangent)


def _unoccluded(points: Points, directions: np.ndarray, occluded: Occluded) -> np.ndarray:
    """Whether directions (N, R, 3) are free of the mesh, (N, R) bool."""
    rays = np.empty((*directions.shape[:2], 6), np.float32)
    rays[..., :3] = (points.position + RAY_OFFSET * points.flat_normal)[:, None]
    rays[..., 3:] = directions
    return ~occluded(rays.reshape(-1, 6)).reshape(directions.shape[:2])


def ambient_visibility(points: Points, occluded: Occluded, rays: int, seed: int) -> np.ndarray:
    """Share of the cosine-weighted hemisphere that is free, (N,) float32: 1 on an open plane, less in a crease."""
    offsets = np.random.default_rng([seed, 2]).random((len(points.position), 2), dtype=np.float32)
    directions = cosine_directions(points.normal, points.flat_normal, rays, offsets)
    return _unoccluded(points, directions, occluded).mean(axis=1, dtype=np.float32)


def sun_visibility(sky: Sky, points: Points, occluded: Occluded, rays: int, offsets: np.ndarray) -> np.ndarray:
    """Share of the sun's disc that each point sees, (N,) float32. offsets: (N, 2) in [0, 1) turn the pattern from point to point."""
    tangent, bitangent = (axis[0] for axis in _tangents(sky.sun_direction[None]))
    angle = np.float32(2.0 * np.pi) * ((np.arange(rays, dtype=np.float32) * np.float32(0.6180340) + offsets[:, :1]) % 1.0)
    radius = SUN_RADIUS * np.sqrt((np.arange(rays, dtype=np.float32) + offsets[:, 1:]) / rays)
    directions = sky.sun_direction + (radius * np.cos(angle))[..., None] * tangent + (radius * np.sin(angle))[..., None] * bitangent
    return _unoccluded(points, directions, occluded).mean(axis=1, dtype=np.float32)


def _gloss(sky: Sky, points: Points, visible: np.ndarray, sun: np.ndarray) -> np.ndarray:
    """A thin lacquer: the mirrored sky, dimmed where the surroundings are hidden, and the sun's highlight."""
    cosine = np.clip(-(points.normal * points.view).sum(-1, keepdims=True), 0.0, 1.0)
    fresnel = REFLECTANCE + (1.0 - REFLECTANCE) * (1.0 - cosine) ** 5 * 0.5
    mirrored = points.view + 2.0 * cosine * points.normal
    half = sky.sun_direction - points.view
    half /= np.maximum(np.linalg.norm(half, axis=-1, keepdims=True), 1e-6)
    highlight = np.clip((points.normal * half).sum(-1, keepdims=True), 0.0, 1.0) ** GLOSS
    return fresnel * visible * sky.radiance(mirrored) + REFLECTANCE * (GLOSS + 8.0) / 8.0 * highlight * sun


def tone_map(radiance: np.ndarray) -> np.ndarray:
    """Keep light up to 0.6 as it is and roll everything brighter off towards 1."""
    return np.where(radiance < 0.6, radiance, 0.6 + 0.4 * np.tanh((radiance - 0.6) / 0.4))
