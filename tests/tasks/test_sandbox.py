"""The reading process: limits hold, it comes back after each of them, and nothing outside the file's folder is read."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_specs.ids import sha256_bytes
from models.geometry.glb_reader import read_glb
from models.geometry.mesh_error import MeshError
from tasks import sandbox as sandbox_module
from tasks.sandbox import ReadRequest, Sandbox, close_sandboxes, read_in_sandbox

SQUARE = "v 0 0 0\nv 4 0 0\nv 4 1 2\nv 0 1 2\nvt 0 0\nf 1/1 2/1 3/1 4/1\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(memory_mb=2048)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "square.obj").write_text(SQUARE)
    (tmp_path / "secret.obj").write_text(SQUARE)
    return tmp_path / "in"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> ReadRequest:
    """An OBJ that takes seconds to parse."""
    path = tmp_path_factory.mktemp("slow") / "slow.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n" * 300_000 + "".join(f"f {i} {i + 1} {i + 2}\n" for i in range(1, 600_000)))
    return ReadRequest(str(path.parent), path.name)


def rule_of(sandbox: Sandbox, request: ReadRequest, timeout_s: float = 30.0) -> str:
    with pytest.raises(MeshError) as caught:
        sandbox.read(request, timeout_s)
    return caught.value.rule


def test_a_file_comes_back_clean(sandbox: Sandbox, folder: Path) -> None:
    data = (folder / "square.obj").read_bytes()
    found = sandbox.read(ReadRequest(str(folder), "square.obj", sha256=sha256_bytes(data), up_axis="z"), 30.0)
    mesh = read_glb(found.glb)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [2.0, 1.0, 0.5], atol=1e-6)
    assert (found.faces, found.vertices, found.materials, found.textures, found.scale) == (2, 4, 1, 0, 2.0)
    assert found.offset == pytest.approx((2.0, 1.0, -0.5))
    assert rule_of(sandbox, ReadRequest(str(folder), "square.obj", sha256="0" * 64)) == "sha256"
    assert rule_of(sandbox, ReadRequest(str(folder), "square.obj", max_file_bytes=10)) == "file_too_large"
    assert rule_of(sandbox, ReadRequest(str(folder), "square.obj", max_faces=1)) == "too_many_faces"


@pytest.mark.parametrize("name", ["../secret.obj", "/etc/passwd", "link.obj", "linked/secret.obj", "http://localhost/a.obj"])
def test_nothing_outside_the_folder_is_read(sandbox: Sandbox, folder: Path, name: str) -> None:
    (folder / "link.obj").symlink_to(folder.parent / "secret.obj")
    (folder / "linked").symlink_to(folder.parent)
    assert rule_of(sandbox, ReadRequest(str(folder), name)) == "unsafe_uri"


def test_companions_may_not_be_links_out_or_devices(sandbox: Sandbox, folder: Path) -> None:
    (folder / "square.obj").write_text("mtllib a.mtl\nusemtl a\n" + SQUARE)
    (folder / "a.mtl").symlink_to(folder.parent / "secret.obj")
    assert rule_of(sandbox, ReadRequest(str(folder), "square.obj")) == "unsafe_uri"
    (folder / "a.mtl").unlink()
    os.mkfifo(folder / "a.mtl")
    assert rule_of(sandbox, ReadRequest(str(folder), "square.obj")) == "missing_material"
    assert rule_of(sandbox, ReadRequest(str(folder), "a.mtl")) == "missing_file"


def test_links_inside_the_folder_are_fine(sandbox: Sandbox, folder: Path) -> None:
    (folder / "again.obj").symlink_to(folder / "square.obj")
    assert sandbox.read(ReadRequest(str(folder), "again.obj"), 30.0).faces == 2


def test_a_slow_file_is_killed_and_the_next_one_read(sandbox: Sandbox, slow: ReadRequest, folder: Path) -> None:
    begin = time.monotonic()
    assert rule_of(sandbox, slow, timeout_s=0.3) == "timeout"
    assert time.monotonic() - begin < 5.0
    assert sandbox.read(ReadRequest(str(folder), "square.obj"), 30.0).faces == 2


def test_a_killed_child_is_a_decision_and_replaced(sandbox: Sandbox, slow: ReadRequest, folder: Path) -> None:
    sandbox.read(ReadRequest(str(folder), "square.obj"), 30.0)
    assert sandbox._child is not None
    timer = threading.Timer(0.2, os.kill, (sandbox._child.pid, signal.SIGKILL))
    timer.start()
    assert rule_of(sandbox, slow) == "worker_died"
    assert sandbox.read(ReadRequest(str(folder), "square.obj"), 30.0).faces == 2


def test_memory_is_bounded(folder: Path) -> None:
    cv2.imwrite(str(folder / "big.png"), np.zeros((8000, 8000, 3), np.uint8))
    (folder / "a.mtl").write_text("newmtl a\nmap_Kd big.png\n")
    (folder / "big.obj").write_text("mtllib a.mtl\nusemtl a\n" + SQUARE)
    small = Sandbox(memory_mb=600)
    try:
        assert rule_of(small, ReadRequest(str(folder), "big.obj")) == "memory"
        assert small.read(ReadRequest(str(folder), "square.obj"), 30.0).faces == 2
    finally:
        small.close()


def test_too_little_memory_to_start_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"assets\.memory_mb"):
        Sandbox(memory_mb=20).read(ReadRequest("/", "a.obj"), 1.0)


def test_children_are_shared_and_reused(folder: Path) -> None:
    close_sandboxes()
    request, children = ReadRequest(str(folder), "square.obj"), set()
    for _ in range(5):
        assert read_in_sandbox(request, 2048, 30.0).faces == 2
        children.add(sandbox_module._idle[0]._child.pid)
    assert len(children) == len(sandbox_module._idle) == 1
    close_sandboxes()
    assert not sandbox_module._idle


def test_threads_get_a_child_each(folder: Path) -> None:
    request, found = ReadRequest(str(folder), "square.obj"), []
    threads = [threading.Thread(target=lambda: found.append(read_in_sandbox(request, 2048, 30.0).faces)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2, 2, 2]
    close_sandboxes()


def test_an_interrupted_question_does_not_answer_the_next_one(sandbox: Sandbox, slow: ReadRequest, folder: Path) -> None:
    def ring(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(InterruptedError):
            sandbox.read(slow, 30.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sandbox.read(ReadRequest(str(folder), "square.obj"), 30.0).faces == 2
