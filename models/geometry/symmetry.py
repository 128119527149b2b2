"""Which rotations leave a mesh looking the same: by turning it onto itself about its own axes.

A symmetry keeps the centroid of the surface, so all turns are about it. Tried are the principal axes of inertia and the axes of the object
frame, which designers use. A turn counts when the turned surface lies on the surface and, for what it looks like, has the same colours there.
"""

from dataclasses import dataclass

import numpy as np
import open3d as o3d
from scipy.spatial.transform import Rotation

from models.renderers.open3d_cpu import Scene
from models.renderers.rays import Hits

FOLDS_DEGREES = (180.0, 120.0, 90.0, 72.0, 60.0, 45.0)
ROUND_DEGREES = (23.0, 67.0, 113.0, 157.0)
"""Turns that no small number of folds explains: who passes them all is round."""

POINTS = 500
MEAN_DISTANCE, FAR_DISTANCE = 0.012, 0.04
"""Of the diagonal of the box: on average, and for all but `FAR_SHARE` of the points."""

FAR_SHARE = 0.03
MEAN_COLOUR, FAR_COLOUR = 0.06, 0.25
"""sRGB in [0, 1], likewise."""

BLUR = 0.04
"""Colours are compared as means over spots this wide, in units of the object frame: grain does not break a symmetry."""

SAME_DEGREES = 3.0
MOST_ROTATIONS = 60


@dataclass(frozen=True)
class Symmetry:
    """The rotations that leave an object the same, in the object frame, about `centre`.

    rotations: (K, 3, 3) float64, the identity first. axes: (A, 3) unit; any turn about one leaves the object the same, two make it a ball.
    centre: (3,).
    """

    rotations: np.ndarray
    axes: np.ndarray
    centre: np.ndarray

    @property
    def trivial(self) -> bool:
        """Whether the identity is all there is."""
        return len(self.rotations) == 1 and not len(self.axes)


@dataclass(frozen=True)
class _Sample:
    """points, normals: (P, 3). colours: (P, 3) sRGB in [0, 1]. size: the diagonal of the box."""

    points: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    size: float


def rotation_angle(rotation: np.ndarray) -> float:
    """The angle of a rotation (3, 3), in [0, pi]."""
    return float(np.arccos(np.clip((np.trace(rotation) - 1.0) / 2.0, -1.0, 1.0)))


def find_symmetry(scene: Scene, with_colour: bool = True) -> Symmetry:
    """The symmetries of a loaded mesh. with_colour: also of what is painted on it."""
    centre, inertia, sample = _sample(scene)
    rotations: list[np.ndarray] = [np.eye(3)]
    axes: list[np.ndarray] = []
    for axis in _candidate_axes(inertia):
        turns = [Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix() for degrees in (*FOLDS_DEGREES, *ROUND_DEGREES)]
        same = [_is_same(scene, sample, centre, turn, with_colour) for turn in turns]
        if all(same):
            axes.append(axis)
            continue
        for degrees, is_same in zip(FOLDS_DEGREES, same):
            if is_same:
                count = round(360.0 / degrees)
                rotations += [Rotation.from_rotvec(2.0 * np.pi * i / count * axis).as_matrix() for i in range(1, count)]
    return Symmetry(_closed(rotations), np.array(axes).reshape(-1, 3), centre)


def has_mirror_symmetry(scene: Scene) -> bool:
    """Whether the mirror image of a loaded mesh is the mesh itself, turned: some reflection leaves shape and colours the same."""
    centre, inertia, sample = _sample(scene)
    reflections = [np.eye(3) - 2.0 * np.outer(axis, axis) for axis in _candidate_axes(inertia)]
    return any(_is_same(scene, sample, centre, one, True) for one in [*reflections, -np.eye(3)])


def looks_the_same(one: Scene, other: Scene, with_colour: bool = True) -> bool:
    """Whether two loaded meshes have the same surface in the same place, and the same colours on it."""
    pairs = ((one, other), (other, one))
    return all(_is_same(scene, _sample(of)[2], np.zeros(3), np.eye(3), with_colour) for scene, of in pairs)


