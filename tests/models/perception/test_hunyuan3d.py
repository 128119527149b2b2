"""The client of Hunyuan3D-2's api_server.py against a local server that speaks its protocol and misbehaves."""

import re
import socket
import time
from typing import Any

import numpy as np
import pytest

from data_specs.align_params import MeshParams
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.perception.base import GeneratedMesh, Miss, Picture, Unavailable
from models.perception.blame import known_object
from models.perception.hunyuan3d import Hunyuan3D
from tests.models.perception.mesh_server import MeshServer, serve
from tests.models.renderers.shapes import sphere

GLB = write_glb(sphere(2))
ROUTES = ("generate", "send")


def picture(value: int = 10) -> Picture:
    alpha = np.zeros((32, 24), np.uint8)
    alpha[4:20, 3:12] = 255
    return Picture(np.full((32, 24, 3), value, np.uint8), alpha)


def client(server: MeshServer, **settings: Any) -> Hunyuan3D:
    defaults: dict[str, Any] = {"timeout_s": 5.0, "first_pause_s": 0.01, "poll_s": 0.02, "max_mb": 1}
    return Hunyuan3D(MeshParams(kind="hunyuan3d", **({"url": server.url} | defaults | settings)))


@pytest.mark.parametrize("route", ROUTES)
def test_a_picture_becomes_a_mesh(route: str) -> None:
    with serve(MeshServer(GLB)) as server:
        found = client(server, route=route, seed=7, face_count=5000).generate([picture(200)])[0]
    assert isinstance(found, GeneratedMesh)
    assert len(read_glb(found.glb).faces) == 320
    asked = server.seen[0]
    asked.pop("image")
    assert asked == {
        "type": "glb", "seed": 7, "octree_resolution": 256, "num_inference_steps": 5, "guidance_scale": 5.0, "texture": True, "face_count": 5000
    }  # fmt: skip


def test_who_reads_the_colours_alone_sees_the_object_on_white() -> None:
    """The released server does (rembg on `convert("RGB")`): neither the background nor its part in soft edges may be left."""
    rgb, alpha = np.full((2, 3, 3), [200, 100, 0], np.uint8), np.array([[0, 51, 255]] * 2, np.uint8)
    with serve(MeshServer(GLB)) as server:
        client(server).generate([Picture(rgb, alpha), Picture(rgb)])
    sent, opaque = (server.seen[place]["image"] for place in (0, 1))
    assert np.array_equal(np.asarray(sent)[..., 3], alpha)
    share = alpha[..., None] / 255.0
    np.testing.assert_allclose(np.asarray(sent.convert("RGB")), rgb * share + 255 * (1 - share), atol=0.5)
    assert np.array_equal(np.asarray(opaque), rgb)


@pytest.mark.parametrize("route", ROUTES)
def test_answers_keep_the_order_and_the_queue_its_limit(route: str) -> None:
    with serve(MeshServer(GLB, plan=["good", "error", "good"], delay_s=0.05)) as server:
        found = client(server, route=route, attempts=1).generate([picture(value) for value in range(5)])
        assert [isinstance(one, GeneratedMesh) for one in found] == [True, False, True, True, True]
        assert server.most_under_way == 1
    with serve(MeshServer(GLB, delay_s=0.1)) as server:
        client(server, route=route, queue_limit=3).generate([picture(value) for value in range(7)])
        assert 2 <= server.most_under_way <= 3


def test_a_mesh_is_told_of_while_others_are_under_way() -> None:
    told: list[tuple[int, bool]] = []
    with serve(MeshServer(GLB, plan=["good", "error", "good"], delay_s=0.05)) as server:
        client(server, attempts=1).generate([picture()] * 3, lambda place, mesh: told.append((place, len(server.seen) == place + 1)))
    assert told == [(0, True), (2, True)]


@pytest.mark.parametrize("bad", ["error", "crash", "busy", "truncated", "short", "html", "hang_up", "redirect"])
def test_a_second_attempt_helps(bad: str) -> None:
    with serve(MeshServer(GLB, plan=[bad, "good"])) as server:
        assert isinstance(client(server).generate([picture()])[0], GeneratedMesh)
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("bad", "rule", "message"),
    [
        ("error", "mesh_server", "status 404 and error_code 1"),
        ("crash", "mesh_server", "status 500 and no error_code"),
        ("hang_up", "mesh_server", "no answer"),
        ("truncated", "mesh_answer", "breaks off"),
        ("short", "mesh_answer", r"says \d+ bytes and has \d+"),
        ("html", "mesh_answer", "is not a GLB file"),
        ("huge", "mesh_answer", r"more than 1 MB \(align.mesh.max_mb\)"),
    ],
)
def test_what_a_picture_is_dropped_for(bad: str, rule: str, message: str) -> None:
    with serve(MeshServer(GLB, plan=[bad] * 3 + ["good"])) as server:
        found = client(server).generate([picture()])[0]
        assert isinstance(found, Miss) and found.rule == rule
        assert len(server.seen) == 4, "three attempts, and a known object: the server is sound"
        assert np.array_equal(np.asarray(server.seen[3]["image"])[..., 3], known_object().picture.alpha)
    assert re.search(message, found.message)
    assert server.url not in found.message


