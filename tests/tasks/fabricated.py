"""A small finished workspace without any stage run: painted spheres as assets, renders, photographs, a training record.

Train: four assets, test: two, and one that was dropped. Names and captions hold the characters that break careless pages.
"""

import json
from pathlib import Path

import numpy as np

from data_specs.asset import AssetRecord, CatalogueLine
from data_specs.camera import CameraRecord
from data_specs.conventions import encode_depth, encode_normal, encode_position
from data_specs.decision import Decision
from data_specs.ids import canonical_json
from data_specs.manifest import Manifest
from data_specs.matched_real import VIEW_WORDS, MatchedRealRecord, RealSource
from data_specs.sample import Sample
from data_specs.shard import ShardPlan
from data_specs.view import ORTHOGONAL_NAMES, ViewRecord, ViewsRecord
from models.geometry.back_projection import SurfaceView
from models.image_codec import encode_png
from tasks.artefacts import Workspace
from tasks.ledger import Ledger
from tests.models.geometry.surface_views import rings, sphere_views, stripes

TRAIN, TEST = ("ball_a", "ball_b", "ball_c", "ball_d"), ("ball_e", "ball_f")
SIZE_PIXELS = 32
WEIGHTS = "5e" * 32
MODEL_CONFIG = {"format": 1, "prediction": "noise", "prompts": {"kind": "hashed_words", "channels": 16, "length": 8}}
HOSTILE = "a ball & <script>alert('x')</script> \"quoted\""


def catalogue_line(key: str) -> CatalogueLine:
    author = {"ball_e": "Eve <eve@example.org>"}.get(key, "")
    licence = "CC-BY-4.0" if author else "CC0-1.0"
    return CatalogueLine(asset_id=key, source="folder", location=f"{key}.glb", caption=f"{HOSTILE} {key}", licence=licence, author=author)


def make_data(root: Path, source: RealSource = "photographic_render") -> Workspace:
    """The data stages of the size `tiny`: assets, render, matched_real and shards. source: what the real pictures are said to be."""
    workspace = Workspace(root, "tiny")
    everybody = (*TRAIN, *TEST)
    assets = _publish(workspace, "assets", (), {key: _asset(key) for key in everybody}, dropped="ball_z")
    render = _publish(workspace, "render", (assets,), {key: _render(key) for key in everybody})
    photographs = _publish(workspace, "matched_real", (assets,), {key: _real_pictures(key, source) for key in everybody})
    _publish(workspace, "shards", (render, photographs), {key: {"verification.json": b"{}"} for key in everybody})
    return workspace


