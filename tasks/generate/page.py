"""The preview: one HTML page with the views, the maps and the model to turn around, nothing fetched, the same bytes for the same result."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_specs.view import ORTHOGONAL_NAMES
from models.image_codec import decode_image, encode_png

TEMPLATES = Path(__file__).parent / "templates"
ROWS = {"": "generated views", ".normal": "normals (given)", ".position": "positions (given)"}


def make_page(record: Mapping[str, Any], files: Mapping[str, bytes], turntable: np.ndarray | None) -> str:
    """Draw the page. files: name -> bytes of the result's pictures and `model.glb`. turntable: (N, H, W, 3) uint8 or None."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rows = [
        (title, [(name, _png_uri(files[f"{name}{kind}.png"])) for name in ORTHOGONAL_NAMES])
        for kind, title in ROWS.items()
        if f"{ORTHOGONAL_NAMES[0]}{kind}.png" in files
    ]
    return environment.get_template("page.html.j2").render(
        record=record,
        rows=rows,
        turntable=None if turntable is None else _uri(encode_png(np.concatenate(list(turntable), axis=1))),
        model=base64.b64encode(files["model.glb"]).decode() if "model.glb" in files else "",
    )


def _png_uri(data: bytes) -> str:
    """A picture as data URI; 16-bit ones, which browsers show but badly, in 8 bits."""
    pixels = decode_image(data)
    return _uri(data if pixels.dtype == np.uint8 else encode_png((pixels >> 8).astype(np.uint8)))


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
