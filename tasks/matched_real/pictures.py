"""One asset to four pictures of the photographic domain: detailed material, sky light, one viewpoint near each view word (SPEC R10)."""

from dataclasses import dataclass

from data_specs.decision import Decision
from data_specs.ids import canonical_json, seed_from
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord
from data_specs.params import MatchedRealParams
from data_specs.sample import Sample
from models.geometry.camera_math import view_plan
from models.image_codec import encode_png
from models.renderers.base import EnvironmentLight
from models.renderers.open3d_cpu import Open3DRenderer
from tasks.asset_shards import StoredAsset

WORD = "matched_real"


@dataclass(frozen=True)
class PictureJob:
    """An asset and how its pictures are made; viewpoints and skies are drawn from (seed, asset id)."""

    asset: StoredAsset
    params: MatchedRealParams
    seed: int


def picture_asset(job: PictureJob) -> tuple[Sample | None, list[Decision]]:
    """Take four pictures, each under its own sky. An asset of which one shows nothing gives no sample and a `nothing_visible` decision."""
    params, key = job.params, job.asset.key
    mesh, seed = job.asset.mesh(photographic=True), seed_from(job.seed, WORD, job.asset.key)
    renderer = Open3DRenderer()
    scene = renderer.load(mesh)
    members: dict[str, bytes] = {}
    for i, (name, camera) in enumerate(view_plan("photographic4", params.size_pixels, seed, mesh.vertices)):
        light = EnvironmentLight(seed_from(seed, i), params.ambient_rays)
        rgb = renderer.render(scene, camera, light, params.samples_per_edge_pixel).rgb
        if not rgb[..., 3].any():
            message = f"picture {i} ({VIEW_WORDS[i]}) shows nothing: the mesh is too thin, too small or transparent"
            return None, [Decision(item_id=key, stage=WORD, verdict="dropped", rule="nothing_visible", message=message)]
        members[f"{name}.rgb.png"] = encode_png(rgb)
    record = _record(job, sorted(members))
    return Sample(key, {**members, "matched.json": canonical_json(record.model_dump(mode="json")).encode()}), []


def _record(job: PictureJob, members: list[str]) -> MatchedRealRecord:
    asset = job.asset.record()
    return MatchedRealRecord(
        asset_id=job.asset.key,
        caption=asset.line.caption,
        category=asset.line.category,
        split=asset.split,
        licence=asset.line.licence,
        source=job.params.source,
        view_words=list(VIEW_WORDS),
        members=members,
    )
