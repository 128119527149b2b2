"""Every filter against a case whose answer is plain, and the decisions that come of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data_specs.align_params import AlignParams, FilterParams
from data_specs.camera import Camera, Intrinsics
from data_specs.decision import Decision
from data_specs.subject import Assessment, SubjectLine
from models.geometry.camera_math import direction_at, look_at
from models.geometry.procedural import build_object
from models.perception.base import Box, Mask, Picture, Pose
from models.perception.second_look import Other
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.align.candidate import Candidate
from tasks.align.filter_scores import second_object
from tasks.align.filters import FILTERS, FilterContext, apply_filters, open_filters

PARAMS = AlignParams.model_validate({})
LINE = SubjectLine(subject_id="mug-0", object_id="mug", source="folder", location="mug.png", sha256="0" * 64, item="mug")
BEST = Assessment(composite_structure=5, object_consistency=5, image_quality=5)


@pytest.fixture(scope="module")
def context() -> FilterContext:
    return open_filters(PARAMS.appearance)


@pytest.fixture(scope="module")
def aligned() -> Candidate:
    """A house at its true pose, with true depth: every rule has something to say, and nothing to complain of."""
    mesh = build_object("house", 3).detailed
    camera = Camera(Intrinsics.from_fov(128, 40.0), look_at(4.0 * direction_at(35.0, 20.0)))
    maps = Open3DRenderer().render(Open3DRenderer().load(mesh), camera, UniformLight(), 4)
    cover = maps.rgb[..., 3:] / 255.0
    rgb = np.rint(maps.rgb[..., :3] * cover + 90 * (1 - cover)).astype(np.uint8)
    rows, columns = np.nonzero(maps.mask)
    box = Box(float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1, 0.8)
    pose = Pose(camera.camera_from_world, 0.9, False)
    found = Candidate(LINE, Picture(rgb, depth=maps.depth), (box,), Mask(maps.mask, 0.9), mesh, "house")
    return replace(found, depth=maps.depth, depth_scale=1.0, intrinsics=camera.intrinsics, pose=pose, posed=maps, others=())


def decided(candidate: Candidate, context: FilterContext, params: AlignParams = PARAMS) -> dict[str, Decision]:
    return {one.rule: one for step in ("line", "box", "mask", "mesh", "pose", "beside") for one in apply_filters(step, candidate, params, context)}


def scores(candidate: Candidate, context: FilterContext) -> dict[str, float | None]:
    return {rule: decision.score for rule, decision in decided(candidate, context).items()}


def test_what_is_aligned_passes_every_rule_and_keeps_its_scores(aligned: Candidate, context: FilterContext) -> None:
    found = decided(aligned, context)
    assert {one.verdict for one in found.values()} == {"kept"} and not any(one.message for one in found.values())
    assert set(found) == {one.rule for one in FILTERS} - {"not_assessed", "assessment", "lpips"}
    assert found["silhouette_iou"].score == 1.0 and found["depth_agreement"].score == pytest.approx(1.0)
    assert found["scale_agreement"].score == pytest.approx(0.0, abs=1e-6) and found["pose_confidence"].score == 0.9
    assert found["box_score"].score == 0.8 and found["box_score"].threshold == PARAMS.filters.box_score


def test_every_threshold_belongs_to_a_rule() -> None:
    assert set(FilterParams.model_fields) <= {one.rule for one in FILTERS} and len({one.rule for one in FILTERS}) == len(FILTERS)


@pytest.mark.parametrize(
    ("line", "rule", "score"),
    [({"item": ""}, "no_name", None), ({"source": "subjects200k"}, "not_assessed", 0.0),
     ({"source": "subjects200k", "assessment": Assessment(composite_structure=5)}, "not_assessed", 1.0),
     ({"source": "subjects200k", "assessment": BEST.model_copy(update={"image_quality": 4})}, "assessment", 4.0)],
)  # fmt: skip
def test_lines(line: dict[str, Any], rule: str, score: float | None, context: FilterContext) -> None:
    candidate = Candidate(LINE.model_copy(update=line), Picture(np.zeros((8, 8, 3), np.uint8)))
    dropped = [one for one in apply_filters("line", candidate, PARAMS, context) if one.verdict == "dropped"]
    assert [(one.rule, one.score) for one in dropped] == [(rule, score)] and dropped[0].message
    assert rule == "no_name" or dropped[0].message.endswith("(align.min_quality)")
    lenient = apply_filters("line", candidate, PARAMS.model_copy(update={"min_quality": 0}), context)
    assert all(one.verdict == "kept" for one in lenient if one.rule != "no_name")


def test_boxes(context: FilterContext) -> None:
    picture = Picture(np.zeros((100, 200, 3), np.uint8))
    best, beside, part = Box(10, 20, 60, 70, 0.8), Box(100, 20, 160, 70, 0.6), Box(15, 25, 40, 60, 0.7)
    one = Candidate(LINE, picture, (best, part))
    assert scores(one, context)["box_count"] == 0.0
    assert scores(one, context)["box_border"] == pytest.approx(0.1)
    assert scores(replace(one, boxes=(best, part, beside)), context)["box_count"] == pytest.approx(0.75)
    nothing = decided(replace(one, boxes=()), context)
    assert nothing["no_object"].verdict == "dropped" and nothing["no_object"].score is None and "box_score" not in nothing
    cut_out = Picture(picture.rgb, alpha=np.where(np.arange(200) < 100, 255, 0).astype(np.uint8) * np.ones((100, 1), np.uint8))
    assert "box_border" not in decided(replace(one, picture=cut_out), context)


def test_what_else_is_found_counts_unless_it_stands_behind(aligned: Candidate) -> None:
    assert aligned.depth is not None and aligned.mask is not None
    inside = np.zeros_like(aligned.mask.inside)
    inside[:20, :20] = True
    one = replace(aligned, others=(Other(Box(0, 0, 20, 20, 0.6), inside), Other(Box(100, 0, 128, 20, 0.2), ~inside & ~aligned.mask.inside)))
    known, ours = aligned.depth, float(np.median(aligned.depth[aligned.mask.inside]))

    def found(depth: float | None) -> float | None:
        return second_object(replace(one, depth=None if depth is None else np.where(inside, depth, known)), None)

    assert found(None) == pytest.approx(0.75) and found(ours + 0.5) == pytest.approx(0.75) and found(0.0) == pytest.approx(0.75)
    assert found(ours + 1.5) == found(ours - 1.5) == pytest.approx(0.25)
    nothing_else = replace(one, others=one.others[:1] if one.others else ())
    assert second_object(replace(nothing_else, depth=np.where(inside, ours + 1.5, known)), None) == 0.0
    assert second_object(aligned, None) == 0.0 and second_object(replace(aligned, others=None), None) is None


def test_masks(context: FilterContext) -> None:
    inside = np.zeros((10, 20), bool)
    inside[:5, :10] = True
    found = scores(Candidate(LINE, Picture(np.zeros((10, 20, 3), np.uint8)), mask=Mask(inside, 0.4)), context)
    assert (found["mask_least"], found["mask_most"], found["mask_score"]) == (0.25, 0.25, 0.4)


def test_a_sheet_is_no_mesh(aligned: Candidate, context: FilterContext) -> None:
    assert aligned.mesh is not None
    sheet = replace(aligned.mesh, vertices=aligned.mesh.vertices * np.array([1, 1, 1e-4], np.float32), faces=aligned.mesh.faces[:8])
    found = decided(replace(aligned, mesh=sheet), context)
    assert found["mesh_thickness"].verdict == "dropped" and found["mesh_faces"].verdict == "dropped" and found["mesh_faces"].score == 8.0


def test_depth_of_another_scale_is_told(aligned: Candidate, context: FilterContext) -> None:
    assert aligned.depth is not None
    found = scores(replace(aligned, depth=aligned.depth * 2.0), context)
    assert found["scale_agreement"] == pytest.approx(np.log(2.0)) and found["depth_agreement"] == pytest.approx(1.0)
    assert not {"scale_agreement", "depth_agreement"} & set(decided(replace(aligned, depth=None), context))


def test_a_wrong_pose_scores_worse_everywhere(aligned: Candidate, context: FilterContext) -> None:
    assert aligned.mesh is not None and aligned.intrinsics is not None
    camera = Camera(aligned.intrinsics, look_at(4.0 * direction_at(150.0, 40.0)))
    maps = Open3DRenderer().render(Open3DRenderer().load(aligned.mesh), camera, UniformLight(), 4)
    turned = replace(aligned, pose=Pose(camera.camera_from_world, 0.2, False), posed=maps)
    right, wrong = scores(aligned, context), scores(turned, context)
    for one in FILTERS:
        if one.after == "pose" and one.rule in right and one.rule not in ("mirror_lead", "scale_agreement"):
            ours, theirs = right[one.rule], wrong[one.rule]
            assert ours is not None and theirs is not None and (ours > theirs) == (one.keep == "at_least"), one.rule


def test_a_dropped_picture_says_why(aligned: Candidate, context: FilterContext) -> None:
    assert aligned.pose is not None
    unsure = decided(replace(aligned, pose=replace(aligned.pose, confidence=0.1)), context)["pose_confidence"]
    threshold = PARAMS.filters.pose_confidence
    assert unsure.message == f"probability that the pose is right: 0.1, asked at least {threshold:.3g} (align.filters.pose_confidence)"
    assert "pose_confidence" not in decided(replace(aligned, pose=replace(aligned.pose, confidence=None)), context)


def test_what_takes_long_is_measured_unless_another_rule_of_its_step_drops(aligned: Candidate, context: FilterContext) -> None:
    assert aligned.mask is not None
    beside = Other(Box(0, 0, 20, 20, 0.8), ~aligned.mask.inside)
    twofold = replace(aligned, depth=None, others=(beside,))
    found = apply_filters("beside", twofold, PARAMS, context)
    assert [(one.rule, one.verdict) for one in found] == [("second_object", "dropped")]
    every = apply_filters("beside", twofold, PARAMS, context, all_scores=True)
    assert {one.rule for one in every} == {"second_object", "mirror_lead", "rival_lead"} == {one.rule for one in FILTERS if one.after == "beside"}


class Darkness:
    """`PerceptualDistance` by how much darker or brighter a picture is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.abs(ours.mean(axis=(1, 2, 3)) - theirs.mean(axis=(1, 2, 3))) / 255.0


def test_lpips_compares_the_render_as_it_is_and_the_micro_distance_the_relit_one(aligned: Candidate) -> None:
    dark = replace(aligned, picture=replace(aligned.picture, rgb=aligned.picture.rgb // 2))

    def difference(name: str) -> float | None:
        return scores_of(apply_filters("pose", dark, PARAMS, FilterContext(Darkness(name))))[name]

    relit, as_it_is = difference("micro_distance"), difference("lpips")
    assert relit is not None and as_it_is is not None and as_it_is > 0.05 and as_it_is > 5.0 * relit


def scores_of(decisions: list[Decision]) -> dict[str, float | None]:
    return {one.rule: one.score for one in decisions}
