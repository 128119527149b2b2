"""The peer: Blender Cycles through `bpy`, same meshes, same cameras, 16 samples, RGB with normal and position passes in one EXR per view."""

import time
from pathlib import Path

import numpy as np

from data_specs.camera import Camera

SAMPLES = 16


def seconds_per_asset(glbs: list[bytes], cameras: list[Camera], folder: Path) -> float:
    """Mean time to load a mesh, render every camera and write the pictures, on one thread."""
    import bpy

    (folder / "warm.glb").write_bytes(glbs[0])
    _render_asset(bpy, folder / "warm.glb", cameras[:1], folder)
    total = 0.0
    for i, glb in enumerate(glbs):
        path = folder / f"{i}.glb"
        path.write_bytes(glb)
        start = time.process_time()
        _render_asset(bpy, path, cameras, folder)
        total += time.process_time() - start
    return total / len(glbs)


def _render_asset(bpy: object, path: Path, cameras: list[Camera], folder: Path) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)  # type: ignore[attr-defined]
    bpy.ops.import_scene.gltf(filepath=str(path))  # type: ignore[attr-defined]
    scene = bpy.context.scene  # type: ignore[attr-defined]
    _set_up(bpy, scene, cameras[0])
    for i, camera in enumerate(cameras):
        scene.camera.matrix_world = _blender_pose(camera)
        scene.render.filepath = str(folder / f"view{i}.exr")
        bpy.ops.render.render(write_still=True)  # type: ignore[attr-defined]


def _set_up(bpy: object, scene: object, camera: Camera) -> None:
    scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", SAMPLES  # type: ignore[attr-defined]
    scene.cycles.use_denoising, scene.render.film_transparent = False, True  # type: ignore[attr-defined]
    scene.render.threads_mode, scene.render.threads = "FIXED", 1  # type: ignore[attr-defined]
    scene.render.resolution_x = scene.render.resolution_y = camera.intrinsics.width  # type: ignore[attr-defined]
    scene.render.use_persistent_data = True  # type: ignore[attr-defined]
    scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"  # type: ignore[attr-defined]
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"  # type: ignore[attr-defined]
    scene.view_layers[0].use_pass_normal = scene.view_layers[0].use_pass_position = True  # type: ignore[attr-defined]
    scene.world = bpy.data.worlds.new("white")  # type: ignore[attr-defined]
    lens = bpy.data.cameras.new("camera")  # type: ignore[attr-defined]
    lens.angle = 2 * np.arctan(camera.intrinsics.width / 2 / camera.intrinsics.focal_x)
    scene.camera = bpy.data.objects.new("camera", lens)  # type: ignore[attr-defined]
    scene.collection.objects.link(scene.camera)  # type: ignore[attr-defined]


def _blender_pose(camera: Camera) -> list[list[float]]:
    """World is Z up, the camera looks along -Z: columns of the transposed matrix, as `mathutils.Matrix` takes nested rows."""
    from mathutils import Matrix

    z_up = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    return Matrix((z_up @ np.linalg.inv(camera.camera_from_world) @ np.diag([1, -1, -1, 1.0])).tolist())
