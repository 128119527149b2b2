"""A folder of pictures: names and manifests, every kind of pixel, orientation, depth, and what is said of files that cannot be used."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from data_specs.align_params import AlignParams
from data_specs.conventions import encode_depth
from data_specs.subject import SubjectLine
from models.image_codec import encode_png
from tasks.align.picture_error import PictureError
from tasks.align.picture_folder import ORIENTATION_TAG, folder_lines
from tasks.align.subjects import read_picture, read_subjects

RGB = np.random.default_rng(0).integers(0, 255, (6, 10, 3)).astype(np.uint8)


def write(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def manifest(*entries: dict[str, Any]) -> bytes:
    return json.dumps(entries).encode()


def one(folder: Path, tmp_path: Path) -> SubjectLine:
    lines = folder_lines(folder, tmp_path / "cache")
    assert len(lines) == 1
    return lines[0]


def test_names_come_from_files_where_nobody_says_more(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", **{"toy_rc_car_DOT_png": encode_png(RGB), "b__RedMug2_DOT_png": encode_png(RGB), "notes_DOT_txt": b"no picture"})
    lines = folder_lines(folder, tmp_path / "cache")
    assert [(line.location, line.item) for line in lines] == [("b/RedMug2.png", "red mug"), ("toy_rc_car.png", "toy rc car")]
    assert lines[0].licence == "unknown" and lines[0].assessment is None and lines[0].object_id == lines[0].subject_id
    assert np.array_equal(read_picture(lines[1], folder).rgb, RGB)


def test_a_manifest_says_more(tmp_path: Path) -> None:
    entry = {
        "file": "x.png", "id": "Duck No 1", "object": "toy duck", "caption": "a duck", "license": "CC BY 4.0", "author": "somebody",
        "focal_pixels": 700, "object_id": "duck", "source_repo": "a/b", "source_path": "c.png", "source_commit": "0123456789abcdef",
    }  # fmt: skip
    folder = write(tmp_path / "in", a_DOT_png=encode_png(RGB), x_DOT_png=encode_png(RGB), manifest_DOT_json=manifest(entry))
    first, second = folder_lines(folder, tmp_path / "cache")
    assert first.subject_id.startswith("duck_no_1-") and first.object_id == "duck" and first.item == "toy duck" and first.caption == "a duck"
    assert first.licence == "CC-BY-4.0" and first.author == "somebody" and first.focal_pixels == 700.0
    assert first.attribution == "a/b: c.png @ 0123456789ab"
    assert second.item == "a" and read_picture(first, folder).focal_pixels == 700.0


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"file": "gone.png"}], "gone.png, which is not there"),
        *(([{"file": "x.png", "focal_pixels": wrong}], "entry x.png: focal_pixels") for wrong in ("wide", "nan", -3)),
    ],
)
def test_wrong_manifests(entries: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", x_DOT_png=encode_png(RGB), manifest_DOT_json=manifest(*entries))
    with pytest.raises(ValueError, match=message):
        folder_lines(folder, tmp_path / "cache")


def test_every_kind_of_pixel(tmp_path: Path) -> None:
    alpha = np.full((6, 10, 1), 7, np.uint8)
    kinds = {
        "rgba": encode_png(np.concatenate([RGB, alpha], axis=-1)),
        "grey": encode_png(RGB[..., 0]),
        "deep": encode_png(RGB.astype(np.uint16) * 257),
    }
    for name, data in kinds.items():
        folder = write(tmp_path / name, x_DOT_png=data)
        picture = read_picture(one(folder, tmp_path), folder)
        assert picture.rgb.dtype == np.uint8 and picture.rgb.shape == (6, 10, 3)
        assert np.array_equal(picture.rgb, np.repeat(RGB[..., :1], 3, axis=-1) if name == "grey" else RGB)
        assert (picture.alpha is not None) == (name == "rgba")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, tmp_path: Path) -> None:
    """Turned as Pillow's own `exif_transpose` turns it."""
    image = Image.fromarray(np.kron(RGB, np.ones((8, 8, 1), np.uint8)))
    exif = image.getexif()
    exif[ORIENTATION_TAG] = orientation
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif, quality=95)
    folder = write(tmp_path / "in", x_DOT_jpg=data.getvalue())
    with Image.open(folder / "x.jpg") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    found = read_picture(one(folder, tmp_path), folder).rgb
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 2  # two JPEG decoders


def test_depth_beside_a_picture(tmp_path: Path) -> None:
    depth = np.linspace(0, 5, 60, dtype=np.float32).reshape(6, 10)
    folder = write(tmp_path / "in", x_DOT_png=encode_png(RGB), x_DOT_depth_DOT_png=encode_png(encode_depth(depth)))
    line = one(folder, tmp_path)
    found = read_picture(line, folder).depth
    assert found is not None and np.abs(found - depth).max() < 2e-4
    (folder / "x.depth.png").write_bytes(encode_png(np.zeros((6, 10), np.uint8)))
    with pytest.raises(PictureError, match="plan the stage again"):
        read_picture(line, folder)
    with pytest.raises(PictureError, match="16-bit gray PNG"):
        read_picture(one(folder, tmp_path), folder)


def test_damaged_and_changed_pictures(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", x_DOT_png=encode_png(RGB)[:60])
    line = one(folder, tmp_path)
    with pytest.raises(PictureError) as damaged:
        read_picture(line, folder)
    (folder / "x.png").write_bytes(encode_png(RGB))
    with pytest.raises(PictureError) as changed:
        read_picture(line, folder)
    (folder / "x.png").unlink()
    with pytest.raises(PictureError) as gone:
        read_picture(line, folder)
    assert [error.value.rule for error in (damaged, changed, gone)] == ["damaged", "changed", "damaged"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"align\.location=.*nothing is not a folder"):
        list(read_subjects(AlignParams(location=str(tmp_path / "nothing")), tmp_path))


def test_shared_photographs(shared_data: Path, tmp_path: Path) -> None:
    lines = list(read_subjects(AlignParams(location=str(shared_data / "photos")), tmp_path))
    assert len(lines) == 24 and all(line.item and line.author for line in lines)
    assert {"unknown"} != {line.licence for line in lines}
    assert read_picture(lines[0], shared_data / "photos").size == (1024, 1024)


@pytest.mark.parametrize(("form", "suffix"), [("PNG", "png"), ("WEBP", "webp")])
def test_damaged_exif_costs_no_picture(tmp_path: Path, form: str, suffix: str) -> None:
    image, data = Image.fromarray(RGB), io.BytesIO()
    exif = image.getexif()
    exif[ORIENTATION_TAG] = 6
    image.save(data, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    damaged = data.getvalue().replace(b"MM\0*", b"MM\xff\xff")
    assert damaged != data.getvalue()
    folder = write(tmp_path / "pictures", **{f"a_DOT_{suffix}": damaged})
    np.testing.assert_array_equal(read_picture(one(folder, tmp_path), folder).rgb, RGB)
