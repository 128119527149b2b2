"""The mesh that is textured: a stranger's file, read in the sandbox, or a held-out asset of our own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_specs.asset import Front, Mesh
from data_specs.ids import sha256_bytes
from data_specs.params import AssetsParams, GenerateParams, Params
from models.geometry.glb_reader import read_glb
from models.geometry.mesh_error import MeshError
from tasks.artefacts import Workspace
from tasks.asset_shards import StoredAsset
from tasks.sample_lookup import SampleLookup
from tasks.sandbox import ReadRequest, read_in_sandbox
from tasks.shard_io import index_shard

SPLIT = "test"


@dataclass(frozen=True)
class Subject:
    """A mesh in the canonical object frame and the way back: source = object * scale + offset, up axis Y, then +Z turned to `front`.

    caption: what is known of it, "" = nothing. origin: plain data for the record of the result.
    """

    mesh: Mesh
    scale: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    front: Front = "+z"
    caption: str = ""
    origin: dict[str, Any] = field(default_factory=dict)


def find_subject(workspace: Workspace, params: Params) -> Subject:
    """The file `generate.mesh`, else the first held-out asset. Raises ValueError naming the file or the stage to run."""
    if params.generate.mesh:
        return _from_file(params.generate, params.assets)
    return _held_out(workspace)


def _from_file(ours: GenerateParams, limits: AssetsParams) -> Subject:
    path = Path(ours.mesh).resolve()
    if not path.is_file():
        raise ValueError(f"the mesh {ours.mesh} is not there")
    request = ReadRequest(
        root=str(path.parent),
        name=path.name,
        up_axis=ours.up_axis,
        front=ours.front,
        max_faces=limits.max_faces,
        max_texture_pixels=limits.max_texture_pixels,
        max_file_bytes=limits.max_file_mb << 20,
    )
    try:
        clean = read_in_sandbox(request, limits.memory_mb, limits.timeout_s)
    except MeshError as error:
        raise ValueError(f"{path.name} cannot be used ({error.rule}): {error}") from None
    origin = {"name": path.name, "sha256": sha256_bytes(path.read_bytes()), "warnings": clean.warnings}
    return Subject(read_glb(clean.glb), clean.scale, clean.offset, ours.front, "", origin)


def _held_out(workspace: Workspace) -> Subject:
    lookup = SampleLookup(workspace.folder("assets"))
    keys = sorted(lookup.keys(SPLIT))
    if not keys:
        raise ValueError(f"the {SPLIT} split has no asset: raise assets.count, or give a mesh file")
    path = lookup.path(lookup.rows[keys[0]])
    stored = StoredAsset(keys[0], str(path), index_shard(path)[keys[0]])
    line = stored.record().line
    origin = {"name": keys[0], "licence": line.licence, "author": line.author, "warnings": []}
    return Subject(stored.mesh(), caption=line.caption, origin=origin)
