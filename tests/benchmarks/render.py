"""Rendering: per asset against the floor (the same rays, the same buffers, nothing else), encoders, Blender where it is installed, and the bill.

Everything runs on one core, as each worker of a busy machine does, and processor time is counted, so that others on the machine do not
matter. Floor and renderer take turns, and each counts with its best of three.
"""

import importlib.util
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import cv2
import imagecodecs
import numpy as np
import open3d as o3d

from data_specs.camera import Camera
from data_specs.conventions import encode_depth, encode_normal, encode_position
from data_specs.sample import Sample
from models.geometry.camera_math import view_plan
from models.geometry.glb_reader import read_glb
from models.image_codec import encode_png
from models.renderers import open3d_cpu
from models.renderers.base import EnvironmentLight, Maps, UniformLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.kept_memory import keep_freed_memory
from tasks.render.asset_views import encode_maps
from tasks.shard_io import write_shard
from tests.benchmarks import _blender
from tests.benchmarks._meshes import clean_glbs

SIZE_PIXELS, SAMPLES, REPEATS, ASSETS, PEER_ASSETS, BILL = 512, 16, 3, 12, 3, 120_000
CAMERAS: list[Camera] = [camera for _, camera in view_plan("orthogonal4", SIZE_PIXELS, 0)]


def run() -> list[str]:
    """Measure and print; returns the printed rows."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _stay_on_one_core) as one_core:
        rows = [*one_core.submit(_against_floor).result(), *one_core.submit(_encoders).result()]
    print("\n".join(rows), flush=True)
    return rows


def _stay_on_one_core() -> None:
    keep_freed_memory()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)


def _against_floor() -> list[str]:
    kind, glbs = clean_glbs(ASSETS)
    with tempfile.TemporaryDirectory() as folder:
        measured = np.array([_asset_and_floor(glb, Path(folder)) for glb in glbs])
        whole, floor, scene, size, lit = measured.mean(axis=0)
        rows = [
            f"asset / floor                 {whole / floor:6.2f}   (asked: 1.6 at most)   {1e3 * whole:.0f} ms / {1e3 * floor:.0f} ms per asset,"
            f" {len(glbs)} {kind}, 4 views of {SIZE_PIXELS} px, load + all maps + encode + write",
            f"asset / (floor + what both must do: read the file, build the ray tree)  {whole / (floor + scene):.2f}   {1e3 * scene:.0f} ms",
            f"{BILL:,} assets: {whole * BILL / 3600:.0f} core-hours, {size * BILL / 1e9:.0f} GB; under sky light {lit * BILL / 3600:.0f} core-hours",
        ]
        return rows + _against_blender(measured[:PEER_ASSETS, 0].mean(), glbs[:PEER_ASSETS], Path(folder))


def _asset_and_floor(glb: bytes, folder: Path) -> tuple[float, float, float, float, float]:
    """Seconds for the asset, for its floor, for reading and building; bytes stored; seconds for four pictures under a sky."""
    rays, buffers = _recorded(glb)
    mesh = read_glb(glb)
    scene = Open3DRenderer().load(mesh)
    scene.occluded(rays[0][:1])
    whole, floor, load = [], [], []
    for _ in range(REPEATS):
        whole.append(_time(lambda: _asset(glb, folder / "shard.tar")))
        floor.append(_time(lambda: _floor(scene.embree, rays, buffers)))
        load.append(_time(lambda: _read_and_build(glb)))
    lit = _time(lambda: [Open3DRenderer().render(scene, camera, EnvironmentLight(0, 16), SAMPLES) for camera in CAMERAS])
    return min(whole), min(floor), min(load), (folder / "shard.tar").stat().st_size, lit


def _asset(glb: bytes, path: Path) -> None:
    renderer = Open3DRenderer()
    scene = renderer.load(read_glb(glb))
    members: dict[str, bytes] = {}
    for i, camera in enumerate(CAMERAS):
        maps = renderer.render(scene, camera, UniformLight(), SAMPLES)
        members |= {f"view{i}.{name}.png": data for name, data in encode_maps(maps).items()}
    write_shard(path, [Sample("asset", members)])


def _recorded(glb: bytes) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The rays that rendering casts and the buffers that it encodes."""
    rays: list[np.ndarray] = []
    buffers: list[np.ndarray] = []
    cast = open3d_cpu.cast

    def recording(embree: o3d.t.geometry.RaycastingScene, some: np.ndarray) -> open3d_cpu.Hits:
        rays.append(some)
        return cast(embree, some)

    renderer = Open3DRenderer()
    scene = renderer.load(read_glb(glb))
    with patch.object(open3d_cpu, "cast", recording):
        for camera in CAMERAS:
            buffers += _buffers(renderer.render(scene, camera, UniformLight(), SAMPLES))
    return rays, buffers


