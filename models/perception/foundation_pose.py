"""FoundationPose (Wen et al. 2024) as a pose estimator, in its own environment, through files.

Its code needs CUDA and packages that do not go with ours, so a scene is a folder in the layout its released `run_demo.py` reads, and a
command from the parameters, or a person, turns folders into poses:

    <scene>/rgb/000000.png  depth/000000.png (uint16, mm)  masks/000000.png  cam_K.txt  mesh/mesh.obj     written here
    <scene>/result/ob_in_cam/000000.txt                                                                   read back: camera_from_object, metres
    <scene>.txt                              that file, all that is left of a finished scene; <scene>.log: of a command that found no pose, its end
    <batch>.scenes                           paths of scene folders, one a line, while a command works on them; <batch>.log: as that of a scene

The released program is run with the command `python run_demo.py --test_scene_dir {scene} --mesh_file {mesh} --debug 0 --debug_dir
{scene}/result`, which loads its networks anew for every picture; `infra/foundation_pose_scenes.py CHECKOUT {scenes}` loads them once for a batch.
It erodes depth wherever neighbours differ by more than a millimetre, which only leaves something of an object the size of a hand; so the canonical
object (longest side 2) is written with its longest side `object_side_m` long, and the pose is scaled back.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_specs.align_params import PoseParams
from data_specs.asset import Mesh
from data_specs.conventions import OBJECT_HALF_SIDE
from data_specs.ids import content_id, sha256_bytes
from models.geometry.text_decoding import linear_from_srgb
from models.image_codec import encode_png
from models.perception.base import Miss, Pose, PoseProblem, Unavailable
from models.perception.blame import Blame, known_object
from models.renderers.textures import encode_srgb

FRAME = "000000"
RESULT = Path("result") / "ob_in_cam" / f"{FRAME}.txt"
MESH = Path("mesh") / "mesh.obj"
POLL_S = 0.2
LOG_BYTES = 10_000


@dataclass(frozen=True)
class FoundationPose:
    """`PoseEstimator` through scene folders below `folder`.

    A scene is named by its content, and a pose that is already there is used: work done once, or by somebody else, is not repeated. So `folder` must
    be another one for another command or environment.
    """

    params: PoseParams
    folder: Path
    _blame: Blame = field(default_factory=Blame, init=False, repr=False, compare=False)

    def estimate(self, problems: list[PoseProblem]) -> list[Pose | Miss]:
        """The pose of each object; a Miss of rule `no_depth`, `pose_failed`, `pose_timeout` or `pose_answer`.

        Raises Unavailable when the command cannot be started, or finds no pose of a known object either.
        """
        placed = [self._place(problem) for problem in problems]
        found = self._found(list(dict.fromkeys(one for one in placed if isinstance(one, Path) and not _known(one).is_file())))
        if self.params.command and self._blame.suspects([isinstance(pose, Pose) for pose in found.values()]):
            self._check_command()
        return [one if isinstance(one, Miss) else found[one] if one in found else read_pose(_known(one), self._metres) for one in placed]

    @property
    def _metres(self) -> float:
        """The length of one unit of the object frame in a scene."""
        return self.params.object_side_m / (2.0 * OBJECT_HALF_SIDE)

    def _check_command(self) -> None:
        """Raise Unavailable when the command finds no pose of a known object, in a folder that no other worker has."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="check.") as folder:
            alone = FoundationPose(self.params, Path(folder))
            scene = alone._place(known_object())
            assert isinstance(scene, Path)
            answer = alone._found([scene])[scene]
            said = [line.strip() for log in Path(folder).glob("*.log") for line in log.read_text(errors="replace").splitlines() if line.strip()]
        if isinstance(answer, Miss):
            raise Unavailable(f"{answer.message}, not even for a known object; the last that it said: {said[-1] if said else 'nothing'}")
        self._blame.clear()

    def _place(self, problem: PoseProblem) -> Path | Miss:
        """Where the scene of a problem lies; written unless its pose is known."""
        if problem.depth is None or not problem.depth[problem.mask].any():
            return Miss("no_depth", "FoundationPose needs depth on the object")
        files = scene_files(problem, self._metres)
        scene = self.folder / content_id({name: sha256_bytes(data) for name, data in files.items()})
        if not _known(scene).is_file():
            write_scene(files, scene)
        return scene

    def _found(self, scenes: list[Path]) -> dict[Path, Pose | Miss]:
        """What is found in each scene. Of a finished one the pose is left, and of one that a command has seen nothing else."""
        if not self.params.command:
            self._wait(scenes)
            return {scene: self._finished(scene, self._too_slow()) for scene in scenes}
        found: dict[Path, Pose | Miss] = {}
        for group in [scenes] if self.params.in_batches and scenes else [[scene] for scene in scenes]:
            miss, log = self._run(group)
            found |= {scene: self._finished(scene, miss) for scene in group}
            if all(isinstance(found[scene], Pose) for scene in group):
                log.unlink()
        return found

    def _finished(self, scene: Path, miss: Miss) -> Pose | Miss:
        """What the result of a scene says, or `miss` where there is none. A pose is kept beside the scene, which goes when nobody can be at it."""
        found = read_pose(scene / RESULT, self._metres) if (scene / RESULT).is_file() else miss
        if isinstance(found, Pose):
            with suppress(FileNotFoundError):  # the same picture twice: another worker was quicker
                os.replace(scene / RESULT, _known(scene))
        if isinstance(found, Pose) or self.params.command:  # else somebody may still be at it
            shutil.rmtree(scene, ignore_errors=True)
        return found

    def _run(self, scenes: list[Path]) -> tuple[Miss, Path]:
        """Run the command on scenes; what to say of one that has no pose then, and the end of what the command said."""
        place = scenes[0] if len(scenes) == 1 else self.folder / content_id([scene.name for scene in scenes])
        listed, log = place.with_suffix(".scenes"), place.with_suffix(".log")
        listed.write_text("".join(f"{scene.resolve()}\n" for scene in scenes))
        filled = {"{scenes}": listed.resolve(), "{scene}": scenes[0].resolve(), "{mesh}": scenes[0].resolve() / MESH}
        words = list(self.params.command)
        for name, path in filled.items():
            words = [word.replace(name, str(path)) for word in words]
        status = run_command(words, log, self.params.timeout_s * len(scenes))
        listed.unlink()
        log.write_bytes(log.read_bytes()[-LOG_BYTES:])
        failed = Miss("pose_failed", f"align.pose.command ended with status {status} and no pose: see {log.name}")
        return self._too_slow() if status is None else failed, log

    def _wait(self, scenes: list[Path]) -> None:
        """Somebody else writes the results, perhaps in pieces: until the time is up, an unreadable one counts as unfinished."""
        deadline = time.monotonic() + self.params.timeout_s * len(scenes)
        for scene in scenes:
            while not isinstance(read_pose(scene / RESULT, self._metres), Pose) and time.monotonic() < deadline:
                time.sleep(POLL_S)

    def _too_slow(self) -> Miss:
        return Miss("pose_timeout", f"no pose within {self.params.timeout_s:g} s (align.pose.timeout_s)")


