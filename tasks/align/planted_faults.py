"""Faults that are known because they were planted, each at the place where it arises in life: how well the filters find them can be counted.

In the picture (`no_object`, `two_objects`), in what the mesh generator returned (`wrong_mesh`, `mirrored`, `wrong_texture`), in the estimated pose
(`wrong_pose`). What makes no difference is no fault: a symmetric object turned onto itself, the mirror image of a symmetric one, a texture of
nearly the same colours. Nor does what a picture does not show: it could not be found there, and every generator makes up the far side. Such a fault
is not planted.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from data_specs.asset import Material, Mesh
from data_specs.camera import Intrinsics
from models.geometry.mesh_ops import mirror_image
from models.geometry.se3 import rigid
from models.geometry.symmetry import has_mirror_symmetry, looks_the_same
from models.perception.pose_observation import turn_to_axis
from models.perception.pose_rendering import coded, look
from models.renderers.open3d_cpu import Open3DRenderer, Scene
from tasks.align.truth import PoseTruth

PICTURE_FAULTS = ("no_object", "two_objects")
MESH_FAULTS = ("wrong_mesh", "mirrored", "wrong_texture")
POSE_FAULTS = ("wrong_pose",)
FAULTS = (*PICTURE_FAULTS, *MESH_FAULTS, *POSE_FAULTS)

HUE_TURN_DEGREES = (80.0, 280.0)
GRAY, TINT = 12.0, 35.0
"""Chroma of Lab below which a turned hue is no other colour, and what is added there."""

SMALLEST_TURN_DEGREES = 30.0
SHIFT_SHARE = (0.2, 0.5)
"""Of the diameter, across the line of sight."""

ATTEMPTS = 8
VIEW_PIXELS, SEEN_DIFFERENCE = 96, 0.05
"""Of the pixels that show the object: so large a difference, sRGB in [0, 1] or of outline, can be seen."""

LAMP = np.array([-0.5, -0.7, -0.5])
"""Towards it, in the camera's frame: from above, from the left, from behind the camera."""

HALF_TURNS = ((1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0))
"""Signs of x, y, z: the mirror image of an object that is nearly symmetric looks most like it after one of them."""


def plant_in_mesh(fault: str, mesh: Mesh, others: list[Mesh], rng: np.random.Generator, camera_from_object: np.ndarray | None = None) -> Mesh | None:
    """What a failing generator might return for the object whose mesh this is; None where that would be no fault.

    others: meshes of other objects in the canonical frame, one or more. camera_from_object: the true pose (4, 4), where faults that cannot be
    seen from there are to be left out.
    """
    made = {"wrong_mesh": _another, "mirrored": _mirrored, "wrong_texture": _retextured}[fault](mesh, others, rng)
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    same = has_mirror_symmetry(scene) if fault == "mirrored" else looks_the_same(scene, renderer.load(made))
    return None if same or (camera_from_object is not None and not _is_seen(scene, made, camera_from_object)) else made


def plant_in_pose(truth: PoseTruth, rng: np.random.Generator) -> np.ndarray | None:
    """A wrong pose, `camera_from_object` (4, 4): turned anyhow, turned about the vertical, or moved aside; None where every one drawn is right."""
    for _ in range(ATTEMPTS):
        pose = _WRONG_POSES[int(rng.integers(len(_WRONG_POSES)))](truth, rng)
        if not truth.is_right(pose):
            return pose
    return None


def _is_seen(scene: Scene, made: Mesh, camera_from_object: np.ndarray) -> bool:
    """Whether a mesh looks otherwise than the loaded one from a camera; turned upside down or about, it would be its best pose if it did not."""
    radius, distance = float(np.linalg.norm(made.vertices, axis=1).max()), float(np.linalg.norm(camera_from_object[:3, 3]))
    towards = rigid(turn_to_axis(camera_from_object[:3, 3]), np.zeros(3)) @ camera_from_object
    focal = VIEW_PIXELS / 2.0 / np.tan(np.arcsin(min(radius / distance, 0.95)))
    lens = Intrinsics(VIEW_PIXELS, VIEW_PIXELS, focal, focal, VIEW_PIXELS / 2.0, VIEW_PIXELS / 2.0)
    theirs, other = _picture(scene, towards, lens), Open3DRenderer().load(made)
    shown = int(np.count_nonzero(theirs[..., 3]))
    poses = [towards @ np.diag([*signs, 1.0]) for signs in HALF_TURNS]
    return min(float(np.abs(_picture(other, pose, lens) - theirs).max(axis=-1).sum()) for pose in poses) > SEEN_DIFFERENCE * shown


