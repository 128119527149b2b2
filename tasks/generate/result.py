"""The folder of a result: pictures, cameras, model, page, and `generation.json`, which says what made them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_specs.asset import Front
from data_specs.camera import Camera, CameraRecord
from data_specs.conventions import encode_normal, encode_position
from data_specs.view import ORTHOGONAL_NAMES
from models.image_codec import encode_png
from models.renderers.base import Maps
from tasks.artefacts import write_atomic
from tasks.generate.page import make_page
from tasks.generate.texturing import Textured

RECORD, CAMERAS, MODEL, PAGE = "generation.json", "cameras.json", "model.glb", "index.html"
PICTURES = tuple(f"{name}{kind}.png" for kind in ("", ".normal", ".position") for name in ORTHOGONAL_NAMES)
FRAME = (
    "object frame: right-handed, Y up, front along +Z, centred, longest side 2; cameras have OpenCV axes (x right, y down, z forward), "
    "pixel centres at +0.5; model.glb = object * source_from_object_scale + source_from_object_offset, then +Z turned to source_front"
)


@dataclass(frozen=True)
class Result:
    """What was generated. pictures: (4, H, W, 3) uint8. maps, textured: None for text-to-multiview. record: plain data about all of it."""

    pictures: np.ndarray
    cameras: list[Camera]
    record: dict[str, Any]
    maps: list[Maps] | None = None
    textured: Textured | None = None
    scale: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    front: Front = "+z"


def write_result(folder: Path, result: Result) -> Path:
    """Write everything, the page last, and remove what an earlier result left under the same names; returns the page's path."""
    files = _files(result)
    for name in {RECORD, CAMERAS, MODEL, PAGE, *PICTURES} - set(files):
        (folder / name).unlink(missing_ok=True)
    for name, data in files.items():
        write_atomic(folder / name, data)
    return folder / PAGE


def _files(result: Result) -> dict[str, bytes]:
    files = {f"{name}.png": encode_png(picture) for name, picture in zip(ORTHOGONAL_NAMES, result.pictures, strict=True)}
    for name, maps in zip(ORTHOGONAL_NAMES, result.maps or ()):
        files[f"{name}.normal.png"] = encode_png(encode_normal(maps.normal, maps.mask))
        files[f"{name}.position.png"] = encode_png(encode_position(maps.position, maps.mask))
    if result.textured is not None:
        files[MODEL] = result.textured.glb
    files[CAMERAS] = _json(_cameras(result))
    files[RECORD] = _json(result.record)
    turntable = None if result.textured is None else result.textured.turntable
    files[PAGE] = make_page(result.record, files, turntable).encode()
    return files


def _cameras(result: Result) -> dict[str, Any]:
    views = [
        {"name": name, "file": f"{name}.png", "camera": CameraRecord.from_camera(camera).model_dump(mode="json")}
        for name, camera in zip(ORTHOGONAL_NAMES, result.cameras, strict=True)
    ]
    back = {"source_from_object_scale": result.scale, "source_from_object_offset": list(result.offset), "source_front": result.front}
    return {"frame": FRAME, **back, "views": views}


def _json(tree: Mapping[str, Any]) -> bytes:
    return (json.dumps(tree, indent=1, sort_keys=True) + "\n").encode()
