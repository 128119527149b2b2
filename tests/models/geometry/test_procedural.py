"""Whole objects: canonical, closed part by part, the same for the same seed, true captions, four different sides."""

import re

import numpy as np
import pytest
import trimesh

from models.geometry.camera_math import view_plan
from models.geometry.procedural import CATEGORIES, build_object, draw_design
from models.geometry.procedural_atlas import ATLAS_PIXELS, assemble
from models.geometry.procedural_paints import COLOURS, TONES
from models.renderers.base import UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.geometry.test_procedural_paints import nearest_name

NAMES = {**COLOURS, **TONES}
SEEDS = (0, 1, 2)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_part_is_closed_and_outward(category: str) -> None:
    for seed in SEEDS:
        design = draw_design(category, seed)
        assembly = assemble([part.grid for part in design.parts])
        for number in range(len(design.parts)):
            solid = trimesh.Trimesh(assembly.mesh.vertices, assembly.mesh.faces[assembly.face_part == number], process=False)
            solid.merge_vertices(merge_tex=True, merge_norm=True)
            assert solid.is_watertight and solid.is_winding_consistent and solid.volume > 0.0, (seed, number)


@pytest.mark.parametrize("category", CATEGORIES)
def test_meshes_are_canonical_and_share_their_geometry(category: str) -> None:
    made = build_object(category, 0)
    mesh = made.smooth
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert np.allclose(low + high, 0.0, atol=1e-5) and (high - low).max() == pytest.approx(2.0, abs=1e-5)
    assert 900 <= len(mesh.faces) <= 8000
    assert mesh.uv is not None and mesh.uv.min() > 0.0 and mesh.uv.max() < 1.0
    assert mesh.normals is not None and np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-4)
    corners = mesh.vertices[mesh.faces].astype(float)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    shading = mesh.normals[mesh.faces].mean(axis=1)
    assert ((flat * shading).sum(axis=1) > -1e-12).all()
    for name in ("vertices", "faces", "normals", "uv"):
        assert getattr(mesh, name) is getattr(made.detailed, name)


@pytest.mark.parametrize("category", CATEGORIES)
def test_same_seed_same_object_other_seed_another(category: str) -> None:
    first, again, other = build_object(category, 1), build_object(category, 1), build_object(category, 2)
    assert first.caption == again.caption
    for name in ("smooth", "detailed"):
        one, two = getattr(first, name), getattr(again, name)
        assert np.array_equal(one.vertices, two.vertices) and np.array_equal(one.faces, two.faces)
        assert np.array_equal(one.materials[0].texture, two.materials[0].texture)
    assert first.smooth.vertices.shape != other.smooth.vertices.shape or not np.array_equal(first.smooth.vertices, other.smooth.vertices)


def part_texels(category: str, seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """For each part without marks: the name of its paint and its texels, smooth and detailed, each (H, W, 3) uint8."""
    design, made = draw_design(category, seed), build_object(category, seed)
    smooth, detailed = (mesh.materials[0].texture for mesh in (made.smooth, made.detailed))
    assert smooth is not None and detailed is not None and smooth.shape == detailed.shape == (ATLAS_PIXELS, ATLAS_PIXELS, 4)
    charts = assemble([part.grid for part in design.parts]).charts
    return [
        (part.paint.name, smooth[chart.window()][..., :3], detailed[chart.window()][..., :3])
        for part, chart in zip(design.parts, charts, strict=True)
        if not part.marks
    ]


@pytest.mark.parametrize("category", CATEGORIES)
def test_parts_have_the_colour_of_their_paint_in_both_domains(category: str) -> None:
    """Means of the two domains lie within 8 of 255 (the lightest whites are cut off); the word nearest to both is the paint's name."""
    for seed in SEEDS:
        for name, smooth, detailed in part_texels(category, seed):
            means = [picture.reshape(-1, 3).mean(axis=0) for picture in (smooth, detailed)]
            assert np.abs(means[0] - means[1]).max() < 8.0, (seed, name)
            assert [nearest_name(mean / 255.0) for mean in means] == [name, name], seed


@pytest.mark.parametrize("category", CATEGORIES)
def test_colours_of_the_caption_can_be_seen(category: str) -> None:
    """Each colour word of a caption is within reach of pixels of the four views, and the word is that of a part or a mark."""
    for seed in SEEDS:
        design = draw_design(category, seed)
        named = set(re.findall(r"[a-z]+", design.caption)) & set(NAMES)
        painted = {part.paint.name for part in design.parts} | {paint.name for part in design.parts for _, paint in part.marks}
        assert named and named <= painted, design.caption
        seen = np.concatenate([view[view[..., 3] == 255][:, :3] for view in views(category, seed)]).astype(float)
        for name in named:
            close = np.abs(seen - NAMES[name]).max(axis=1) < 42.0
            assert close.sum() >= 4, (seed, name, design.caption)


def views(category: str, seed: int) -> list[np.ndarray]:
    """Front, right, back, left of the smooth mesh in uniform light, each (64, 64, 4) uint8."""
    renderer = Open3DRenderer()
    scene = renderer.load(build_object(category, seed).smooth)
    return [renderer.render(scene, camera, UniformLight(), 4).rgb for _, camera in view_plan("orthogonal4", 64, 0)]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_four_sides_differ(category: str) -> None:
    sides = [view.astype(float) * (view[..., 3:] / 255.0) for view in views(category, 0)]
    for one in range(4):
        for two in range(one):
            assert np.abs(sides[one] - sides[two]).mean() > 0.15, (one, two)


def test_detailed_textures_have_far_more_fine_detail() -> None:
    for category in CATEGORIES:
        energies = np.zeros(2)
        for _, *pictures in part_texels(category, 0):
            energies += [np.abs(np.diff(picture.astype(float), axis=0)).sum() for picture in pictures]
        assert energies[1] > 3.0 * energies[0], category


def test_captions_are_sentences_of_one_form() -> None:
    for category in CATEGORIES:
        captions = [draw_design(category, seed).caption for seed in range(20)]
        assert len(set(captions)) > 10, category
        for caption in captions:
            assert re.fullmatch(r"(a|an) [a-z ,]+", caption) and "  " not in caption
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption), caption
            assert len(caption.split()) <= 24, caption


def test_categories() -> None:
    assert len(CATEGORIES) >= 16 and list(CATEGORIES) == sorted(CATEGORIES)
    with pytest.raises(ValueError, match="unknown category 'dragon': there are apple"):
        build_object("dragon", 0)
