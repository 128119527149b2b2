"""FoundationPose through files: the scene folder is what its released reader reads, and its answers are taken back or refused."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import open3d as o3d
import pytest
import trimesh

from data_specs.align_params import PoseParams
from data_specs.asset import Material, Mesh
from models.geometry.camera_math import project
from models.perception.base import Miss, Pose, PoseProblem, Unavailable
from models.perception.foundation_pose import RESULT, FoundationPose, read_pose, remove_scenes, scene_files, vertex_colours, write_scene
from tests.composed_scenes import ComposedScene, compose
from tests.conftest import REPOSITORY
from tests.models.renderers.shapes import card, join

METRES = 0.1
FAKE = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1], "result", "ob_in_cam")
folder.mkdir(parents=True)
(folder / "000000.txt").write_text(sys.argv[2])
"""


@pytest.fixture(scope="module")
def scene() -> ComposedScene:
    return compose("teapot", 7, 256)


def problem_of(scene: ComposedScene) -> PoseProblem:
    assert scene.picture.depth is not None
    return PoseProblem(scene.picture, scene.mask, scene.picture.depth, scene.camera.intrinsics, scene.mesh)


def answer_of(matrix: np.ndarray) -> str:
    return "\n".join(" ".join(map(str, row)) for row in matrix)


def in_metres(scene: ComposedScene) -> np.ndarray:
    matrix = scene.camera.camera_from_world.copy()
    matrix[:3, 3] *= METRES
    return matrix


def written(problem: PoseProblem, folder: Path) -> Path:
    write_scene(scene_files(problem, METRES), folder / "scene")
    return folder / "scene"


