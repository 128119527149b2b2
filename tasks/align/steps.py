"""What is done to a picture, one step after the other: each takes candidates and gives, for each, what is known now, or why it ends here (SPEC F11).

Steps are batched: the models of each role see all pictures of a work item together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_specs.align_params import AlignParams
from data_specs.asset import Mesh
from data_specs.camera import Camera, Intrinsics
from models.geometry.glb_reader import read_glb
from models.geometry.symmetry import find_symmetry
from models.perception.base import Arrived, DepthMap, GeneratedMesh, Mask, Miss, Picture, Pose, PoseProblem, unnoticed
from models.perception.depth_calibration import depth_scale
from models.perception.second_look import look_again
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align.candidate import Candidate
from tasks.align.filters import Step as Moment
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.models import Models

Found = list[Candidate | Miss]

REACH_SHARE = 0.05
"""Of the mask's larger side: a cut-out may reach so far beyond the mask."""


@dataclass(frozen=True)
class Tools:
    """What steps work with. kept: what the mesh generator has answered so far."""

    models: Models
    params: AlignParams
    kept: KeptMeshes


@dataclass(frozen=True)
class Step:
    """One step. filters: the moment whose filters apply after it, None where there are none."""

    name: str
    work: Callable[[list[Candidate], Tools], Found]
    filters: Moment | None


def detect(candidates: list[Candidate], tools: Tools) -> Found:
    """Boxes of what the line names."""
    found = tools.models.detector.detect([one.picture for one in candidates], [one.line.item for one in candidates])
    return [replace(one, boxes=tuple(boxes)) for one, boxes in zip(candidates, found, strict=True)]


def segment(candidates: list[Candidate], tools: Tools) -> Found:
    """The mask of the best box."""
    found = tools.models.segmenter.segment([one.picture for one in candidates], [one.boxes[0] for one in candidates])
    return [_masked(one, mask) for one, mask in zip(candidates, found, strict=True)]


def make_meshes(candidates: list[Candidate], tools: Tools) -> Found:
    """The mesh of the cut-out; one that was made before is not asked for again."""
    if tools.params.mesh.kind == "nearest_asset":  # it would find it again as fast
        return [_prepared(*pair, tools) for pair in zip(candidates, _generated(candidates, tools), strict=True)]
    known = [_sample_mesh(one, tools) for one in candidates]
    open_ones = [one for one, mesh in zip(candidates, known, strict=True) if mesh is None]
    made = iter([_prepared(*pair, tools) for pair in zip(open_ones, _answers(open_ones, tools), strict=True)])
    found = [next(made) if mesh is None else replace(one, mesh=mesh[0], mesh_origin=mesh[1]) for one, mesh in zip(candidates, known, strict=True)]
    return [one if isinstance(one, Miss) else replace(one, mesh_key=tools.kept.prepared_key(one.line)) for one in found]


def cut_out(candidates: list[Candidate], tools: Tools) -> list[Picture | Miss]:
    """The object alone, in a square crop: alpha by the mask, or by the background remover near the mask."""
    crops = [_crop(one) for one in candidates]
    if tools.models.background is None:
        return [picture for picture, _ in crops]
    shown = [Picture(np.where(near[..., None], picture.rgb, np.uint8(255))) for picture, near in crops]
    alphas = tools.models.background.remove(shown)
    cut: list[Picture | Miss] = []
    for (picture, near), alpha in zip(crops, alphas, strict=True):
        cut.append(alpha if isinstance(alpha, Miss) else replace(picture, alpha=np.where(near, alpha, 0).astype(np.uint8)))
    return [Miss("no_object", "the background remover leaves nothing") if isinstance(one, Picture) and not _shows(one) else one for one in cut]


def estimate_depth(candidates: list[Candidate], tools: Tools) -> Found:
    """Depth at the mesh's scale, and the lens. A picture without depth goes on without."""
    found = tools.models.depth.estimate([one.picture for one in candidates])
    return [_calibrated(one, depth, tools.params) for one, depth in zip(candidates, found, strict=True)]


def estimate_pose(candidates: list[Candidate], tools: Tools) -> Found:
    """How the mesh stands before the camera."""
    found = tools.models.pose.estimate([_problem(one) for one in candidates])
    return [pose if isinstance(pose, Miss) else replace(one, pose=_with_symmetry(pose, one)) for one, pose in zip(candidates, found, strict=True)]


def draw_posed(candidates: list[Candidate], tools: Tools) -> Found:
    """The mesh at its pose, as large as the picture."""
    return [_drawn(one, tools.params.samples_per_edge_pixel) for one in candidates]


def look_beside(candidates: list[Candidate], tools: Tools) -> Found:
    """What the picture shows beside the posed mesh."""
    objects = {place: one.posed.mask for place, one in enumerate(candidates) if one.posed is not None and one.posed.mask.any()}
    seen_before = [candidates[place] for place in objects]
    pictures, names, boxes = [one.picture for one in seen_before], [one.line.item for one in seen_before], [one.boxes for one in seen_before]
    seen = look_again(pictures, names, list(objects.values()), boxes, tools.models.detector)
    others = dict(zip(objects, seen, strict=True))
    return [replace(one, others=tuple(others[place])) if place in others else one for place, one in enumerate(candidates)]


STEPS = (
    Step("detect", detect, "box"),
    Step("segment", segment, "mask"),
    Step("mesh", make_meshes, "mesh"),
    Step("depth", estimate_depth, None),
    Step("pose", estimate_pose, None),
    Step("draw", draw_posed, "pose"),
    Step("look_beside", look_beside, "beside"),
)


