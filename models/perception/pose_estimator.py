"""Mesh and picture to pose: the estimator of the parameters."""

from pathlib import Path

from data_specs.align_params import PoseParams
from models.perception.base import PoseEstimator
from models.perception.foundation_pose import FoundationPose
from models.perception.render_and_compare import RenderAndCompare


def make_pose_estimator(params: PoseParams, scenes: Path) -> PoseEstimator:
    """The estimator that the parameters choose. scenes: the folder through which foundation_pose is spoken to."""
    return RenderAndCompare() if params.kind == "render_and_compare" else FoundationPose(params, scenes)