def command(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", FAKE, "{scene}", text)


def sound_but(*words: str) -> tuple[str, ...]:
    """A command that finds a known object, and does something else with every other scene."""
    known = 'mkdir -p "$0/result/ob_in_cam"; echo "$1" > "$0/result/ob_in_cam/000000.txt"; exit 0'
    aside = f'case "$0" in */check.*) {known};; esac; shift; exec "$@"'
    before = np.eye(4)
    before[2, 3] = 1.0
    return ("sh", "-c", aside, "{scene}", answer_of(before), *words)


def test_a_scene_holds_what_its_reader_reads(scene: ComposedScene, tmp_path: Path) -> None:
    """Read as FoundationPose's YcbineoatReader does, the depth lies on the mesh at the true pose, all in metres."""
    folder = written(problem_of(scene), tmp_path)
    depth = cv2.imread(str(folder / "depth" / "000000.png"), -1) / 1e3
    mask = cv2.imread(str(folder / "masks" / "000000.png"), -1) > 0
    matrix = np.loadtxt(folder / "cam_K.txt").reshape(3, 3)
    colour = cv2.imread(str(folder / "rgb" / "000000.png"))[..., ::-1]
    assert np.array_equal(colour, scene.picture.rgb) and np.array_equal(mask, scene.mask)
    mesh = trimesh.load(folder / "mesh" / "mesh.obj", process=False)
    assert isinstance(mesh, trimesh.Trimesh) and np.ptp(mesh.vertices, axis=0).max() == pytest.approx(0.2, rel=1e-4)
    rows, columns = np.nonzero(mask)
    rays = np.linalg.inv(matrix) @ np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
    in_camera = (rays * depth[rows, columns]).T
    pose = in_metres(scene)
    in_object = (in_camera - pose[:3, 3]) @ pose[:3, :3]
    surface = o3d.t.geometry.RaycastingScene()
    surface.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    assert float(surface.compute_distance(in_object.astype(np.float32)).numpy().max()) < 6e-4  # depth comes in steps of a millimetre


def test_the_meshs_texture_comes_along_upright(scene: ComposedScene, tmp_path: Path) -> None:
    folder = written(problem_of(scene), tmp_path)
    mesh = trimesh.load(folder / "mesh" / "mesh.obj", process=False)
    assert np.array_equal(np.asarray(mesh.visual.material.image)[..., :3], scene.mesh.materials[0].texture[..., :3])
    assert scene.mesh.uv is not None
    np.testing.assert_allclose(mesh.visual.uv, scene.mesh.uv * [1, -1] + [0, 1], atol=1e-5)


def test_a_mesh_of_several_materials_has_a_colour_per_vertex(scene: ComposedScene, tmp_path: Path) -> None:
    red, grey = Material(factor=np.array([1, 0, 0, 1], np.float32)), Material(texture=np.full((2, 2, 4), 128, np.uint8))
    mesh = join(card(red), card(grey, 0.5))
    assert np.allclose(vertex_colours(mesh), [[1, 0, 0]] * 4 + [[128 / 255] * 3] * 4, atol=1e-3)
    folder = written(replace(problem_of(scene), mesh=mesh), tmp_path)
    loaded = trimesh.load(folder / "mesh" / "mesh.obj", process=False)
    assert isinstance(loaded, trimesh.Trimesh)
    assert np.abs(loaded.visual.vertex_colors[:, :3].astype(int) - np.rint(vertex_colours(mesh) * 255)).max() <= 1


def test_the_commands_pose_comes_back_in_object_units(scene: ComposedScene, tmp_path: Path) -> None:
    estimator = FoundationPose(PoseParams(kind="foundation_pose", command=command(answer_of(in_metres(scene)))), tmp_path)
    found = estimator.estimate([problem_of(scene)])[0]
    assert isinstance(found, Pose) and found.confidence is None
    np.testing.assert_allclose(found.camera_from_object, scene.camera.camera_from_world, atol=1e-9)
    pixels, _ = project(scene.mesh.vertices, replace(scene.camera, camera_from_world=found.camera_from_object))
    assert pixels.min() > 0 and pixels.max() < 256


def test_a_finished_scene_is_not_run_again(scene: ComposedScene, tmp_path: Path) -> None:
    real = PoseParams(kind="foundation_pose", command=command(answer_of(in_metres(scene))))
    first = FoundationPose(real, tmp_path).estimate([problem_of(scene)])[0]
    again = FoundationPose(PoseParams(kind="foundation_pose", command=("false",)), tmp_path).estimate([problem_of(scene)])[0]
    assert isinstance(first, Pose) and isinstance(again, Pose) and np.array_equal(first.camera_from_object, again.camera_from_object)
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".txt" and left.stat().st_size < 1000, "of a finished scene the pose is left"


def test_somebody_else_writes_the_pose_in_pieces(scene: ComposedScene, tmp_path: Path) -> None:
    text = answer_of(in_metres(scene))

    def write() -> None:
        while not (seen := [path for path in tmp_path.glob("*/cam_K.txt") if path.parent.suffix != ".tmp"]):
            time.sleep(0.05)
        place = seen[0].parent / RESULT
        place.parent.mkdir(parents=True)
        place.write_text(text[:50])
        time.sleep(0.5)
        place.write_text(text)

    writer = threading.Thread(target=write)
    writer.start()
    found = FoundationPose(PoseParams(kind="foundation_pose", timeout_s=20), tmp_path).estimate([problem_of(scene)])[0]
    writer.join()
    assert isinstance(found, Pose) and [path.suffix for path in tmp_path.iterdir()] == [".txt"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('CUDA is not here')"), "pose_failed"),
        (command("1 2 3"), "pose_answer"),
        (command(answer_of(np.diag([1.0, 1.0, -1.0, 1.0]))), "pose_answer"),
        (command(answer_of(np.full((4, 4), np.nan))), "pose_answer"),
        (("sleep", "77.31"), "pose_timeout"),
        (("sh", "-c", "sleep 77.31"), "pose_timeout"),
        ((), "pose_timeout"),
    ],
)
def test_what_a_pose_is_dropped_for(words: tuple[str, ...], rule: str, scene: ComposedScene, tmp_path: Path) -> None:
    timeout_s = 0.5 if rule == "pose_timeout" else 60.0
    params = PoseParams(kind="foundation_pose", command=sound_but(*words) if words else (), timeout_s=timeout_s)
    found = FoundationPose(params, tmp_path).estimate([problem_of(scene)])[0]
    assert isinstance(found, Miss) and found.rule == rule
    assert str(tmp_path) not in found.message
    left = [path.suffix for path in tmp_path.iterdir()]
    assert left == ([".log"] if words else [""]), "the log of a command; a scene that somebody else may be at"
    remove_scenes(tmp_path)
    assert left == [""] or len(list(tmp_path.iterdir())) == 1
    assert "sleep 77.31" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_without_depth_there_is_nothing_to_do(scene: ComposedScene, tmp_path: Path) -> None:
    for depth in (None, np.where(scene.mask, 0.0, 1.0).astype(np.float32)):
        found = FoundationPose(PoseParams(kind="foundation_pose"), tmp_path).estimate([replace(problem_of(scene), depth=depth)])[0]
        assert isinstance(found, Miss) and found.rule == "no_depth"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no-such-program",), r"align\.pose\.command cannot be run"),
        ((sys.executable, "no-such-script.py", "{scene}"), r"status 2 and no pose.*not even for a known object.*can't open file"),
        ((sys.executable, "-c", "import sys; sys.exit('CUDA is not here')"), r"status 1.*the last that it said: CUDA is not here"),
    ],
)
def test_a_command_that_fails_for_everything_stops_the_stage(words: tuple[str, ...], message: str, scene: ComposedScene, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=message):
        FoundationPose(PoseParams(kind="foundation_pose", command=words), tmp_path).estimate([problem_of(scene)])
    assert not list(tmp_path.glob("check.*"))


