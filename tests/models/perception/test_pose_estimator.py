"""Which pose estimator the parameters choose."""

from pathlib import Path

from data_specs.align_params import PoseParams
from models.perception.foundation_pose import FoundationPose
from models.perception.pose_estimator import make_pose_estimator
from models.perception.render_and_compare import RenderAndCompare


def test_the_parameters_choose(tmp_path: Path) -> None:
    assert isinstance(make_pose_estimator(PoseParams.model_validate({}), tmp_path), RenderAndCompare)
    chosen = make_pose_estimator(PoseParams.model_validate({"kind": "foundation_pose"}), tmp_path)
    assert isinstance(chosen, FoundationPose) and chosen.folder == tmp_path
