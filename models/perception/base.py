"""What perception models take and give, and the protocol of each role (SPEC F11).

Every role has an embedded model that needs no weights and a full-scale one; both keep the same protocol. All are batched: lists in, lists
of the same length and order out. What a model cannot do for one picture is a `Miss` in that picture's place; what is wrong with the
set-up (weights, packages, servers, parameters) is raised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data_specs.asset import Mesh
from data_specs.camera import Intrinsics


@dataclass(frozen=True)
class Picture:
    """One picture and the channels that came with it.

    rgb: (H, W, 3) uint8 sRGB. alpha: (H, W) uint8, straight, or None. depth: (H, W) float32 metres along the camera's +Z, 0 = unknown, or None.
    focal_pixels: focal length of a lens with square pixels and the principal point in the middle, or None where it is unknown.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    depth: np.ndarray | None = None
    focal_pixels: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


@dataclass(frozen=True)
class Box:
    """An upright rectangle in pixels, right and bottom exclusive: the whole picture is (0, 0, W, H).

    score: in [0, 1], how sure the detector is; scales of different detectors do not compare.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float
    phrase: str = ""


@dataclass(frozen=True)
class Mask:
    """The pixels of one object.

    inside: (H, W) bool. score: in [0, 1], how sure the segmenter is.
    """

    inside: np.ndarray
    score: float


@dataclass(frozen=True)
class DepthMap:
    """Depth of a whole picture.

    depth: (H, W) float32 metres along the camera's +Z, 0 = unknown. focal_pixels: of the picture, given or estimated; None = unknown.
    """

    depth: np.ndarray
    focal_pixels: float | None


@dataclass(frozen=True)
class GeneratedMesh:
    """A mesh made or found for a picture.

    glb: the file as it came, not yet checked or brought to the canonical frame. origin: who made it, or the id of the asset that was found.
    score: in [0, 1] where the generator gives one.
    """

    glb: bytes
    origin: str
    score: float | None = None


@dataclass(frozen=True)
class PoseProblem:
    """An object in a picture and its mesh, whose pose is wanted.

    mask: (H, W) bool. depth: (H, W) float32 along +Z in units of the object frame, 0 = unknown, or None. mesh: in the canonical object frame.
    """

    picture: Picture
    mask: np.ndarray
    depth: np.ndarray | None
    intrinsics: Intrinsics
    mesh: Mesh


@dataclass(frozen=True)
class Pose:
    """Where an object stands.

    camera_from_object: (4, 4) float64, rigid, OpenCV axes, in units of the object frame. confidence: in [0, 1], None where the estimator has
    none. symmetric: other poses look the same; None where nobody checked. weighed: all that the estimator compared in the end, this one too, (4, 4)
    each; empty where it does not say.
    """

    camera_from_object: np.ndarray
    confidence: float | None = None
    symmetric: bool | None = None
    weighed: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Miss:
    """Why there is no result for one picture; becomes a `Decision` of rule `rule`. Names no time, process or host."""

    rule: str
    message: str
    score: float | None = None
    threshold: float | None = None


class Unavailable(RuntimeError):  # noqa: N818 - it says what is the matter
    """Who is asked (a server, a command) cannot be reached or fails for everything: no picture is to blame, and the stage must not drop them."""


class Detector(Protocol):
    """Finds the named object."""

    def detect(self, pictures: list[Picture], phrases: list[str]) -> list[list[Box]]:
        """The boxes of each picture that may hold what its phrase names, best first; none when nothing is found."""
        ...


class Segmenter(Protocol):
    """Finds the pixels of an object in a box."""

    def segment(self, pictures: list[Picture], boxes: list[Box]) -> list[Mask | Miss]:
        """The mask of the object in each picture's box."""
        ...


class BackgroundRemover(Protocol):
    """Cuts out the main object."""

    def remove(self, pictures: list[Picture]) -> list[np.ndarray | Miss]:
        """How much each pixel belongs to the main object, (H, W) uint8 each."""
        ...


class DepthEstimator(Protocol):
    """Says how far away everything is."""

    def estimate(self, pictures: list[Picture]) -> list[DepthMap | Miss]:
        """The depth of each picture."""
        ...


Arrived = Callable[[int, GeneratedMesh], object]


def unnoticed(place: int, mesh: GeneratedMesh) -> None:
    """Nobody waits for single meshes."""


class MeshGenerator(Protocol):
    """Makes a mesh of a cut-out object."""

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        """A mesh of what each picture shows; alpha says which pixels belong to it.

        arrived: told each mesh and its place in the list as soon as it is there, before the others are, from any thread.
        """
        ...


class PoseEstimator(Protocol):
    """Finds how a known mesh stands before the camera."""

    def estimate(self, problems: list[PoseProblem]) -> list[Pose | Miss]:
        """The pose of each object."""
        ...
