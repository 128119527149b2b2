"""Rays from a camera and where they meet a mesh.

Arrays of rays and of hits hold one component per row, (3, N), which NumPy handles several times faster than (N, 3); only what Embree
takes is (M, 6).
"""

from dataclasses import dataclass

import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import ray_directions

NEAREST = 1e-3
WINDOW_MARGIN = 2


@dataclass(frozen=True)
class Rays:
    """Rays that start at one camera.

    origin: (3, 1) float32. directions: (3, M) float32 of length 1 along the camera's +Z: a hit's distance is its depth.
    """

    origin: np.ndarray
    directions: np.ndarray

    def __len__(self) -> int:
        return self.directions.shape[1]

    def part(self, chosen: np.ndarray) -> "Rays":
        """The rays at indices (N,)."""
        return Rays(self.origin, np.take(self.directions, chosen, axis=1))

    def points(self, depth: np.ndarray) -> np.ndarray:
        """Where the rays are at depths (M,), (3, M) float32."""
        return self.origin + depth * self.directions

    def interleaved(self, start: np.ndarray | None = None) -> np.ndarray:
        """The rays as Embree takes them, origin and direction, (M, 6) float32. start: depths (M,) where they begin, if not at the camera."""
        rays = np.empty((len(self), 6), np.float32)
        for column, values in enumerate([*(self.origin if start is None else self.points(start)), *self.directions]):
            rays[:, column] = values
        return rays


@dataclass(frozen=True)
class Hits:
    """Where rays met the mesh.

    ray: (N,) int64 index of the ray. depth: (N,) float32. face: (N,) int64.
    barycentric: (2, N) float32 weights of the face's second and third corner.
    """

    ray: np.ndarray
    depth: np.ndarray
    face: np.ndarray
    barycentric: np.ndarray

    def part(self, chosen: np.ndarray) -> "Hits":
        """The hits chosen by a mask (N,)."""
        return Hits(self.ray[chosen], self.depth[chosen], self.face[chosen], self.barycentric[:, chosen])


def image_rays(camera: Camera) -> Rays:
    """Rays through every pixel's centre, row by row."""
    k = camera.intrinsics
    middle = ray_directions(camera, np.array([k.centre_x, k.centre_y]))
    across = ray_directions(camera, np.stack([np.arange(k.width) + 0.5, np.full(k.width, k.centre_y)], axis=-1)).astype(np.float32)
    down = ray_directions(camera, np.stack([np.full(k.height, k.centre_x), np.arange(k.height) + 0.5], axis=-1)) - middle
    directions = np.empty((3, k.height, k.width), np.float32)
    for plane, columns, rows in zip(directions, across.T, down.T.astype(np.float32)):
        np.add(columns, rows[:, None], out=plane)
    return Rays(camera.world_position().astype(np.float32)[:, None], directions.reshape(3, -1))


def sample_places(samples: int) -> np.ndarray:
    """Where the samples of a pixel lie, (samples, 2) float64 in (0, 1).

    Every row and every column of a samples x samples grid over the pixel holds one of them. They go around the pixel, so that an edge
    through it parts them into few runs.
    """
    columns = np.arange(samples)
    rows = np.argsort(columns * 0.6180339887 % 1.0)
    places = (np.stack([columns, rows], axis=-1) + 0.5) / samples
    return places[np.argsort(np.arctan2(places[:, 1] - 0.5, places[:, 0] - 0.5))]


def spread_rays(camera: Camera, centres: Rays, places: np.ndarray) -> Rays:
    """Rays through S places (S, 2) in the pixel of each of E rays through pixel centres: (E * S) rays, pixel by pixel."""
    offsets = (ray_directions(camera, places) - ray_directions(camera, np.array([0.5, 0.5]))).astype(np.float32)
    directions = np.repeat(centres.directions, len(places), axis=1).reshape(3, -1, len(places))
    directions += offsets.T[:, None]
    return Rays(centres.origin, directions.reshape(3, -1))


def object_window(vertices: np.ndarray, camera: Camera) -> tuple[slice, slice]:
    """The rows and columns in which vertices (V, 3) may be seen, with a margin; the whole picture when some lie behind the camera."""
    k, matrix = camera.intrinsics, camera.camera_from_world.astype(np.float32)
    x, y, depth = matrix[:3, :3] @ vertices.T + matrix[:3, 3:]
    if float(depth.min()) < NEAREST:
        return slice(0, k.height), slice(0, k.width)
    x, y = x / depth * np.float32(k.focal_x) + np.float32(k.centre_x), y / depth * np.float32(k.focal_y) + np.float32(k.centre_y)
    return _span(y, k.height), _span(x, k.width)


def _span(values: np.ndarray, size: int) -> slice:
    """Pixels from the smallest to the largest value, at least one, inside [0, size)."""
    start = min(max(int(values.min()) - WINDOW_MARGIN, 0), size - 1)
    return slice(start, max(min(int(values.max()) + WINDOW_MARGIN + 1, size), start + 1))


def crop(camera: Camera, window: tuple[slice, slice]) -> Camera:
    """The camera whose picture is a window (rows, columns) of the original's."""
    k, (rows, columns) = camera.intrinsics, window
    width, height = columns.stop - columns.start, rows.stop - rows.start
    return Camera(Intrinsics(width, height, k.focal_x, k.focal_y, k.centre_x - columns.start, k.centre_y - rows.start), camera.camera_from_world)