@pytest.mark.parametrize(("bad", "route"), [("slow", "generate"), ("trickle", "generate"), ("never", "send")])
def test_time_is_limited_over_all(bad: str, route: str) -> None:
    known_object()  # drawn before the clock starts
    with serve(MeshServer(GLB, plan=[bad, "good"])) as server:
        started = time.monotonic()
        found = client(server, route=route, timeout_s=0.6).generate([picture()])[0]
        assert isinstance(found, Miss) and found.rule == "mesh_timeout"
        assert time.monotonic() - started < 1.4
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("error", "status 404 and error_code 1, not even for a known object"),
        ("slow", "no mesh within 0.4 s .*not even for a known object"),
        ("html", "not a GLB file"),
    ],
)
def test_a_server_that_fails_for_everything_stops_the_stage(bad: str, message: str) -> None:
    with serve(MeshServer(GLB, plan=[bad])) as server, pytest.raises(Unavailable, match=f"{server.url}: .*{message}"):
        client(server, timeout_s=0.4).generate([picture()])


def test_so_does_an_address_of_something_else() -> None:
    with serve(MeshServer(GLB)) as server, pytest.raises(Unavailable, match=r"/api: .*status 404 and no error_code"):
        client(server, url=f"{server.url}/api").generate([picture()])


def test_a_server_that_breaks_on_the_way_is_found_out_after_some_pictures() -> None:
    with serve(MeshServer(GLB, plan=["good", "error"])) as server:
        asked = client(server, attempts=1)
        kinds = [type(asked.generate([picture()])[0]) for _ in range(3)]
        assert kinds == [GeneratedMesh, Miss, Miss]
        with pytest.raises(Unavailable):
            asked.generate([picture()])
        with pytest.raises(Unavailable):
            asked.generate([picture()])
        server.plan = ["error", "good", "error", "good"]
        assert isinstance(asked.generate([picture()])[0], Miss), "it is sound again: that was the picture"
        assert isinstance(asked.generate([picture()])[0], Miss)
        assert len(server.seen) == 1 + 2 + 2 + 2 + 2 + 1


def test_requests_are_spread_over_servers_and_one_that_is_down_or_broken_stops_nothing() -> None:
    with serve(MeshServer(GLB, delay_s=0.1)) as one, serve(MeshServer(GLB, delay_s=0.1)) as other:
        found = client(one, url=(one.url, other.url), queue_limit=4).generate([picture()] * 8)
        assert all(isinstance(mesh, GeneratedMesh) for mesh in found)
        assert 2 <= len(one.seen) <= 6 and one.most_under_way <= 3 and other.most_under_way <= 3
    with serve(MeshServer(GLB, plan=["error"])) as broken, serve(MeshServer(GLB)) as sound:
        found = client(sound, url=(one.url, broken.url, sound.url)).generate([picture()] * 4)
        assert all(isinstance(mesh, GeneratedMesh) for mesh in found) and len(sound.seen) == 4


@pytest.mark.parametrize("bad", ["busy", "redirect"])
def test_an_unwilling_server_stops_the_stage(bad: str) -> None:
    with serve(MeshServer(GLB, plan=[bad])) as server, pytest.raises(Unavailable, match=r"is `python api_server.py --enable_tex` running"):
        client(server).generate([picture()])


def test_a_broken_job_of_the_queue() -> None:
    with serve(MeshServer(GLB, plan=["truncated", "truncated", "good"])) as server:
        found = client(server, route="send", attempts=2).generate([picture()])[0]
        assert isinstance(found, Miss) and found.rule == "mesh_answer"


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable, match=address):
        Hunyuan3D(MeshParams(kind="hunyuan3d", url=address, first_pause_s=0.0)).generate([picture()])


def test_proxies_and_credentials_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serve(MeshServer(GLB)) as server:
        assert isinstance(client(server).generate([picture()])[0], GeneratedMesh)
        assert not {"Authorization", "Cookie"} & set(server.headers[0])


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8081", "file:///etc/passwd", "http://user:word@127.0.0.1", "http://h/?x=1"])
def test_only_plain_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"align\.mesh\.url"):
        Hunyuan3D(MeshParams(kind="hunyuan3d", url=url))
