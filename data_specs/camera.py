"""Pinhole cameras with named frames (conventions.py: OpenCV axes, pixel centres at +0.5)."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class Intrinsics:
    """Focal lengths and principal point in pixels, image size in pixels."""

    width: int
    height: int
    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float

    def matrix(self) -> np.ndarray:
        """The 3 x 3 matrix that takes camera coordinates to homogeneous pixels, float64."""
        return np.array([[self.focal_x, 0.0, self.centre_x], [0.0, self.focal_y, self.centre_y], [0.0, 0.0, 1.0]])

    @staticmethod
    def from_fov(size_pixels: int, fov_degrees: float) -> "Intrinsics":
        """A square camera whose horizontal and vertical field of view is `fov_degrees`."""
        focal = size_pixels / (2.0 * np.tan(np.radians(fov_degrees) / 2.0))
        return Intrinsics(size_pixels, size_pixels, focal, focal, size_pixels / 2.0, size_pixels / 2.0)


@dataclass(frozen=True)
class Camera:
    """Where a picture was taken from.

    camera_from_world: (4, 4) float64, rigid, OpenCV axes, metres.
    """

    intrinsics: Intrinsics
    camera_from_world: np.ndarray

    def world_position(self) -> np.ndarray:
        """The camera centre in the world frame, (3,) float64."""
        rotation, translation = self.camera_from_world[:3, :3], self.camera_from_world[:3, 3]
        return -rotation.T @ translation


class CameraRecord(BaseModel):
    """A `Camera` as it is stored in shards: JSON, same frames and units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int
    height: int
    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    camera_from_world: list[list[float]]

    @staticmethod
    def from_camera(camera: Camera) -> "CameraRecord":
        """The stored form of a camera; `to_camera` gives back the same numbers."""
        k = camera.intrinsics
        return CameraRecord(
            width=k.width,
            height=k.height,
            focal_x=k.focal_x,
            focal_y=k.focal_y,
            centre_x=k.centre_x,
            centre_y=k.centre_y,
            camera_from_world=camera.camera_from_world.tolist(),
        )

    def to_camera(self) -> Camera:
        """The camera; raises ValueError when the matrix is not a rigid 4 x 4."""
        matrix = np.array(self.camera_from_world, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-6):
            raise ValueError(f"camera_from_world is not a rigid 4 x 4 matrix: {self.camera_from_world}")
        return Camera(Intrinsics(self.width, self.height, self.focal_x, self.focal_y, self.centre_x, self.centre_y), matrix)
