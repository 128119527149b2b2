"""Import this before diffusers, transformers or torchvision: a CUDA-built torchvision beside a CPU-only torch then imports.

torchvision registers fake kernels for `nms` and `qnms` at import. Where its compiled library cannot load (it was linked against
CUDA and this torch has none) the operators do not exist and the import fails with `operator torchvision::nms does not exist`.
Declaring the two schemas is enough; calling them still fails, and nothing here calls them. Where torchvision's own library loads, this
module declares nothing. It also spares machines without a GPU the warning about it that diffusers prints at every import.
"""

import importlib.machinery
import importlib.util
import warnings

import torch

_SCHEMAS = ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _library_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # nothing to cure
    library = importlib.machinery.PathFinder.find_spec("_C", list(spec.submodule_search_locations))
    if library is None or library.origin is None:
        return False
    try:
        torch.ops.load_library(library.origin)
    except OSError:
        return False
    return True


if not _library_loads():
    _DEFINITIONS = torch.library.Library("torchvision", "DEF")
    for _schema in _SCHEMAS:
        _DEFINITIONS.define(_schema)

warnings.filterwarnings("ignore", message="CUDA is not available or torch_xla is imported")