def _masked(candidate: Candidate, found: Mask | Miss) -> Candidate | Miss:
    if isinstance(found, Miss):
        return found
    return replace(candidate, mask=found) if found.inside.any() else Miss("no_mask", "the segmenter finds nothing in the box")


def _sample_mesh(candidate: Candidate, tools: Tools) -> tuple[Mesh, str] | None:
    """The mesh that a published sample of this picture held, and its origin."""
    kept = tools.kept.find(tools.kept.prepared_key(candidate.line))
    return None if kept is None else (read_glb(kept.glb), kept.origin)


def _answers(candidates: list[Candidate], tools: Tools) -> list[GeneratedMesh | Miss]:
    """What the generator says, or has said before, of each picture; what it says now is kept as soon as it is there."""
    keys = [tools.kept.asked_key(one.line) for one in candidates]
    kept = [tools.kept.find(key) for key in keys]
    asked = [place for place, mesh in enumerate(kept) if mesh is None]
    answers = _generated([candidates[place] for place in asked], tools, lambda number, mesh: tools.kept.keep(keys[asked[number]], mesh))
    said = dict(zip(asked, answers, strict=True))
    return [said[place] if mesh is None else mesh for place, mesh in enumerate(kept)]


def _generated(candidates: list[Candidate], tools: Tools, arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
    """Cut-outs to meshes. arrived: told the place of a candidate and its mesh."""
    cut_outs = cut_out(candidates, tools)
    ready = {place: cut for place, cut in enumerate(cut_outs) if not isinstance(cut, Miss)}
    places = list(ready)
    made = tools.models.mesh.generate(list(ready.values()), lambda number, mesh: arrived(places[number], mesh)) if ready else []
    answers = dict(zip(places, made, strict=True))
    return [cut if isinstance(cut, Miss) else answers[place] for place, cut in enumerate(cut_outs)]


def _prepared(candidate: Candidate, made: GeneratedMesh | Miss, tools: Tools) -> Candidate | Miss:
    if isinstance(made, Miss):
        return made
    mesh = tools.models.preparation.prepare(made.glb)
    return mesh if isinstance(mesh, Miss) else replace(candidate, mesh=mesh, mesh_origin=made.origin)


def _crop(candidate: Candidate) -> tuple[Picture, np.ndarray]:
    """A square around the mask, alpha by the mask, padded with white; and where it is near the mask, (S, S) bool."""
    assert candidate.mask is not None
    inside, rgb = candidate.mask.inside, candidate.picture.rgb
    rows, columns = np.nonzero(inside)
    top, bottom, left, right = int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1
    reach = max(2, round(REACH_SHARE * max(bottom - top, right - left)))
    side = max(bottom - top, right - left) + 2 * reach
    down, across = (top + bottom - side) // 2, (left + right - side) // 2
    shift = np.array([[1, 0, -across], [0, 1, -down]], np.float32)
    cropped = cv2.warpAffine(rgb, shift, (side, side), flags=cv2.INTER_NEAREST, borderValue=(255, 255, 255))
    alpha = cv2.warpAffine(inside.astype(np.uint8) * np.uint8(255), shift, (side, side), flags=cv2.INTER_NEAREST)
    near = cv2.dilate(alpha, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    return Picture(cropped, alpha=alpha), near


def _shows(picture: Picture) -> bool:
    return picture.alpha is not None and bool((picture.alpha > 127).any())


def _calibrated(candidate: Candidate, found: DepthMap | Miss, params: AlignParams) -> Candidate:
    assert candidate.mask is not None and candidate.mesh is not None
    focal = candidate.picture.focal_pixels or (None if isinstance(found, Miss) else found.focal_pixels)
    k = lens(candidate.picture.size, focal, params.fov_degrees)
    if isinstance(found, Miss):
        return replace(candidate, intrinsics=k)
    scale = depth_scale(found.depth, candidate.mask.inside, k, Open3DRenderer().load(candidate.mesh))
    if scale is None:
        return replace(candidate, intrinsics=k)
    return replace(candidate, intrinsics=k, depth=(found.depth * scale).astype(np.float32), depth_scale=scale)


def lens(size: tuple[int, int], focal_pixels: float | None, fov_degrees: float) -> Intrinsics:
    """Square pixels, the principal point in the middle; a lens that nobody knows sees `fov_degrees` along the longest side."""
    height, width = size
    focal = focal_pixels or max(size) / 2.0 / float(np.tan(np.radians(fov_degrees) / 2.0))
    return Intrinsics(width, height, focal, focal, width / 2.0, height / 2.0)


def _problem(candidate: Candidate) -> PoseProblem:
    assert candidate.mask is not None and candidate.mesh is not None and candidate.intrinsics is not None
    return PoseProblem(candidate.picture, candidate.mask.inside, candidate.depth, candidate.intrinsics, candidate.mesh)


def _with_symmetry(pose: Pose, candidate: Candidate) -> Pose:
    """The pose, and whether others look the same, also where the estimator does not say."""
    if pose.symmetric is not None:
        return pose
    assert candidate.mesh is not None
    return replace(pose, symmetric=not find_symmetry(Open3DRenderer().load(candidate.mesh)).trivial)


def _drawn(candidate: Candidate, samples_per_edge_pixel: int) -> Candidate:
    assert candidate.mesh is not None and candidate.intrinsics is not None and candidate.pose is not None
    renderer = Open3DRenderer()
    camera = Camera(candidate.intrinsics, candidate.pose.camera_from_object)
    return replace(candidate, posed=renderer.render(renderer.load(candidate.mesh), camera, UniformLight(), samples_per_edge_pixel))
