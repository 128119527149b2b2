"""What speaks for a pose, as one number to rank by and as a confidence."""

from dataclasses import dataclass

import numpy as np

from models.perception.pose_observation import IN_FRONT, Observation
from models.perception.pose_refinement import FEWEST_PIXELS, Placement, shade
from models.perception.pose_rendering import View

NEAR = 0.05
"""In units of the object frame: depth that agrees so well counts half."""


@dataclass(frozen=True)
class Evidence:
    """How well a view of the mesh agrees with what is observed.

    overlap: intersection over union of view and mask where nothing hides the object, in [0, 1]. depth: the share of the mask's pixels whose depth
    the view has, near ones in part, in [0, 1]; 0 without depth. colour: root mean square difference once light is fitted, sRGB-like in [0, 1].
    texture: correlation of expected and observed colours, in [-1, 1].
    """

    overlap: float
    depth: float
    colour: float
    texture: float


def weigh(view: View, seen: Observation, placement: Placement) -> Evidence:
    """The evidence for a placement; view: the mesh from there, with colour."""
    shared = view.inside & seen.inside
    if np.count_nonzero(shared) < FEWEST_PIXELS:
        return Evidence(0.0, 0.0, 1.0, 0.0)
    depth = seen.depth * placement.depth_scale
    hidden = ~seen.inside & (seen.hidden | ((depth > 0) & (depth < (1.0 - IN_FRONT) * view.depth)))
    overlap = np.count_nonzero(shared) / np.count_nonzero((view.inside & ~hidden) | seen.inside)
    known = shared & (depth > 0)
    nearness = 1.0 / (1.0 + ((depth[known] - view.depth[known]) / NEAR) ** 2)
    of = max(np.count_nonzero(seen.inside & (depth > 0)), 1)
    _, expected, observed = shade(view, seen)
    error = expected - observed
    spread = expected - expected.mean(axis=1, keepdims=True), observed - observed.mean(axis=1, keepdims=True)
    texture = float((spread[0] * spread[1]).sum() / np.sqrt(max(float((spread[0] ** 2).sum() * (spread[1] ** 2).sum()), 1e-9)))
    return Evidence(float(overlap), float(nearness.sum() / of) if seen.has_depth else 0.0, float(np.sqrt((error**2).mean())), texture)


def rank(evidence: Evidence) -> float:
    """Higher is better, for poses of the same problem."""
    return evidence.overlap * (1.0 + 0.3 * evidence.texture - 1.5 * evidence.colour) + evidence.depth