def _known(scene: Path) -> Path:
    """The pose of a finished scene."""
    return scene.with_suffix(".txt")


def run_command(words: list[str], log: Path, timeout_s: float) -> int | None:
    """Run a command, all it says into `log`; its exit status, or None when it, and all it started, had to be killed for time.

    Raises Unavailable when it cannot be started.
    """
    with log.open("wb") as said:
        try:
            run = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise Unavailable(f"align.pose.command cannot be run: {error}") from None
        try:
            return run.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return None


def remove_scenes(folder: Path) -> None:
    """Remove the scenes, and lists of them, that nobody has finished; poses and logs stay. For when no estimator works in `folder` any more."""
    for path in folder.glob("*.scenes"):
        path.unlink()
    for path in folder.glob("*/"):
        shutil.rmtree(path, ignore_errors=True)


def write_scene(files: dict[str, bytes], scene: Path) -> None:
    """Write the files of a scene unless they are there. The folder appears with all of them or not at all."""
    if scene.is_dir():
        return
    unfinished = scene.with_name(f"{scene.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name, data in files.items():
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    try:
        unfinished.rename(scene)
    except OSError:
        if not scene.is_dir():
            raise
        shutil.rmtree(unfinished)  # another worker wrote the same scene meanwhile


def read_pose(path: Path, metres: float) -> Pose | Miss:
    """The pose in a result file, in units of the object frame; a Miss when it is not a rigid transform to before the camera."""
    try:
        matrix = np.loadtxt(path, dtype=np.float64).reshape(4, 4)
    except (OSError, ValueError):
        return Miss("pose_answer", f"{path.name} does not hold a 4 x 4 matrix")
    rotation = matrix[:3, :3]
    rigid = np.isfinite(matrix).all() and np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) and np.linalg.det(rotation) > 0
    if not rigid or not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-6) or matrix[2, 3] <= 0:
        return Miss("pose_answer", f"{path.name} holds no rigid transform to a place before the camera")
    left, _, right = np.linalg.svd(rotation)  # float32 poses are orthogonal to 1e-6 only
    matrix[:3, :3] = left @ right
    matrix[:3, 3] /= metres
    return Pose(matrix)


