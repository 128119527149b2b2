"""Single steps on pictures whose truth is simple: cut-outs, lenses, depth, meshes that are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_specs.params import load_params
from data_specs.subject import SubjectLine
from models.geometry.glb_writer import write_glb
from models.geometry.procedural import build_object
from models.perception.base import Arrived, Box, DepthMap, GeneratedMesh, Mask, Miss, Picture, Pose, PoseProblem, unnoticed
from tasks.align.candidate import Candidate
from tasks.align.kept_meshes import KeptMeshes
from tasks.align.mesh_preparation import MeshPreparation, ReadLimits
from tasks.align.models import Models
from tasks.align.steps import Tools, cut_out, draw_posed, estimate_depth, estimate_pose, lens, make_meshes, segment
from tasks.soft_timeout import TimedOut
from tests.models.renderers.shapes import cube, sphere
from tests.tasks.align.quick_models import POSE, quick_models

PARAMS = load_params("tiny", ["align.mesh.kind=hunyuan3d"])
LINE = SubjectLine(subject_id="mug-1", object_id="mug", source="folder", location="mug.png", sha256="", item="mug")


def candidate(inside: tuple[slice, slice] = (slice(10, 30), slice(40, 52)), **more) -> Candidate:
    """A red rectangle on blue, 60 x 80, and its mask."""
    mask = np.zeros((60, 80), bool)
    mask[inside] = True
    rgb = np.where(mask[..., None], [200, 0, 0], [0, 0, 200]).astype(np.uint8)
    return Candidate(LINE, Picture(rgb), mask=Mask(mask, 1.0), **more)


def tools(folder: Path, **roles) -> Tools:
    models: Models = replace(quick_models(None), **roles)  # type: ignore[arg-type]
    return Tools(models, PARAMS.align, KeptMeshes(folder))


class Generator:
    """Another mesh every time. most: it breaks down after so many."""

    def __init__(self, most: int = 100) -> None:
        self.asked, self.most = 0, most

    def generate(self, pictures: list[Picture], arrived: Arrived = unnoticed) -> list[GeneratedMesh | Miss]:
        made: list[GeneratedMesh | Miss] = []
        for place in range(len(pictures)):
            if self.asked == self.most:
                raise TimedOut
            self.asked += 1
            made.append(GeneratedMesh(write_glb(sphere(self.asked % 3 + 1)), "hunyuan3d"))
            arrived(place, made[-1])
        return made


class WholePicture:
    """A background remover that thinks everything is the object, or nothing."""

    def __init__(self, alpha: int) -> None:
        self.alpha = alpha

    def remove(self, pictures: list[Picture]) -> list[np.ndarray | Miss]:
        return [np.full(picture.size, self.alpha, np.uint8) for picture in pictures]


class Blind:
    """A segmenter that marks nothing."""

    def segment(self, pictures: list[Picture], boxes: list[Box]) -> list[Mask | Miss]:
        return [Mask(np.zeros(picture.size, bool), 0.5) for picture in pictures]


def test_an_empty_mask_ends_the_picture_whatever_people_say(tmp_path: Path) -> None:
    (found,) = segment([candidate(boxes=(Box(0, 0, 9, 9, 1.0),))], tools(tmp_path, segmenter=Blind()))
    assert isinstance(found, Miss) and found.rule == "no_mask" and found.score is None


def test_the_cut_out_is_a_square_around_the_mask(tmp_path: Path) -> None:
    (cut,) = cut_out([candidate()], tools(tmp_path))
    assert isinstance(cut, Picture) and cut.alpha is not None
    assert cut.rgb.shape == (24, 24, 3) and np.count_nonzero(cut.alpha) == 20 * 12
    assert (cut.rgb[cut.alpha > 0] == [200, 0, 0]).all()


def test_a_cut_out_at_the_border_is_padded_with_white(tmp_path: Path) -> None:
    (cut,) = cut_out([candidate((slice(0, 20), slice(0, 4)))], tools(tmp_path))
    assert isinstance(cut, Picture) and cut.alpha is not None
    assert (cut.rgb[0] == 255).all() and np.count_nonzero(cut.alpha) == 20 * 4


def test_the_background_remover_counts_near_the_mask_alone(tmp_path: Path) -> None:
    (cut,) = cut_out([candidate()], tools(tmp_path, background=WholePicture(255)))
    assert isinstance(cut, Picture) and cut.alpha is not None
    assert 20 * 12 < np.count_nonzero(cut.alpha) < 24 * 24
    (lost,) = cut_out([candidate()], tools(tmp_path, background=WholePicture(0)))
    assert isinstance(lost, Miss) and lost.rule == "no_object"


def test_a_lens_is_known_or_sees_the_assumed_angle() -> None:
    known = lens((60, 80), 100.0, 45.0)
    assert (known.width, known.height, known.focal_x, known.centre_x, known.centre_y) == (80, 60, 100.0, 40.0, 30.0)
    assumed = lens((60, 80), None, 90.0)
    assert assumed.focal_x == pytest.approx(40.0)


def test_a_generated_mesh_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    generator, ours = Generator(), tools(tmp_path / "kept")
    ours = replace(ours, models=replace(ours.models, mesh=generator, preparation=MeshPreparation(ReadLimits.of(PARAMS.assets), 5000, 64)))
    (first,) = make_meshes([candidate()], ours)
    again, other = make_meshes([candidate(), replace(candidate(), line=LINE.model_copy(update={"subject_id": "mug-2"}))], ours)
    assert generator.asked == 2
    assert isinstance(first, Candidate) and isinstance(again, Candidate) and isinstance(other, Candidate)
    np.testing.assert_array_equal(first.mesh.vertices, again.mesh.vertices)
    assert first.mesh_origin == again.mesh_origin == "hunyuan3d" and len(other.mesh.faces) != len(first.mesh.faces)


def test_a_file_that_is_no_mesh_is_a_miss_with_its_rule() -> None:
    preparation = MeshPreparation(ReadLimits.of(PARAMS.assets), 5000, 64)
    found = preparation.prepare(write_glb(cube())[:200])
    assert isinstance(found, Miss) and found.rule == "truncated" and found.message.startswith("the generated mesh: ")
    large = MeshPreparation(replace(ReadLimits.of(PARAMS.assets), max_faces=5), 5000, 64).prepare(write_glb(cube()))
    assert isinstance(large, Miss) and large.rule == "too_many_faces"


def test_a_mesh_with_too_many_faces_is_reduced_and_textured() -> None:
    preparation = MeshPreparation(ReadLimits.of(PARAMS.assets), 300, 64)
    painted = replace(sphere(3), vertex_colours=np.full((len(sphere(3).vertices), 4), 0.5, np.float32))
    glb = write_glb(painted)
    made = preparation.prepare(glb)
    assert not isinstance(made, Miss) and len(made.faces) <= 300 and made.materials[0].texture.shape == (64, 64, 4)
    assert preparation.prepare(glb) is made
    again = MeshPreparation(ReadLimits.of(PARAMS.assets), 300, 64).prepare(glb)
    assert not isinstance(again, Miss) and write_glb(again) == write_glb(made)
    small = preparation.prepare(write_glb(cube()))
    assert not isinstance(small, Miss) and np.abs(small.vertices).max() == 1.0


class Depth:
    """Everything is as far away."""

    def __init__(self, answer: DepthMap | Miss) -> None:
        self.answer = answer

    def estimate(self, pictures: list[Picture]) -> list[DepthMap | Miss]:
        return [self.answer for _ in pictures]


def test_a_picture_without_depth_goes_on_with_its_lens(tmp_path: Path) -> None:
    one = candidate(mesh=cube())
    (found,) = estimate_depth([one], tools(tmp_path, depth=Depth(Miss("no_depth", "none"))))
    assert isinstance(found, Candidate) and found.depth is None and found.depth_scale is None
    assert found.intrinsics.focal_x == pytest.approx(40.0 / np.tan(np.radians(PARAMS.align.fov_degrees) / 2))


def test_the_network_knows_a_lens_that_nobody_said(tmp_path: Path) -> None:
    depth = DepthMap(np.full((60, 80), 3.0, np.float32), 70.0)
    (found,) = estimate_depth([candidate(mesh=cube())], tools(tmp_path, depth=Depth(depth)))
    assert isinstance(found, Candidate) and found.intrinsics.focal_x == 70.0 and found.depth_scale is not None
    np.testing.assert_allclose(found.depth, 3.0 * found.depth_scale, rtol=1e-6)
    known = replace(candidate(mesh=cube()), picture=replace(candidate().picture, focal_pixels=90.0))
    (said,) = estimate_depth([known], tools(tmp_path, depth=Depth(depth)))
    assert isinstance(said, Candidate) and said.intrinsics.focal_x == 90.0


class Pointer:
    """A pose estimator that says no more than where the object stands, or also whether others look the same."""

    def __init__(self, symmetric: bool | None) -> None:
        self.symmetric = symmetric

    def estimate(self, problems: list[PoseProblem]) -> list[Pose | Miss]:
        return [Pose(POSE, symmetric=self.symmetric) for _ in problems]


@pytest.mark.parametrize(("said", "expected"), [(None, (True, False)), (False, (False, False)), (True, (True, True))])
def test_symmetry_is_looked_for_where_the_estimator_does_not_say(said: bool | None, expected: tuple[bool, bool], tmp_path: Path) -> None:
    ours = tools(tmp_path, pose=Pointer(said))
    meshes = cube(), build_object("teapot", 3).detailed
    found = estimate_pose([replace(candidate(mesh=mesh), intrinsics=lens((60, 80), 60.0, 45.0)) for mesh in meshes], ours)
    assert tuple(one.pose.symmetric for one in found if isinstance(one, Candidate) and one.pose) == expected


def test_the_mesh_is_drawn_at_its_pose_as_large_as_the_picture(tmp_path: Path) -> None:
    one = replace(candidate(mesh=cube()), intrinsics=lens((60, 80), 60.0, 45.0), pose=Pose(POSE))
    (found,) = draw_posed([one], tools(tmp_path))
    assert isinstance(found, Candidate) and found.posed.rgb.shape == (60, 80, 4) and found.posed.mask[30, 40]


def test_the_mesh_of_an_earlier_sample_is_used_before_the_generator(tmp_path: Path) -> None:
    kept = KeptMeshes(tmp_path)
    kept.keep(kept.prepared_key(LINE), GeneratedMesh(write_glb(cube()), "hunyuan3d"))
    (found,) = make_meshes([candidate()], tools(tmp_path, mesh=Generator(most=0)))
    assert isinstance(found, Candidate) and len(found.mesh.faces) == 12 and found.mesh_key == kept.prepared_key(LINE)


def test_a_batch_that_is_stopped_keeps_what_has_arrived(tmp_path: Path) -> None:
    lines = [LINE.model_copy(update={"subject_id": f"mug-{number}"}) for number in range(4)]
    batch = [replace(candidate(), line=line) for line in lines]
    with pytest.raises(TimedOut):
        make_meshes(batch, tools(tmp_path, mesh=Generator(most=3)))
    generator = Generator()
    found = make_meshes(batch, tools(tmp_path, mesh=generator))
    assert generator.asked == 1 and all(isinstance(one, Candidate) for one in found)


def test_found_assets_are_not_kept(tmp_path: Path) -> None:
    ours = tools(tmp_path)
    (found,) = make_meshes([candidate()], replace(ours, params=load_params("tiny", ["align.mesh.kind=nearest_asset"]).align))
    assert isinstance(found, Candidate) and found.mesh_key == "" and not list(tmp_path.iterdir())
