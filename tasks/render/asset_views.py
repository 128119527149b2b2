"""One asset to the sample of its views: cameras by plan, maps by the renderer, each stored losslessly."""

from dataclasses import dataclass

from data_specs.camera import CameraRecord
from data_specs.conventions import RANDOMLY_LIT, encode_depth, encode_normal, encode_position
from data_specs.decision import Decision
from data_specs.ids import canonical_json, seed_from
from data_specs.params import RenderParams
from data_specs.sample import Sample
from data_specs.view import Light, MapName, ViewRecord, ViewsRecord
from models.geometry.camera_math import view_plan
from models.image_codec import encode_png
from models.renderers.back_ends import open_renderer
from models.renderers.base import EnvironmentLight, Maps, UniformLight
from tasks.asset_shards import StoredAsset

WORD = "render"
DOMAIN = "synthetic"


@dataclass(frozen=True)
class RenderJob:
    """An asset and how its views are made; the cameras and the sky are drawn from (seed, asset id)."""

    asset: StoredAsset
    params: RenderParams
    seed: int


def render_asset(job: RenderJob) -> tuple[Sample | None, list[Decision]]:
    """Render every view of the plan. An asset of which no view shows anything gives no sample and a `nothing_visible` decision."""
    params, mesh, seed = job.params, job.asset.mesh(), seed_from(job.seed, WORD, job.asset.key)
    renderer = open_renderer(params.back_end)
    scene = renderer.load(mesh)
    light = EnvironmentLight(seed) if choose_light(job)[0] == "environment" else UniformLight()
    members: dict[str, bytes] = {}
    views, visible = [], False
    for name, camera in view_plan(params.plan, params.size_pixels, seed, mesh.vertices):
        maps = renderer.render(scene, camera, light, params.samples_per_edge_pixel)
        visible = visible or bool(maps.mask.any())
        fields: dict[MapName, str] = {}
        for map_name, data in encode_maps(maps).items():
            fields[map_name] = f"{name}.{map_name}.png"
            members[fields[map_name]] = data
        views.append(ViewRecord(name=name, camera=CameraRecord.from_camera(camera), members=fields))
    if not visible:
        return None, [_nothing_visible(job.asset.key)]
    members["views.json"] = canonical_json(_record(job, views, seed).model_dump(mode="json")).encode()
    return Sample(job.asset.key, members), []


def choose_light(job: RenderJob) -> tuple[Light, str]:
    """The light of an asset's views and their domain. Where lights are mixed, an asset has one of them, about half of all each."""
    if job.params.light != "mixed":
        return job.params.light, DOMAIN
    return ("environment", RANDOMLY_LIT) if seed_from(job.seed, "light", job.asset.key) % 2 else ("uniform", DOMAIN)


def encode_maps(maps: Maps) -> dict[MapName, bytes]:
    """Every map as PNG: 8-bit RGBA and normals, 16-bit positions and depth (conventions.py)."""
    return {
        "rgb": encode_png(maps.rgb),
        "normal": encode_png(encode_normal(maps.normal, maps.mask)),
        "position": encode_png(encode_position(maps.position, maps.mask)),
        "depth": encode_png(encode_depth(maps.depth)),
    }


def _record(job: RenderJob, views: list[ViewRecord], seed: int) -> ViewsRecord:
    asset = job.asset.record()
    light, domain = choose_light(job)
    return ViewsRecord(
        asset_id=job.asset.key,
        caption=asset.line.caption,
        category=asset.line.category,
        split=asset.split,
        licence=asset.line.licence,
        domain=domain,
        plan=job.params.plan,
        light=light,
        light_seed=seed,
        views=views,
    )


def _nothing_visible(key: str) -> Decision:
    message = "no view shows a surface that is at least half opaque: the mesh is too thin, too small or transparent"
    return Decision(item_id=key, stage=WORD, verdict="dropped", rule="nothing_visible", message=message)
