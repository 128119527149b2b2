"""The embedder that the parameters choose, opened: what it is called and which bytes it is."""

from dataclasses import dataclass
from pathlib import Path

from data_specs.ids import sha256_bytes
from data_specs.params import EvaluateParams
from data_specs.weights import parse_reference
from models.metrics.embedder import NAMINGS, Naming, PictureEmbedder, embedder_digest, open_embedder
from models.metrics.published import PublishedEmbedder
from tasks.artefacts import Workspace
from tasks.local_folder import FileDigests
from tasks.weights import Weights, find_weights


@dataclass(frozen=True)
class OpenedEmbedder:
    """identity: name and digest, plain data that tells one state of an embedder from another."""

    embedder: PictureEmbedder
    naming: Naming
    identity: list[str]


def open_chosen(workspace: Workspace, params: EvaluateParams) -> OpenedEmbedder:
    """The embedder `evaluate.embedder`. Raises ValueError saying which weights are missing, where they come from and where to put them."""
    name = params.embedder
    if name != "published":
        return OpenedEmbedder(open_embedder(name), NAMINGS[name], [name, embedder_digest(name)])
    ours = params.published
    clip = _find_clip(workspace, ours.clip)
    opened = PublishedEmbedder.open(ours, clip.folder)
    files = [FileDigests.digest(Path(file.weights).expanduser()) for file in (ours.inception, ours.alexnet)]
    return OpenedEmbedder(opened, NAMINGS[name], [name, sha256_bytes("".join([*files, clip.digest]).encode())])


def _find_clip(workspace: Workspace, name: str) -> Weights:
    reference = parse_reference(name)
    if reference is None or reference.kind == "micro":
        raise ValueError(f"evaluate.published.clip={name}: write hub:OWNER/REPO, or path:FOLDER of what transformers' CLIPModel was saved to")
    try:
        return find_weights(workspace, reference)
    except ValueError as error:
        raise ValueError(f"evaluate.published.clip: {error}") from None
