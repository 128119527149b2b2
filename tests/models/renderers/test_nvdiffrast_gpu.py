"""The GPU back end agrees with the CPU: on a CUDA device with nvdiffrast, and anywhere with a slow stand-in for its two functions."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from data_specs.asset import Material, Mesh
from data_specs.camera import Camera
from models.geometry.camera_math import view_plan
from models.renderers.back_ends import open_renderer
from models.renderers.base import EnvironmentLight, LightSource, Maps, Renderer, UniformLight
from models.renderers.nvdiffrast_gpu import NvdiffrastRenderer
from models.renderers.open3d_cpu import Open3DRenderer
from tests.models.renderers.shapes import card, cube, join, sphere

SIZE = 30


def _layers(clip: torch.Tensor, faces: torch.Tensor, resolution: list[int]) -> list[np.ndarray]:
    """All surfaces of every pixel by nvdiffrast's documented layout, nearest first, in plain NumPy."""
    height, width = resolution
    x, y = np.meshgrid((np.arange(width) + 0.5) / width * 2 - 1, (np.arange(height) + 0.5) / height * 2 - 1)
    found = np.zeros((len(faces), height, width, 4))
    for i, corners in enumerate(clip[0].double().numpy()[faces.numpy()]):
        # The point u a + v b + (1 - u - v) c projects to (x, y): two linear equations in u and v.
        rows = [(corners[:, axis][:, None, None] - place * corners[:, 3][:, None, None]) for axis, place in ((0, x), (1, y))]
        (a1, b1, c1), (a2, b2, c2) = rows
        determinant = (a1 - c1) * (b2 - c2) - (b1 - c1) * (a2 - c2)
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = ((b1 - c1) * c2 - c1 * (b2 - c2)) / determinant, (c1 * (a2 - c2) - (a1 - c1) * c2) / determinant
            weights = np.stack([u, v, 1 - u - v])
            depth = np.einsum("cij,c->ij", weights, corners[:, 2]) / np.einsum("cij,c->ij", weights, corners[:, 3])
        inside = (weights >= 0).all(axis=0) & (np.abs(depth) <= 1)
        found[i][inside] = np.stack([u, v, depth, np.full_like(u, i + 1)], axis=-1)[inside]
    order = np.argsort(np.where(found[..., 3] > 0, found[..., 2], np.inf), axis=0)
    return list(np.take_along_axis(found, order[..., None], axis=0).astype(np.float32))


class _Peeler:
    def __init__(self, _: object, clip: torch.Tensor, faces: torch.Tensor, resolution: list[int]) -> None:
        self.layers = _layers(clip, faces, resolution)

    def __enter__(self) -> "_Peeler":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def rasterize_next_layer(self) -> tuple[torch.Tensor, None]:
        layer = self.layers.pop(0) if self.layers else np.zeros((1, 1, 4), np.float32)
        return torch.from_numpy(layer)[None], None


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Renderer:
    """The renderer on the CPU with the stand-in library."""
    library: Any = ModuleType("nvdiffrast.torch")
    library.RasterizeCudaContext = lambda device: SimpleNamespace(device=device)
    library.rasterize = lambda _, clip, faces, resolution: (torch.from_numpy(_layers(clip, faces, resolution)[0])[None], None)
    library.DepthPeeler = _Peeler
    package: Any = ModuleType("nvdiffrast")
    package.torch = library
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", library)
    return NvdiffrastRenderer(device="cpu")


def _glass_before_a_card() -> Mesh:
    glass = Material(np.array([1, 0.2, 0.2, 0.4], np.float32), alpha_mode="blend")
    texture = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
    return join(card(glass, z=0.3, half_side=0.8), card(Material(texture=texture), z=-0.2))


def _assert_agree(renderer: Renderer, mesh: Mesh, camera: Camera, light: LightSource) -> None:
    """Masks differ in at most 0.5 % of the pixels (rays that touch an edge); elsewhere geometry within 1e-4 and colour within 2 of 255.

    Anti-aliased edges, where the back ends look textures and light up at other points, agree within 3 of 255 on average.
    """
    twin = Open3DRenderer()
    (ours, smooth), (theirs, smooth_twin) = ([one.render(one.load(mesh), camera, light, samples) for samples in (1, 4)] for one in (renderer, twin))
    both = ours.mask & theirs.mask
    assert (ours.mask != theirs.mask).mean() <= 0.005 and both.sum() > 100
    assert np.abs(ours.position - theirs.position)[both].max() < 1e-4 and np.abs(ours.depth - theirs.depth)[both].max() < 1e-4
    assert ((ours.normal * theirs.normal).sum(-1)[both] > 1 - 1e-4).mean() > 0.995
    assert (_difference(ours, theirs).max(axis=-1) <= 2).mean() > 0.99
    assert _difference(smooth, smooth_twin)[both].mean() < 3


def _difference(ours: Maps, theirs: Maps) -> np.ndarray:
    return np.abs(ours.rgb.astype(int) - theirs.rgb.astype(int))


@pytest.mark.parametrize("light", [UniformLight(), EnvironmentLight(1, 8)])
@pytest.mark.parametrize("mesh", [cube(0.7), sphere(1), _glass_before_a_card()])
def test_stand_in_agrees_with_the_cpu(stand_in: Renderer, mesh: Mesh, light: LightSource) -> None:
    _, camera = view_plan("photographic4", SIZE, 2, mesh.vertices)[0]
    _assert_agree(stand_in, mesh, camera, light)


@pytest.mark.gpu
@pytest.mark.parametrize("light", [UniformLight(), EnvironmentLight(1, 8)])
@pytest.mark.parametrize("mesh", [cube(0.7), sphere(4), _glass_before_a_card()])
def test_gpu_agrees_with_the_cpu(mesh: Mesh, light: LightSource) -> None:
    pytest.importorskip("nvdiffrast.torch")
    for _, camera in view_plan("orthogonal4", 250, 0):
        _assert_agree(open_renderer("nvdiffrast_gpu"), mesh, camera, light)


def test_missing_extra_or_device_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    with pytest.raises(ValueError, match=r"extra `nvdiffrast`.*open3d_cpu"):
        open_renderer("nvdiffrast_gpu")
    monkeypatch.setitem(sys.modules, "nvdiffrast", ModuleType("nvdiffrast"))
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", ModuleType("nvdiffrast.torch"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="CUDA device"):
        open_renderer("nvdiffrast_gpu")
    with pytest.raises(ValueError, match="povray"):
        open_renderer("povray")
    assert isinstance(open_renderer("open3d_cpu"), Open3DRenderer)
