"""What the record of a sample says of depth, on a render whose scale is known."""

from dataclasses import replace

import numpy as np
import pytest

from data_specs.camera import Camera, Intrinsics
from data_specs.subject import SubjectLine
from models.perception.base import Mask, Picture
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align.candidate import Candidate
from tasks.align.samples import posed_depth_scale
from tests.tasks.align.quick_models import BOX, POSE

LINE = SubjectLine(subject_id="box-1", object_id="box", source="folder", location="box.png", sha256="", item="box")


def test_depth_times_its_scale_meets_the_mesh_at_its_pose_whatever_the_mask_said() -> None:
    renderer = Open3DRenderer()
    maps = renderer.render(renderer.load(BOX), Camera(Intrinsics.from_fov(64, 45.0), POSE), UniformLight(), 2)
    by_truth, by_mask = 0.4, 0.55
    estimated = maps.depth / by_truth
    one = Candidate(LINE, Picture(maps.rgb[..., :3]), mask=Mask(maps.mask, 1.0), posed=maps, depth=estimated * by_mask, depth_scale=by_mask)
    found = posed_depth_scale(one)
    assert found == pytest.approx(by_truth, rel=1e-5)
    np.testing.assert_allclose(estimated[maps.mask] * found, maps.depth[maps.mask], rtol=1e-5)
    assert posed_depth_scale(replace(one, depth=None, depth_scale=None)) is None
    assert posed_depth_scale(replace(one, depth=np.zeros_like(estimated))) is None
