"""Look-at, projection, pixel rays and the view plans (frames and axes: data_specs/conventions.py)."""

import numpy as np

from data_specs.camera import Camera, Intrinsics
from data_specs.conventions import OBJECT_HALF_SIDE
from data_specs.view import ORTHOGONAL_NAMES, ViewPlan
from models.geometry.se3 import invert, rigid, transform

ORTHOGONAL_RADIUS, ORTHOGONAL_FOV_DEGREES = 5.0, 30.0
"""A long lens: the face of the object's box that is nearest to the camera fills 93 % of the picture."""

TURNTABLE_RADIUS, TURNTABLE_FOV_DEGREES = 4.0, 45.0
"""SPEC F10."""

SPHERE_FOV_DEGREES = (15.0, 70.0)
"""SPEC D10. A narrower lens would have to stand beyond the 16 m that a depth map can hold."""

PHOTOGRAPHIC_FOV_DEGREES = (25.0, 45.0)
PHOTOGRAPHIC_JITTER_DEGREES = 25.0
PHOTOGRAPHIC_ELEVATION_DEGREES = (-5.0, 35.0)
PHOTOGRAPHIC_SLACK = (1.02, 1.25)
"""How much farther than needed a photographer stands."""


def look_at(eye: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """`camera_from_world` (4, 4) of a camera at `eye` that looks at `target` (the origin) with +Y up in the picture.

    eye, target: (3,) world. Straight up or down, the picture's up is -Z or +Z. Raises ValueError when eye and target coincide.
    """
    forward = (np.zeros(3) if target is None else np.asarray(target, float)) - np.asarray(eye, float)
    distance = float(np.linalg.norm(forward))
    if distance < 1e-9:
        raise ValueError(f"a camera at {eye} cannot look at its own position")
    forward /= distance
    up = np.array([0.0, 1.0, 0.0]) if abs(forward[1]) < 1.0 - 1e-9 else np.array([0.0, 0.0, np.sign(forward[1])])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return rigid(rotation, -rotation @ np.asarray(eye, float))


def direction_at(azimuth_degrees: float, elevation_degrees: float = 0.0) -> np.ndarray:
    """Unit vector (3,) from the object to a camera: azimuth 0 = +Z, 90 = +X; elevation 90 = +Y."""
    azimuth, elevation = np.radians(azimuth_degrees), np.radians(elevation_degrees)
    return np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])


def project(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Project world points (..., 3) -> pixels (..., 2) (x, y), depth (...) in metres along +Z; both float64.

    Points at or behind the camera's plane have depth <= 0 and meaningless pixels.
    """
    in_camera = transform(camera.camera_from_world, points)
    depth = in_camera[..., 2]
    k = camera.intrinsics
    scale = in_camera[..., :2] / np.where(depth == 0.0, 1e-30, depth)[..., None]
    return scale * [k.focal_x, k.focal_y] + [k.centre_x, k.centre_y], depth


def pixel_centres(width: int, height: int) -> np.ndarray:
    """Image coordinates of every pixel's centre, (height, width, 2) float64 as (x, y)."""
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)


