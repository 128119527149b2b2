"""One catalogue line to one sample of an asset shard, or to the decision why not."""

from dataclasses import dataclass
from pathlib import Path

from data_specs.asset import AssetRecord, CatalogueLine, Mesh
from data_specs.decision import Decision
from data_specs.ids import sha256_bytes, split_of
from data_specs.params import AssetsParams
from data_specs.sample import Sample
from models.geometry.glb_reader import read_glb
from models.geometry.glb_writer import write_glb
from models.geometry.mesh_error import MeshError
from tasks.assets.download import Fetch, fetch
from tasks.assets.url_source import download_address
from tasks.licences import is_allowed
from tasks.sandbox import CleanFile, ReadRequest, read_in_sandbox


@dataclass(frozen=True)
class AssetJob:
    """A catalogue line and what is needed to build it; plain data, so that it travels to any worker.

    folder: root of a folder source. downloads: where fetched files are kept.
    """

    line: CatalogueLine
    params: AssetsParams
    folder: str
    downloads: str


@dataclass(frozen=True)
class _Built:
    line: CatalogueLine
    glb: bytes
    photographic: bytes
    clean: CleanFile


def build_asset(job: AssetJob) -> tuple[Sample | None, list[Decision]]:
    """Fetch or generate, clean and picture one asset. A file that breaks a rule gives no sample and a `dropped` decision."""
    try:
        if not is_allowed(job.line.licence, job.params.licences):
            raise MeshError("licence", f"licence {job.line.licence!r} is not among {', '.join(job.params.licences)} (assets.licences)")
        built = _generate(job) if job.line.source == "procedural" else _read(job)
        return _sample(job, built), []
    except MeshError as error:
        return None, [
            Decision(item_id=job.line.asset_id, stage="assets", verdict="dropped", rule=error.rule, message=f"{job.line.location}: {error}")
        ]


def _generate(job: AssetJob) -> _Built:
    from models.geometry.procedural import build_object

    category, seed = job.line.location.split("/")
    made = build_object(category, int(seed))
    line = job.line.model_copy(update={"caption": made.caption, "category": made.category})
    glb = write_glb(made.smooth)
    return _Built(line, glb, write_glb(made.detailed), _measure(glb, made.smooth))


def _measure(glb: bytes, mesh: Mesh) -> CleanFile:
    textures = {id(material.texture) for material in mesh.materials if material.texture is not None}
    return CleanFile(glb, 1.0, (0.0, 0.0, 0.0), len(mesh.faces), len(mesh.vertices), len(mesh.materials), len(textures), [])


def _read(job: AssetJob) -> _Built:
    line, params = job.line, job.params
    root, name = Path(job.folder), line.location
    if line.source == "url":
        root, name = _download(job)
    request = ReadRequest(
        root=str(root),
        name=name,
        sha256=line.sha256,
        up_axis=line.up_axis,
        front=line.front,
        max_faces=params.max_faces,
        max_texture_pixels=params.max_texture_pixels,
        max_file_bytes=params.max_file_mb << 20,
    )
    clean = read_in_sandbox(request, params.memory_mb, params.timeout_s)
    return _Built(line, clean.glb, b"", clean)


def _download(job: AssetJob) -> tuple[Path, str]:
    line = job.line
    if not line.suffix:
        raise MeshError("unsupported_format", "the address does not end in a mesh format, and the list has no fileType")
    ours = job.params
    wanted = Fetch(download_address(line.location), line.sha256, ours.max_file_mb << 20, ours.download_timeout_s, tuple(ours.private_hosts))
    folder, name = Path(job.downloads, line.sha256[:2], line.sha256), f"mesh{line.suffix}"  # one folder each: nothing lies beside it
    fetch(wanted, folder / name)
    return folder, name


def _sample(job: AssetJob, built: _Built) -> Sample:
    from tasks.assets.preview import preview_jpeg  # loads the renderer: only those who build pay, not who plans

    clean = built.clean
    record = AssetRecord(
        line=built.line,
        split=split_of(built.line.asset_id, job.params.validation, job.params.test),
        faces=clean.faces,
        vertices=clean.vertices,
        materials=clean.materials,
        textures=clean.textures,
        source_from_object_scale=clean.scale,
        source_from_object_offset=clean.offset,
        mesh_sha256=sha256_bytes(built.glb),
        warnings=clean.warnings,
    )
    members = {"asset.json": record.model_dump_json().encode(), "mesh.glb": built.glb, "preview.jpg": preview_jpeg(read_glb(built.glb))}
    return Sample(built.line.asset_id, members | ({"photographic.glb": built.photographic} if built.photographic else {}))
