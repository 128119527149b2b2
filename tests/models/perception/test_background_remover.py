"""Cut-outs of composed scenes, and U2-Net's file format through OpenCV."""

from pathlib import Path

import numpy as np
import pytest

from data_specs.align_params import BackgroundParams
from data_specs.ids import sha256_bytes
from models.perception.background_remover import make_background_remover
from models.perception.backgrounds import draw_background
from models.perception.base import Miss, Picture
from models.perception.u2net import U2Net, network_input
from models.perception.weights import MissingWeights
from tests.composed_scenes import compose
from tests.models.perception.measures import mask_iou
from tests.models.perception.onnx_file import brightness_network


def test_the_main_object_is_cut_out() -> None:
    scenes = [compose(category, 7, 256) for category in ("apple", "chair", "teapot", "car")]
    found = make_background_remover(BackgroundParams()).remove([scene.picture for scene in scenes])
    assert np.median([mask_iou(alpha > 127, scene.mask) for alpha, scene in zip(found, scenes) if isinstance(alpha, np.ndarray)]) > 0.9


def test_alpha_is_kept_and_nothing_is_a_miss() -> None:
    alpha = np.zeros((20, 20), np.uint8)
    alpha[5:9, 5:9] = 200
    empty = draw_background("gradient", 128, np.random.default_rng(3)).astype(np.uint8)
    kept, missed = make_background_remover(BackgroundParams()).remove([Picture(np.zeros((20, 20, 3), np.uint8), alpha), Picture(empty)])
    assert np.array_equal(kept, alpha)
    assert isinstance(missed, Miss) and missed.rule == "no_object"


def test_u2net_stretches_the_networks_answer(tmp_path: Path) -> None:
    """The network of the test answers with the brightness of its input: a bright square comes out opaque, the rest clear."""
    file = tmp_path / "brightness.onnx"
    file.write_bytes(brightness_network())
    remover = make_background_remover(BackgroundParams(kind="u2net", weights=str(file), sha256=sha256_bytes(file.read_bytes())))
    rgb = np.zeros((100, 160, 3), np.uint8)
    rgb[30:60, 40:90] = 255
    alpha = remover.remove([Picture(rgb)])[0]
    assert isinstance(alpha, np.ndarray) and alpha.shape == (100, 160)
    assert mask_iou(alpha > 127, rgb[..., 0] > 0) > 0.97
    assert isinstance(remover.remove([Picture(np.full((50, 50, 3), 80, np.uint8))])[0], Miss)


def test_u2net_input_is_that_of_rembg() -> None:
    rgb = np.full((40, 30, 3), (255, 128, 0), np.uint8)
    expected = (np.array([1.0, 128 / 255, 0.0]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(network_input(rgb)[0, :, 100, 100], expected, rtol=1e-5)


def test_u2net_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"u2net.onnx \(176 MB, Apache-2.0\) from https://"):
        U2Net.open(BackgroundParams(kind="u2net"))
    file = tmp_path / "not.onnx"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="cannot be read as an ONNX network"):
        U2Net.open(BackgroundParams(kind="u2net", weights=str(file), sha256=sha256_bytes(file.read_bytes())))