def ray_directions(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """World directions (..., 3) float64 through image coordinates (..., 2).

    They have length 1 along the camera's +Z, so that a point is `camera.world_position() + depth * direction`.
    """
    k = camera.intrinsics
    rotation = invert(camera.camera_from_world)[:3, :3]
    x = (pixels[..., 0] - k.centre_x) / k.focal_x
    y = (pixels[..., 1] - k.centre_y) / k.focal_y
    return x[..., None] * rotation[:, 0] + y[..., None] * rotation[:, 1] + rotation[:, 2]


def reprojection_error(position: np.ndarray, mask: np.ndarray, camera: Camera) -> float:
    """Largest distance in pixels between a pixel's centre and where its stored position projects to; 0 for an empty mask.

    position: (H, W, 3) object coordinates. mask: (H, W) bool. A position behind the camera gives infinity.
    """
    if not mask.any():
        return 0.0
    pixels, depth = project(position[mask].astype(np.float64), camera)
    if float(depth.min()) <= 0.0:
        return float("inf")
    height, width = mask.shape
    return float(np.linalg.norm(pixels - pixel_centres(width, height)[mask], axis=-1).max())


OBJECT_BOX = np.stack(np.meshgrid(*[[-OBJECT_HALF_SIDE, OBJECT_HALF_SIDE]] * 3), axis=-1).reshape(-1, 3)
"""The corners of the box that holds every object, (8, 3)."""


def distance_to_fit(direction: np.ndarray, fov_degrees: float, points: np.ndarray = OBJECT_BOX) -> float:
    """How far along `direction` (3,) a square camera that looks at the origin must stand to see all `points` (P, 3)."""
    turned = points @ look_at(direction)[:3, :3].T
    return float((np.abs(turned[:, :2]).max(axis=1) / np.tan(np.radians(fov_degrees) / 2.0) - turned[:, 2]).max())


def view_plan(plan: ViewPlan, size_pixels: int, seed: int, points: np.ndarray = OBJECT_BOX) -> list[tuple[str, Camera]]:
    """The named cameras of a plan, in order, each with square pictures of `size_pixels`.

    points: (P, 3) what photographic4 frames, e.g. the vertices; the other plans keep the box of every object in view.

    orthogonal4     front, right, back, left at radius 5, 30 degrees (SPEC R1).
    turntable8/60   equal azimuth steps from the front at radius 4, 45 degrees (SPEC F1, F10).
    sphere24/150    well-spread directions turned by `seed`, field of view from 15 to 70 degrees, uniform in 1 / distance^2 (SPEC D10).
    photographic4   one viewpoint near each of front, right, back, left; azimuth, elevation, lens and distance drawn from `seed` (SPEC R10).
    The first two do not depend on the seed. Raises ValueError for an unknown plan.
    """
    if plan == "orthogonal4":
        return _turntable(ORTHOGONAL_NAMES, size_pixels, ORTHOGONAL_RADIUS, ORTHOGONAL_FOV_DEGREES)
    if plan in ("turntable8", "turntable60"):
        names = tuple(f"turn{i:02d}" for i in range(int(plan.removeprefix("turntable"))))
        return _turntable(names, size_pixels, TURNTABLE_RADIUS, TURNTABLE_FOV_DEGREES)
    if plan in ("sphere24", "sphere150"):
        return _sphere(int(plan.removeprefix("sphere")), size_pixels, np.random.default_rng(seed))
    if plan == "photographic4":
        return _photographic(size_pixels, points, np.random.default_rng(seed))
    raise ValueError(f"unknown view plan {plan!r}")


def _turntable(names: tuple[str, ...], size_pixels: int, radius: float, fov_degrees: float) -> list[tuple[str, Camera]]:
    azimuths = [360.0 * i / len(names) for i in range(len(names))]
    return [(name, _camera(radius * direction_at(azimuth), size_pixels, fov_degrees)) for name, azimuth in zip(names, azimuths)]


def _sphere(count: int, size_pixels: int, rng: np.random.Generator) -> list[tuple[str, Camera]]:
    """A Fibonacci lattice turned about +Y. Bounding-sphere distance = half diagonal / sin(fov / 2), so 1 / distance^2 is uniform in sin^2."""
    turn, lift = rng.random(2)
    low, high = np.sin(np.radians(SPHERE_FOV_DEGREES) / 2.0) ** 2
    fovs = np.degrees(2.0 * np.arcsin(np.sqrt(rng.uniform(low, high, count))))
    views = []
    for i, fov in enumerate(fovs):
        elevation = np.degrees(np.arcsin(1.0 - 2.0 * (i + lift) / count))
        direction = direction_at(360.0 * ((i * (np.sqrt(5.0) - 1.0) / 2.0 + turn) % 1.0), elevation)
        views.append((f"view{i:03d}", _camera(distance_to_fit(direction, fov) * direction, size_pixels, fov)))
    return views


def _photographic(size_pixels: int, points: np.ndarray, rng: np.random.Generator) -> list[tuple[str, Camera]]:
    views = []
    for i in range(4):
        azimuth = 90.0 * i + rng.uniform(-PHOTOGRAPHIC_JITTER_DEGREES, PHOTOGRAPHIC_JITTER_DEGREES)
        direction = direction_at(azimuth, rng.uniform(*PHOTOGRAPHIC_ELEVATION_DEGREES))
        fov = rng.uniform(*PHOTOGRAPHIC_FOV_DEGREES)
        distance = distance_to_fit(direction, fov, points) * rng.uniform(*PHOTOGRAPHIC_SLACK)
        views.append((f"view{i}", _camera(distance * direction, size_pixels, fov)))
    return views


def _camera(eye: np.ndarray, size_pixels: int, fov_degrees: float) -> Camera:
    return Camera(Intrinsics.from_fov(size_pixels, float(fov_degrees)), look_at(eye))
