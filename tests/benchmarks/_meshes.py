"""Clean GLBs to measure on: the real meshes beside the checkout, else procedural ones."""

import json
from pathlib import Path

from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_ops import canonical

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "meshes"


def clean_glbs(count: int) -> tuple[str, list[bytes]]:
    """What they are, and at most `count` of them as the asset stage stores them."""
    if FOLDER.is_dir():
        lines = [line for line in json.loads((FOLDER / "manifest.json").read_text()) if line["format"] == "glb"][:count]
        return "real meshes", [write_glb(canonical(read_glb((FOLDER / line["file"]).read_bytes()), line["up_axis"]).mesh) for line in lines]
    from models.geometry.procedural import CATEGORIES, build_object

    return "procedural meshes", [write_glb(build_object(category, 0).smooth) for category in list(CATEGORIES)[:count]]
