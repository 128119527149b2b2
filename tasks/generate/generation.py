"""From a prompt, and a mesh where there is one, to a folder of results."""

from pathlib import Path
from typing import Any

from data_specs.ids import seed_from
from data_specs.params import GenerateParams, Params
from models.geometry.camera_math import view_plan
from models.realiz3d.pipeline import Realiz3DPipeline, mesh_control, viewpoint_control
from models.realiz3d.realism import with_realism
from models.realiz3d.sampling import SamplingSettings
from tasks.artefacts import Workspace
from tasks.generate.model_source import ModelSource, advice, find_source
from tasks.generate.result import Result, write_result
from tasks.generate.subject import Subject, find_subject
from tasks.generate.texturing import paint, render_views, texture_side
from tasks.generate.unwrapping import choose_atlas
from tasks.progress import Progress

VERSION = 2
"""Raised by hand when the same inputs would give other results."""

OTHER_STEPS = {"texture": 5, "multiview": 2}
"""What the progress counts beside the steps of sampling."""


def generate(workspace: Workspace, params: Params) -> Path:
    """Generate what `params.generate` asks for; returns the path of the page. Raises ValueError saying what is missing or does not fit."""
    ours = params.generate
    source = find_source(workspace, params)
    with Progress(workspace, "generate", ours.sampling_steps + OTHER_STEPS[ours.kind]) as progress:
        pipeline = Realiz3DPipeline.from_pretrained(source.folder)
        check_control(pipeline, params, source)
        progress.advance(note="model loaded")
        make = _texture if ours.kind == "texture" else _multiview
        result = make(workspace, params, pipeline, source, progress)
        page = write_result(result_folder(workspace, ours), result)
        progress.advance(note="written")
    return page


def result_folder(workspace: Workspace, ours: GenerateParams) -> Path:
    """Where the result goes: `generate.out`, below the workspace's root where it is relative, else the stage's own folder."""
    return workspace.root / ours.out if ours.out else workspace.folder("generate")


def check_control(pipeline: Realiz3DPipeline, params: Params, source: ModelSource) -> None:
    """Raise ValueError when the model has learned no control, or that of the other kind of generation."""
    kind, fits = params.generate.kind, "texture" if pipeline.follows_mesh else "multiview"
    if not pipeline.learned_control:
        raise ValueError(f"the model {source.name!r} has not learned any control, its views would have nothing in common: {advice(params)}")
    if kind != fits:
        raise ValueError(f"the model {source.name!r} was trained for {fits}, not for {kind}: {advice(params)}; or generate {fits}")


def _texture(workspace: Workspace, params: Params, pipeline: Realiz3DPipeline, source: ModelSource, progress: Progress) -> Result:
    ours, subject = params.generate, find_subject(workspace, params)
    prompt = ours.prompt or subject.caption
    if not prompt:
        raise ValueError("say what the object is to look like: --prompt")
    size = pipeline.check_size(ours.size_pixels)
    cameras = [camera for _, camera in view_plan("orthogonal4", size, 0)]
    maps = render_views(subject.mesh, cameras, params.render.back_end, params.render.samples_per_edge_pixel)
    if not any(view.mask.any() for view in maps):
        raise ValueError("the mesh cannot be seen from any side: it is too thin or transparent")
    progress.advance(note="mesh rendered")
    control = mesh_control(maps, cameras)
    pictures = pipeline.views(prompt, control, _tuned(ours), ours.real, _seed(ours), lambda: progress.advance(note="sampling"))
    side = texture_side(ours.texture_pixels, size)
    atlas = choose_atlas(subject.mesh, side, ours.unwrap_timeout_s, params.assets.memory_mb)
    progress.advance(note="atlas chosen")
    textured = paint(subject, atlas, pictures, maps, cameras, side)
    progress.advance(note="painted")
    made = {"atlas": atlas.made, "notes": atlas.notes, "texture_pixels": side, "seen": round(textured.seen, 4), "psnr": round(textured.psnr, 2)}
    record = _record(ours, pipeline, source, prompt, size) | {"mesh": _mesh_facts(subject), "model_glb": made}
    return Result(pictures, cameras, record, maps, textured, subject.scale, subject.offset, subject.front)


def _multiview(workspace: Workspace, params: Params, pipeline: Realiz3DPipeline, source: ModelSource, progress: Progress) -> Result:
    ours = params.generate
    if not ours.prompt:
        raise ValueError("say what to make: --prompt")
    size = pipeline.check_size(ours.size_pixels)
    control = viewpoint_control(size)
    pictures = pipeline.views(ours.prompt, control, _tuned(ours), ours.real, _seed(ours), lambda: progress.advance(note="sampling"))
    cameras = [camera for _, camera in view_plan("orthogonal4", size, 0)]
    return Result(pictures, cameras, _record(ours, pipeline, source, ours.prompt, size))


def _tuned(ours: GenerateParams) -> SamplingSettings:
    return SamplingSettings(ours.sampling_steps, ours.guidance, ours.layer_share, ours.time_threshold)


def _seed(ours: GenerateParams) -> int:
    return seed_from("generate", ours.seed)


def _record(ours: GenerateParams, pipeline: Realiz3DPipeline, source: ModelSource, prompt: str, size: int) -> dict[str, Any]:
    moved = with_realism(_tuned(ours), ours.real)
    return {
        "version": VERSION,
        "kind": ours.kind,
        "prompt": prompt,
        "real": ours.real,
        "seed": ours.seed,
        "size_pixels": size,
        "model": {"name": source.name, "weights_sha256": source.weights_sha256},
        "sampling": {
            "steps": moved.steps,
            "guidance": moved.guidance,
            "layer_share": round(moved.layer_share, 4),
            "time_threshold": moved.time_threshold,
            "blocks": pipeline.model.blocks,
        },
    }


def _mesh_facts(subject: Subject) -> dict[str, Any]:
    return {**subject.origin, "faces": len(subject.mesh.faces), "vertices": len(subject.mesh.vertices)}