def _buffers(maps: Maps) -> list[np.ndarray]:
    return [maps.rgb, encode_normal(maps.normal, maps.mask), encode_position(maps.position, maps.mask), encode_depth(maps.depth)]


def _floor(embree: o3d.t.geometry.RaycastingScene, rays: list[np.ndarray], buffers: list[np.ndarray]) -> None:
    for some in rays:
        embree.cast_rays(o3d.core.Tensor.from_numpy(some))
    for buffer in buffers:
        encode_png(buffer)


def _read_and_build(glb: bytes) -> None:
    mesh = read_glb(glb)
    embree = o3d.t.geometry.RaycastingScene()
    embree.add_triangles(o3d.core.Tensor.from_numpy(mesh.vertices), o3d.core.Tensor.from_numpy(mesh.faces.astype(np.uint32)))
    embree.cast_rays(o3d.core.Tensor.from_numpy(np.ones((1, 6), np.float32)))


def _against_blender(ours: float, glbs: list[bytes], folder: Path) -> list[str]:
    if importlib.util.find_spec("bpy") is None:
        return ["Blender / asset                     not measured: bpy is not installed"]
    theirs = _blender.seconds_per_asset(glbs, CAMERAS, folder)
    return [f"Blender Cycles / asset        {theirs / ours:6.2f}   (asked: 4 at least)   {1e3 * theirs:.0f} ms / {1e3 * ours:.0f} ms per asset"]


def _encoders() -> list[str]:
    """Time and size of lossless encoders for the maps of one view, against ours."""
    glb = clean_glbs(1)[1][0]
    renderer = Open3DRenderer()
    maps = _buffers(renderer.render(renderer.load(read_glb(glb)), CAMERAS[0], UniformLight(), SAMPLES))
    swapped = [np.ascontiguousarray(m if m.ndim == 2 else m[..., [2, 1, 0, 3][: m.shape[2]]]) for m in maps]
    up = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    candidates: dict[str, Callable[[], list[bytes]]] = {
        "ours (PNG, Up, libdeflate)": lambda: [encode_png(m) for m in maps],
        "OpenCV PNG, default": lambda: [_opencv(m, []) for m in swapped],
        "OpenCV PNG, level 1": lambda: [_opencv(m, up[:2]) for m in swapped],
        "OpenCV PNG, level 1, Up": lambda: [_opencv(m, up) for m in swapped],
        "imagecodecs PNG, level 1": lambda: [imagecodecs.png_encode(m, level=1) for m in maps],
        "imagecodecs JPEG XL, effort 1": lambda: [imagecodecs.jpegxl_encode(m, lossless=True, effort=1) for m in maps],
        "WebP lossless (8-bit maps only)": lambda: [imagecodecs.webp_encode(m, lossless=True, level=0, method=0) for m in maps[:2]],
        "QOI (8-bit maps only)": lambda: [imagecodecs.qoi_encode(m) for m in maps[:2]],
    }
    measured = {name: (min(_time(encode) for _ in range(REPEATS)), sum(map(len, encode()))) for name, encode in candidates.items()}
    base_time, base_size = measured["ours (PNG, Up, libdeflate)"]
    return ["encoder                          time   size   (of ours, the four maps of one view)"] + [
        f"  {name:<32}{seconds / base_time:5.2f}  {size / base_size:5.2f}   {1e3 * seconds:.1f} ms, {size / 1e3:.0f} kB"
        for name, (seconds, size) in measured.items()
    ]


def _opencv(pixels: np.ndarray, settings: list[int]) -> bytes:
    return cv2.imencode(".png", pixels, settings)[1].tobytes()


def _time(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start