def _sample(scene: Scene) -> tuple[np.ndarray, np.ndarray, _Sample]:
    """The centroid of the surface, its second moments (3, 3) up to a factor, and points spread over it by area."""
    surface, rng = scene.surface, np.random.default_rng(0)
    corners = surface.vertices[surface.faces].astype(np.float64)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    middles = corners.mean(axis=1)
    centre = areas @ middles / areas.sum()
    arms, arm = corners - centre, middles - centre
    # The second moment of a triangle: a twelfth of its area, times those of its corners and nine times that of its middle.
    inertia = np.einsum("f,fci,fcj->ij", areas, arms, arms) + 9.0 * np.einsum("f,fi,fj->ij", areas, arm, arm)
    face = np.searchsorted(np.cumsum(areas), (np.arange(POINTS) + rng.random(POINTS)) / POINTS * areas.sum()).clip(max=len(areas) - 1)
    first, second = np.sort(rng.random((2, POINTS)), axis=0)
    weights = np.stack([second - first, 1.0 - second])
    chosen = corners[face]
    points = chosen[:, 0] + weights[0][:, None] * (chosen[:, 1] - chosen[:, 0]) + weights[1][:, None] * (chosen[:, 2] - chosen[:, 0])
    size = float(np.linalg.norm(np.ptp(surface.vertices, axis=0)))
    sample = _Sample(points, surface.flat_normals[:, face].T, _colours(scene, face, weights), size)
    return centre, inertia, sample


def _colours(scene: Scene, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Blurred sRGB colours (N, 3) in [0, 1] at places on faces (N,), weights (2, N) of the second and third corner."""
    hits = Hits(np.arange(len(face)), np.ones(len(face), np.float32), face, weights.astype(np.float32))
    colour = scene.surface.base_colour(hits, scene.surface.flat_normals[:, face], BLUR)[:3]
    return np.clip(colour.T.astype(np.float64), 0.0, 1.0) ** (1 / 2.2)


def _candidate_axes(inertia: np.ndarray) -> list[np.ndarray]:
    """The axes of the object frame, and the principal ones that are not among them."""
    axes = list(np.eye(3))
    for axis in np.linalg.eigh(inertia)[1].T:
        if max(abs(float(axis @ other)) for other in axes) < np.cos(np.radians(SAME_DEGREES)):
            axes.append(axis)
    return axes


def _is_same(scene: Scene, sample: _Sample, centre: np.ndarray, turn: np.ndarray, with_colour: bool) -> bool:
    """Whether the turned points lie on the surface, and find their own colours there."""
    turned = (sample.points - centre) @ turn.T + centre
    answer = scene.embree.compute_closest_points(o3d.core.Tensor.from_numpy(turned.astype(np.float32)))
    distance = np.linalg.norm(answer["points"].numpy() - turned, axis=1) / sample.size
    if distance.mean() > MEAN_DISTANCE or np.mean(distance > FAR_DISTANCE) > FAR_SHARE:
        return False
    if not with_colour:
        return True
    there = _colours(scene, answer["primitive_ids"].numpy().astype(np.int64), answer["primitive_uvs"].numpy().T)
    change = np.abs(there - sample.colours).max(axis=1)
    return bool(change.mean() <= MEAN_COLOUR and np.mean(change > FAR_COLOUR) <= FAR_SHARE)


def _closed(rotations: list[np.ndarray]) -> np.ndarray:
    """All products of rotations, (K, 3, 3), each once, at most `MOST_ROTATIONS`."""
    found: list[np.ndarray] = []
    waiting = list(rotations)
    while waiting and len(found) < MOST_ROTATIONS:
        one = waiting.pop(0)
        if any(rotation_angle(one.T @ other) < np.radians(SAME_DEGREES) for other in found):
            continue
        found.append(one)
        waiting += [one @ other for other in rotations[1:]]
    return np.stack(found)
