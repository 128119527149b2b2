"""Which renderer a name stands for. Back ends are imported on use: the GPU one needs an extra."""

from models.renderers.base import Renderer


def open_renderer(name: str) -> Renderer:
    """The renderer of that name: `open3d_cpu` or `nvdiffrast_gpu`. Raises ValueError for another name or a missing extra or GPU."""
    if name == "open3d_cpu":
        from models.renderers.open3d_cpu import Open3DRenderer

        return Open3DRenderer()
    if name == "nvdiffrast_gpu":
        from models.renderers.nvdiffrast_gpu import NvdiffrastRenderer

        return NvdiffrastRenderer()
    raise ValueError(f"unknown renderer {name!r}: choose open3d_cpu or nvdiffrast_gpu")