def problems_of(scene: ComposedScene) -> list[PoseProblem]:
    """Four scenes: one without depth, one of a card, the last as the first."""
    first = problem_of(scene)
    return [first, replace(first, depth=None), replace(first, mesh=card(Material())), first]


RELEASED = """
import numpy
class ScorePredictor:
    pass
class PoseRefinePredictor:
    def __init__(self):
        open(LOADED, "a").write("loaded\\n")
class FoundationPose:
    def __init__(self, model_pts, model_normals, mesh, scorer, refiner, glctx, debug, debug_dir):
        self.points = model_pts
    def register(self, K, rgb, depth, ob_mask, iteration):
        assert rgb.shape[:2] == depth.shape == ob_mask.shape and K.shape == (3, 3)
        if len(self.points) == 4:
            raise RuntimeError("no pose of a card")
        return numpy.loadtxt(POSE)
"""


def test_one_command_takes_a_whole_batch(scene: ComposedScene, tmp_path: Path) -> None:
    """The script for its environment, beside a stand-in for the released code: networks are loaded once, and a failed scene takes no other along."""
    released, folder = tmp_path / "released", tmp_path / "scenes"
    (released / "nvdiffrast").mkdir(parents=True)
    (released / "nvdiffrast" / "torch.py").write_text("class RasterizeCudaContext:\n    pass\n")
    np.savetxt(tmp_path / "pose.txt", in_metres(scene))
    names = f"LOADED, POSE = {str(tmp_path / 'loaded')!r}, {str(tmp_path / 'pose.txt')!r}\n"
    (released / "estimater.py").write_text(names + RELEASED)
    script = REPOSITORY / "infra" / "foundation_pose_scenes.py"
    folder.mkdir()
    estimator = FoundationPose(PoseParams(kind="foundation_pose", command=(sys.executable, str(script), str(released), "{scenes}")), folder)
    first, no_depth, flat, last = estimator.estimate(problems_of(scene))
    assert isinstance(first, Pose) and isinstance(last, Pose) and np.array_equal(first.camera_from_object, last.camera_from_object)
    np.testing.assert_allclose(first.camera_from_object, scene.camera.camera_from_world, atol=1e-6)
    assert isinstance(no_depth, Miss) and no_depth.rule == "no_depth"
    assert isinstance(flat, Miss) and flat.rule == "pose_failed" and "status 1 and no pose" in flat.message
    assert (tmp_path / "loaded").read_text() == "loaded\n"
    (folder / "killed.scenes").write_text("")
    remove_scenes(folder)
    assert sorted(path.suffix for path in folder.iterdir()) == [".log", ".txt"]
    assert "no pose of a card" in next(folder.glob("*.log")).read_text()


def test_a_rotation_of_low_precision_becomes_a_rotation(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]]).astype(np.float32) + 3e-5
    matrix[2, 3] = 0.5
    (tmp_path / "pose.txt").write_text(answer_of(matrix))
    found = read_pose(tmp_path / "pose.txt", METRES)
    assert isinstance(found, Pose)
    rotation = found.camera_from_object[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert found.camera_from_object[2, 3] == pytest.approx(5.0)


def test_triangles_of_a_plain_mesh_are_kept(scene: ComposedScene, tmp_path: Path) -> None:
    plain = Mesh(scene.mesh.vertices, scene.mesh.faces)
    folder = written(replace(problem_of(scene), mesh=plain), tmp_path)
    loaded = trimesh.load(folder / "mesh" / "mesh.obj", process=False)
    assert len(loaded.faces) == len(plain.faces)
