"""Nothing came back: because of the picture, or of whoever was asked? An object of our own decides.

A server with a broken GPU and a command with a wrong path fail for every picture; blaming the pictures would drop a whole data set. So who fails is
asked for an object that cannot be hard: who fails there too is to blame.
"""

import threading
from functools import lru_cache

import numpy as np

from data_specs.camera import Camera, Intrinsics
from models.geometry.camera_math import direction_at, look_at
from models.geometry.procedural import build_object
from models.perception.base import Picture, PoseProblem
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer

IN_A_ROW = 3
"""So many failures after each other are suspicious in one that has succeeded before; in one that has not, the first is."""


class Blame:
    """How somebody who is asked has done in this process so far. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._proven, self._failures = False, 0

    def suspects(self, successes: list[bool]) -> bool:
        """Note what came of some pictures, in order; whether whoever was asked should be asked for the known object now."""
        with self._lock:
            for success in successes:
                self._failures = 0 if success else self._failures + 1
                self._proven |= success
            return not all(successes) and self._failures >= (IN_A_ROW if self._proven else 1)

    def clear(self) -> None:
        """The known object worked."""
        self.suspects([True])


@lru_cache(maxsize=1)
def known_object() -> PoseProblem:
    """A gift box seen from the front and above at 256 pixels, cut out, with its depth."""
    mesh, renderer = build_object("gift_box", 3).detailed, Open3DRenderer()
    camera = Camera(Intrinsics.from_fov(256, 45.0), look_at(direction_at(35.0, 20.0) * 5.0))
    seen = renderer.render(renderer.load(mesh), camera, UniformLight(), 4)
    picture = Picture(np.ascontiguousarray(seen.rgb[..., :3]), np.ascontiguousarray(seen.rgb[..., 3]), seen.depth)
    return PoseProblem(picture, seen.mask, seen.depth, camera.intrinsics, mesh)
