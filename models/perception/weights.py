"""The weights files of other people's models: what is missing, where it comes from, how big it is, whose terms it carries, and whether it is it.

Nothing here downloads. Files of published names must be the published bytes; any other file needs its sha256 in the parameters.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class MissingWeights(ValueError):  # noqa: N818 - it says what is missing
    """A model cannot start because its file is not here or is not the right one. The message says what to do."""


@dataclass(frozen=True)
class WeightsFile:
    """A published file. size: in bytes. sha256: 64 hex digits."""

    name: str
    url: str
    size: int
    licence: str
    sha256: str


_SAM = "https://dl.fbaipublicfiles.com/segment_anything"
PUBLISHED: dict[str, WeightsFile] = {
    file.name: file
    for file in (
        WeightsFile(
            "groundingdino_swint_ogc.pth",
            "https://github.com/IDEA-Research/GroundingDINO/releases/download/v0.1.0-alpha/groundingdino_swint_ogc.pth",
            693_997_677,
            "Apache-2.0",
            "3b3ca2563c77c69f651d7bd133e97139c186df06231157a64c507099c52bc799",
        ),
        WeightsFile(
            "sam_vit_h_4b8939.pth",
            f"{_SAM}/sam_vit_h_4b8939.pth",
            2_564_550_879,
            "Apache-2.0",
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
        WeightsFile(
            "sam_vit_l_0b3195.pth",
            f"{_SAM}/sam_vit_l_0b3195.pth",
            1_249_524_607,
            "Apache-2.0",
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        WeightsFile(
            "sam_vit_b_01ec64.pth",
            f"{_SAM}/sam_vit_b_01ec64.pth",
            375_042_383,
            "Apache-2.0",
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        WeightsFile(
            "alexnet-owt-7be5be79.pth",
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            244_408_911,
            "BSD-3-Clause",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        WeightsFile(
            "weights-inception-2015-12-05-6726825d.pth",
            "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
            95_628_359,
            "Apache-2.0",
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ),
        WeightsFile(
            "u2net.onnx",
            "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx",
            175_997_641,
            "Apache-2.0",
            "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
        ),
    )
}
"""By file name."""


def checked_file(path: str, sha256: str, wanted: str, parameter: str) -> Path:
    """The weights file at `path`, once its digest is known to be right.

    sha256: from the parameters, "" for a published file. wanted: name of the published file to ask for when there is none. parameter: where the
    path is set, e.g. `align.detector.weights`. Raises MissingWeights.
    """
    file = Path(path).expanduser()
    if not path or not file.is_file():
        missing = "is empty" if not path else f"names {file}, which is not there"
        raise MissingWeights(f"{parameter} {missing}: {_how_to_get(wanted)}, and set {parameter} to its path")
    expected = sha256 or (PUBLISHED[file.name].sha256 if file.name in PUBLISHED else "")
    if not expected:
        section = parameter.rpartition(".")[0]
        raise MissingWeights(f"{file} is not a published file: set {section}.sha256 to its digest, or use {wanted}")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise MissingWeights(f"{file} has the sha256 {found}, expected {expected}: it is damaged or another file; {_how_to_get(wanted)}")
    return file


def load_tensors(file: Path) -> dict[str, Any]:
    """The tensors of a safetensors file or of a PyTorch checkpoint, read without running anything in it (never an arbitrary pickle)."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    import torch

    tensors = torch.load(file, map_location="cpu", weights_only=True)
    return tensors.get("model", tensors)


def needs_package(name: str) -> str:
    """The message for an optional package that is not installed."""
    return f"the Python package {name} is not installed: run infra/bootstrap.sh"


def _how_to_get(wanted: str) -> str:
    if wanted not in PUBLISHED:
        return f"get {wanted}"
    file = PUBLISHED[wanted]
    return f"get {file.name} ({file.size / 1e6:.0f} MB, {file.licence}) from {file.url}"
