"""Parquet files in the schema of Subjects200K, made of composed scenes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from models.image_codec import encode_png
from tests.composed_scenes import ComposedScene, compose

SCHEMA = pa.schema(
    {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "collection": pa.string(),
        "quality_assessment": pa.struct({"compositeStructure": pa.int64(), "objectConsistency": pa.int64(), "imageQuality": pa.int64()}),
        "description": pa.struct(
            {
                "item": pa.string(),
                "description_0": pa.string(),
                "description_1": pa.string(),
                "category": pa.string(),
                "description_valid": pa.bool_(),
            }
        ),
    }
)
BEST = {"compositeStructure": 5, "objectConsistency": 5, "imageQuality": 5}


def paired(panels: tuple[np.ndarray, np.ndarray], padding: int, between: int) -> np.ndarray:
    """Two square panels side by side on white; padding around them and pixels between them."""
    side = panels[0].shape[0]
    whole = np.full((side + 2 * padding, 2 * side + 2 * padding + between, 3), 255, np.uint8)
    for panel, left in zip(panels, (padding, padding + side + between)):
        whole[padding : padding + side, left : left + side] = panel
    return whole


def enlarged(scene: ComposedScene) -> np.ndarray:
    """A scene's picture at the 512 pixels of a panel."""
    return cv2.resize(scene.picture.rgb, (512, 512), interpolation=cv2.INTER_LINEAR)


def row(category: str, seed: int, padding: int, assessment: dict[str, int | None] | None) -> dict[str, Any]:
    """One row: the same object in two scenes."""
    panels = (enlarged(compose(category, seed, 128, "grain")), enlarged(compose(category, seed, 128, "cloth")))
    return {
        "image": {"bytes": encode_png(paired(panels, padding, padding)), "path": None},
        "collection": "collection_2" if padding == 8 else "collection_1",
        "quality_assessment": assessment,
        "description": {
            "item": category,
            "description_0": f"The {category} before a wall.",
            "description_1": f"The {category} on a cloth.",
            "category": "Household",
            "description_valid": True,
        },
    }


def write_rows(path: Path, rows: list[dict[str, Any]], rows_per_group: int = 2) -> Path:
    """A parquet file of rows, a few to a row group as published."""
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=rows_per_group)
    return path