def _picture(scene: Scene, camera_from_object: np.ndarray, lens: Intrinsics) -> np.ndarray:
    """Colours under one lamp, sRGB-like, and coverage, (S, S, 4) in [0, 1]."""
    view = look(scene, camera_from_object, lens, with_colour=True)
    assert view.base is not None
    lit = view.base * (0.5 + 0.5 * np.maximum(LAMP @ view.normals, 0.0))
    picture = np.zeros((lens.height * lens.width, 4))
    picture[view.pixel] = np.concatenate([coded(lit).T, np.ones((len(view.pixel), 1))], axis=1)
    return cv2.blur(picture.reshape(lens.height, lens.width, 4), (3, 3))


def _another(mesh: Mesh, others: list[Mesh], rng: np.random.Generator) -> Mesh:
    return others[int(rng.integers(len(others)))]


def _mirrored(mesh: Mesh, others: list[Mesh], rng: np.random.Generator) -> Mesh:
    return mirror_image(mesh)


def _retextured(mesh: Mesh, others: list[Mesh], rng: np.random.Generator) -> Mesh:
    """The same shape in other hues, or with the texture of another object."""
    donor = _another(mesh, others, rng).materials[0].texture
    if donor is not None and mesh.uv is not None and rng.random() < 0.5:
        swapped = [replace(one, texture=_like(donor, one.texture), encoded=b"") if one.texture is not None else one for one in mesh.materials]
        if any(one.texture is not None for one in swapped):
            return replace(mesh, materials=tuple(swapped))
    angle = np.radians(rng.uniform(*HUE_TURN_DEGREES))
    colours = None if mesh.vertex_colours is None else _linear(mesh.vertex_colours, lambda rgb: _hue_turned(rgb, angle))
    return replace(mesh, vertex_colours=colours, materials=tuple(_recoloured(one, angle) for one in mesh.materials))


def _recoloured(material: Material, angle: float) -> Material:
    if material.texture is None:
        return replace(material, factor=_linear(material.factor[None], lambda rgb: _hue_turned(rgb, angle))[0])
    turned = _hue_turned(material.texture[..., :3].astype(np.float32) / 255.0, angle)
    texture = np.concatenate([np.rint(turned * 255.0).astype(np.uint8), material.texture[..., 3:]], axis=-1)
    return replace(material, texture=texture, encoded=b"")


def _hue_turned(rgb: np.ndarray, angle: float) -> np.ndarray:
    """sRGB in [0, 1], (..., 3) float32, with hues turned about gray; gray itself gets a tint."""
    lab = cv2.cvtColor(rgb.reshape(-1, 1, 3).astype(np.float32), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    chroma = lab[:, 1] + 1j * lab[:, 2]
    moved = chroma * np.exp(1j * angle) + np.where(np.abs(chroma) < GRAY, TINT * np.exp(1j * angle), 0.0)
    lab[:, 1], lab[:, 2] = moved.real, moved.imag
    return np.clip(cv2.cvtColor(lab.reshape(-1, 1, 3), cv2.COLOR_LAB2RGB).reshape(rgb.shape), 0.0, 1.0)


def _linear(rgba: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Change linear colours (N, 4) as if they were sRGB; alpha stays."""
    changed = change(np.clip(rgba[:, :3], 0.0, 1.0).astype(np.float32) ** (1.0 / 2.2)) ** 2.2
    return np.concatenate([changed, rgba[:, 3:]], axis=1).astype(np.float32)


def _like(donor: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """The donor's colours, as large as the texture and with its alpha."""
    size = texture.shape[1], texture.shape[0]
    return np.concatenate([cv2.resize(np.ascontiguousarray(donor[..., :3]), size, interpolation=cv2.INTER_AREA), texture[..., 3:]], axis=-1)


def _turned_anyhow(truth: PoseTruth, rng: np.random.Generator) -> np.ndarray:
    axis = rng.normal(size=3)
    angle = np.radians(rng.uniform(SMALLEST_TURN_DEGREES, 180.0))
    return _turned(truth, Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix())


def _turned_about_the_vertical(truth: PoseTruth, rng: np.random.Generator) -> np.ndarray:
    return _turned(truth, Rotation.from_euler("y", rng.uniform(SMALLEST_TURN_DEGREES, 360.0 - SMALLEST_TURN_DEGREES), degrees=True).as_matrix())


def _moved_aside(truth: PoseTruth, rng: np.random.Generator) -> np.ndarray:
    angle, length = rng.uniform(0.0, 2.0 * np.pi), truth.diameter * rng.uniform(*SHIFT_SHARE)
    return rigid(np.eye(3), length * np.array([np.cos(angle), np.sin(angle), 0.0])) @ truth.camera_from_object


def _turned(truth: PoseTruth, turn: np.ndarray) -> np.ndarray:
    """The true pose after a turn about the object's own centre."""
    return truth.camera_from_object @ rigid(turn, np.zeros(3))


_WRONG_POSES = (_turned_anyhow, _turned_about_the_vertical, _moved_aside)