def scene_files(problem: PoseProblem, metres: float) -> dict[str, bytes]:
    """Path -> content of a problem's scene. metres: the length of one unit of the object frame in it."""
    assert problem.depth is not None
    millimetres = np.rint(np.clip(problem.depth.astype(np.float64) * metres * 1000.0, 0, 65535)).astype(np.uint16)
    rows = "\n".join(" ".join(f"{value:.9g}" for value in row) for row in problem.intrinsics.matrix())
    files = {
        f"rgb/{FRAME}.png": encode_png(np.ascontiguousarray(problem.picture.rgb)),
        f"depth/{FRAME}.png": encode_png(millimetres),
        f"masks/{FRAME}.png": encode_png(problem.mask.astype(np.uint8) * np.uint8(255)),
        "cam_K.txt": f"{rows}\n".encode(),
    }
    return files | _mesh_files(problem.mesh, metres)


def _mesh_files(mesh: Mesh, metres: float) -> dict[str, bytes]:
    """OBJ with one texture where the mesh has one and nothing else that colours it; otherwise with a colour per vertex."""
    vertices, corners = mesh.vertices.astype(np.float64) * metres, mesh.faces + 1
    texture = mesh.materials[0].texture
    plain = len(mesh.materials) == 1 and mesh.vertex_colours is None and bool((mesh.materials[0].factor[:3] == 1.0).all())
    if mesh.uv is None or texture is None or not plain:
        colours = vertex_colours(mesh)
        lines = [f"v {x:.7g} {y:.7g} {z:.7g} {r:.4f} {g:.4f} {b:.4f}" for (x, y, z), (r, g, b) in zip(vertices, colours)]
        lines += [f"f {a} {b} {c}" for a, b, c in corners]
        return {"mesh/mesh.obj": ("\n".join(lines) + "\n").encode()}
    lines = ["mtllib mesh.mtl", "usemtl surface"]
    lines += [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in vertices]
    lines += [f"vt {u:.7g} {1.0 - v:.7g}" for u, v in mesh.uv.astype(np.float64)]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in corners]
    return {
        "mesh/mesh.obj": ("\n".join(lines) + "\n").encode(),
        "mesh/mesh.mtl": b"newmtl surface\nmap_Kd texture.png\n",
        "mesh/texture.png": encode_png(np.ascontiguousarray(texture[..., :3])),
    }


def vertex_colours(mesh: Mesh) -> np.ndarray:
    """The base colour at every vertex, (V, 3) float64 sRGB in [0, 1]; a vertex of several materials has the colour of the last one."""
    linear = np.ones((len(mesh.vertices), 3)) if mesh.vertex_colours is None else mesh.vertex_colours[:, :3].astype(np.float64)
    places = np.zeros(len(mesh.faces), np.int32) if mesh.face_material is None else mesh.face_material
    for number, material in enumerate(mesh.materials):
        rows = np.unique(mesh.faces[places == number])
        linear[rows] *= material.factor[:3]
        if material.texture is not None and mesh.uv is not None:
            linear[rows] *= linear_from_srgb(_texels(material.texture, mesh.uv[rows]))
    return encode_srgb(linear) / 255.0


def _texels(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    height, width = texture.shape[:2]
    at = [np.minimum((uv[:, axis] % 1.0 * size).astype(int), size - 1) for axis, size in enumerate((width, height))]
    return texture[at[1], at[0], :3] / 255.0
