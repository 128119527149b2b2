"""What must hold for every stored sample before anybody trains on it. A broken rule is a `BrokenRuleError` with the rule's name."""

from typing import Any

import numpy as np

from data_specs.camera import Camera
from data_specs.conventions import DEPTH_SCALE, POSITION_SCALE, decode_depth, decode_position
from data_specs.matched_real import MatchedRealRecord
from data_specs.view import MapName, ViewRecord, ViewsRecord
from models.geometry.camera_math import pixel_centres, project, ray_directions, reprojection_error
from tasks.broken_rule import BrokenRuleError, picture_member

DEPTH_TOLERANCE = DEPTH_SCALE + 2.0 * POSITION_SCALE
"""Metres by which depth and position may disagree: the rounding of both."""

NORMAL_TOLERANCE = 0.02
"""By how much a stored normal's length may differ from 1: the rounding of 8 bits."""

SHAPES: dict[MapName, tuple[int, str]] = {"rgb": (4, "uint8"), "normal": (3, "uint8"), "position": (3, "uint16"), "depth": (1, "uint16")}
"""Map -> channels and type."""


def check_views(key: str, members: dict[str, Any], reprojection_pixels: float) -> dict[str, float]:
    """Check a sample of `render`; returns what was measured, the worst over its views. Raises BrokenRuleError or ValueError.

    members: field -> decoded array or JSON.
    """
    record = ViewsRecord.model_validate(members.get("views.json"))
    if record.asset_id != key:
        raise BrokenRuleError("wrong_asset", f"views.json is of asset {record.asset_id!r}")
    measured = [_check_view(view, members, reprojection_pixels) for view in record.views]
    if not any(view["coverage"] for view in measured):
        raise BrokenRuleError("nothing_visible", "no view shows anything")
    return {name: max(view[name] for view in measured) for name in measured[0]}


def check_pictures(key: str, members: dict[str, Any]) -> dict[str, float]:
    """Check a sample of `matched_real`; returns what was measured. Raises BrokenRuleError or ValueError."""
    record = MatchedRealRecord.model_validate(members.get("matched.json"))
    if record.asset_id != key:
        raise BrokenRuleError("wrong_asset", f"matched.json is of asset {record.asset_id!r}")
    coverage = []
    for field in record.members:
        picture = picture_member(members, field, 4, "uint8")
        coverage.append(float((picture[..., 3] > 0).mean()))
        if coverage[-1] == 0.0:
            raise BrokenRuleError("nothing_visible", f"{field} is empty")
    return {"least_coverage": min(coverage)}


def _check_view(view: ViewRecord, members: dict[str, Any], reprojection_pixels: float) -> dict[str, float]:
    camera = view.camera.to_camera()
    maps = {name: picture_member(members, view.members.get(name, ""), *SHAPES[name]) for name in SHAPES}
    for name, values in maps.items():
        if values.shape[:2] != (camera.intrinsics.height, camera.intrinsics.width):
            raise BrokenRuleError(
                "wrong_size", f"{view.name}: {name} is {values.shape[:2]}, its camera {camera.intrinsics.height, camera.intrinsics.width}"
            )
    mask = maps["depth"] > 0
    position = decode_position(maps["position"], mask)
    _check_masks(view.name, maps, mask)
    _check_normals(view.name, maps["normal"], mask, camera)
    error = reprojection_error(position, mask, camera)
    if error > reprojection_pixels:
        raise BrokenRuleError("reprojection", f"{view.name}: a stored position lands {error:.2f} pixels from its pixel", error, reprojection_pixels)
    gap = _depth_gap(position[mask], decode_depth(maps["depth"])[mask], camera)
    if gap > DEPTH_TOLERANCE:
        raise BrokenRuleError("depth_position", f"{view.name}: depth and position disagree by {gap:.5f} m", gap, DEPTH_TOLERANCE)
    return {"reprojection_pixels": round(error, 6), "depth_gap": round(gap, 6), "coverage": round(float(mask.mean()), 6)}


def _check_masks(name: str, maps: dict[MapName, np.ndarray], mask: np.ndarray) -> None:
    """Geometry exists exactly where there is depth, and the picture shows something there."""
    geometries: tuple[MapName, ...] = ("normal", "position")
    for geometry in geometries:
        if maps[geometry][~mask].any():
            raise BrokenRuleError("mask", f"{name}: {geometry} has values where depth has none")
    if (maps["rgb"][..., 3][mask] == 0).any():
        raise BrokenRuleError("mask", f"{name}: the picture is empty where depth has values")


def _check_normals(name: str, coded: np.ndarray, mask: np.ndarray, camera: Camera) -> None:
    normal = coded[mask].astype(np.float64) / 127.5 - 1.0
    length = np.linalg.norm(normal, axis=-1)
    if length.size and float(np.abs(length - 1.0).max()) > NORMAL_TOLERANCE:
        raise BrokenRuleError("normal_length", f"{name}: a normal has length {float(length[np.abs(length - 1.0).argmax()]):.3f}")
    rays = ray_directions(camera, pixel_centres(mask.shape[1], mask.shape[0])[mask])
    away = np.einsum("nk,nk->n", normal, rays) / np.linalg.norm(rays, axis=-1)
    if away.size and float(away.max()) > NORMAL_TOLERANCE:
        raise BrokenRuleError("normal_away", f"{name}: a visible surface's normal looks away from the camera", float(away.max()), NORMAL_TOLERANCE)


def _depth_gap(position: np.ndarray, depth: np.ndarray, camera: Camera) -> float:
    _, projected = project(position, camera)
    return float(np.abs(projected - depth).max()) if depth.size else 0.0