def make_run(workspace: Workspace, name: str, parents: dict[str, str] | None = None) -> Path:
    """`data/tiny/train/<name>` as a finished training run leaves it, without the weights of its model."""
    folder = workspace.folder("train") / name
    (folder / "pictures").mkdir(parents=True)
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps(MODEL_CONFIG | {"realiz3d": {"control": "maps"}}))
    grid = np.random.default_rng(0).integers(0, 255, (48, 96, 3), dtype=np.uint8)
    (folder / "pictures" / "step-00000040.png").write_bytes(encode_png(grid))
    rows = [f"{step},{1.0 / step + 0.1},{0.5 / step},0.001" for step in range(1, 41)]
    (folder / "history.csv").write_text("step,loss,loss_real,learning_rate\n" + "\n".join(rows) + "\n")
    digests = {
        word: Manifest.model_validate_json((workspace.folder(word) / "manifest.json").read_bytes()).digest() for word in ("render", "matched_real")
    }
    record = {
        "id": f"{name}-0123456789abcdef",
        "name": name,
        "recipe": name,
        "version": 1,
        "settings": {"recipe": name, "steps": 40, "batch_size": 4, "learning_rate": 0.001, "parents": parents or {}, "config": {}},
        "data": digests,
        "parents": dict.fromkeys(parents or {}, WEIGHTS),
        "samples": 160,
        "weights_sha256": WEIGHTS,
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def views_of(key: str) -> list[SurfaceView]:
    """The true views of an asset: a sphere of its own size and pattern."""
    number = ord(key[-1]) - ord("a")
    return sphere_views(SIZE_PIXELS, stripes if number % 2 else rings, 0.6 + 0.05 * number)


def _publish(workspace: Workspace, word: str, sources: tuple[Manifest, ...], members: dict[str, dict[str, bytes]], dropped: str = "") -> Manifest:
    """One shard for each split, made of the sources' shards of that split."""
    ledger, plans = Ledger(workspace.folder(word), word), []
    message = "ball_z.glb has no faces <b>at all</b>: export it again"
    decision = Decision(item_id=dropped, stage=word, verdict="dropped", rule="no_faces", message=message)
    for split, keys in (("train", TRAIN), ("test", TEST)):
        shards = [row.sha256 for source in sources for row in source.shards if row.split == split]
        lines = [canonical_json(catalogue_line(key).model_dump(mode="json")) for key in keys]
        plans.append(ShardPlan(word=word, split=split, index=0, inputs=shards or lines, params={}, version=1))
        ledger.write(plans[-1], [Sample(key, members[key]) for key in keys], [decision] if dropped and split == "train" else [])
    inputs = {source.word: source.digest() for source in sources}
    return ledger.publish(plans, size="tiny", version=1, params={}, inputs=inputs, entered=len(members) + bool(dropped))


def _asset(key: str) -> dict[str, bytes]:
    split = "test" if key in TEST else "train"
    facts = {
        "faces": 80,
        "vertices": 42,
        "materials": 1,
        "textures": 1,
        "source_from_object_scale": 1.0,
        "source_from_object_offset": (0.0, 0.0, 0.0),
    }
    record = AssetRecord(line=catalogue_line(key), split=split, mesh_sha256="ab" * 32, warnings=["<i>odd</i> normals"], **facts)
    return {"asset.json": record.model_dump_json().encode(), "preview.jpg": encode_png(_rgba(views_of(key)[0]))}


def _rgba(view: SurfaceView) -> np.ndarray:
    return np.dstack([np.rint(view.rgb * 255), view.mask * 255]).astype(np.uint8)


def _render(key: str) -> dict[str, bytes]:
    members, records = {}, []
    for name, view in zip(ORTHOGONAL_NAMES, views_of(key)):
        eye = view.camera.world_position()
        forward = view.camera.camera_from_world[2, :3]
        depth = np.where(view.mask, (view.position - eye) @ forward, 0.0)
        maps = {"rgb": _rgba(view), "normal": encode_normal(view.normal, view.mask), "depth": encode_depth(depth)}
        maps["position"] = encode_position(view.position, view.mask)
        members |= {f"{name}.{kind}.png": encode_png(pixels) for kind, pixels in maps.items()}
        fields = {kind: f"{name}.{kind}.png" for kind in maps}
        records.append(ViewRecord(name=name, camera=CameraRecord.from_camera(view.camera), members=fields))
    record = ViewsRecord(
        asset_id=key,
        caption=f"{HOSTILE} {key}",
        category="ball",
        split="test" if key in TEST else "train",
        licence="CC0-1.0",
        domain="synthetic",
        plan="orthogonal4",
        light="uniform",
        light_seed=0,
        views=records,
    )
    return {**members, "views.json": record.model_dump_json().encode()}


def _real_pictures(key: str, source: RealSource) -> dict[str, bytes]:
    fields = [f"view{i}.rgb.png" for i in range(4)]
    pixels = [np.dstack([_rgba(view)[..., :3] // 2, _rgba(view)[..., 3]]) for view in views_of(key)]
    record = MatchedRealRecord(
        asset_id=key,
        caption=f"{HOSTILE} {key}",
        category="ball",
        split="test" if key in TEST else "train",
        licence="CC0-1.0",
        source=source,
        view_words=list(VIEW_WORDS),
        members=fields,
    )
    return {"matched.json": record.model_dump_json().encode(), **dict(zip(fields, map(encode_png, pixels)))}
