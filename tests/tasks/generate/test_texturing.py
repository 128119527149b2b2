"""True renders in place of generated views: the painted model looks like its source, wherever it stands, and passes Khronos' validator."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.diffusion.pictures import on_white
from models.geometry.camera_math import view_plan
from models.geometry.glb_reader import read_glb
from models.geometry.procedural import build_object
from tasks.generate.subject import Subject
from tasks.generate.texturing import Textured, paint, render_views, texture_side
from tasks.generate.unwrapping import Atlas, choose_atlas
from tests.conftest import REPOSITORY

SIZE = 128
VALIDATOR = """
const bytes = new Uint8Array(require("fs").readFileSync(process.argv[1]));
require("gltf-validator").validateBytes(bytes).then((report) => console.log(JSON.stringify(report.issues)));
"""


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(build_object("table", 3).detailed, scale=40.0, offset=(10.0, 200.0, -5.0))


def painted_truly(subject: Subject, atlas: Atlas, side: int) -> Textured:
    cameras = [camera for _, camera in view_plan("orthogonal4", SIZE, 0)]
    maps = render_views(subject.mesh, cameras, "open3d_cpu", 16)
    return paint(subject, atlas, np.stack([on_white(view.rgb) for view in maps]), maps, cameras, side)


@pytest.fixture(scope="module")
def painted(subject: Subject) -> Textured:
    return painted_truly(subject, choose_atlas(subject.mesh, 512, 60.0, 4096), 512)


def test_true_views_agree_with_the_painted_model(painted: Textured) -> None:
    assert painted.psnr > 30.0
    assert 0.2 < painted.seen < 1.0
    assert painted.turntable.shape[0] == 8 and (painted.turntable[:, 0, 0] == 255).all()


def test_the_model_is_in_the_frame_of_its_source(subject: Subject, painted: Textured) -> None:
    mesh = read_glb(painted.glb)
    expected = subject.mesh.vertices[subject.mesh.faces] * subject.scale + np.array(subject.offset)
    np.testing.assert_allclose(mesh.vertices[mesh.faces], expected, atol=1e-3)


def test_new_charts_where_the_own_are_of_no_use(subject: Subject) -> None:
    bare = replace(subject, mesh=replace(subject.mesh, uv=None))
    atlas = choose_atlas(bare.mesh, 256, 120.0, 4096)
    assert atlas.made == "charts" and "no texture coordinates" in atlas.notes[0]


def test_single_triangles_where_unwrapping_takes_too_long(subject: Subject) -> None:
    bare = replace(subject, mesh=replace(subject.mesh, uv=None, materials=(replace(subject.mesh.materials[0], texture=None),)))
    atlas = choose_atlas(bare.mesh, 512, 0.01, 4096)
    assert atlas.made == "triangles" and "unwrap_timeout_s" in atlas.notes[1]


def test_single_triangles_where_unwrapping_needs_too_much_memory(subject: Subject) -> None:
    bare = replace(subject, mesh=replace(subject.mesh, uv=None))
    atlas = choose_atlas(bare.mesh, 512, 120.0, 50)
    assert atlas.made == "triangles" and "more memory than 50 MB, assets.memory_mb" in atlas.notes[1]
    assert read_glb(painted_truly(bare, atlas, 512).glb).uv is not None


@pytest.mark.parametrize(("asked", "view", "side"), [(0, 64, 256), (0, 512, 2048), (0, 16, 256), (0, 2048, 4096), (700, 64, 700)])
def test_size_of_the_texture(asked: int, view: int, side: int) -> None:
    assert texture_side(asked, view) == side


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Khronos' validator, installed once into an ignored folder of the checkout."""
    folder = REPOSITORY / "node_modules"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (folder / "gltf-validator").is_dir():
        command = [
            "npm",
            "install",
            "--no-save",
            "--no-package-lock",
            "--no-fund",
            "--no-audit",
            "--prefix",
            str(REPOSITORY),
            "gltf-validator@2.0.0-dev.3.10",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip(f"gltf-validator cannot be installed: {done.stderr.strip()[-300:]}")
    return folder


@pytest.mark.slow
def test_khronos_validator_finds_nothing(tmp_path: Path, painted: Textured, node_modules: Path) -> None:
    (tmp_path / "model.glb").write_bytes(painted.glb)
    command = ["node", "-e", VALIDATOR, str(tmp_path / "model.glb")]
    done = subprocess.run(command, cwd=node_modules.parent, capture_output=True, text=True, timeout=120, check=True)
    issues = json.loads(done.stdout)
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]
