"""What realism is measured against: photographic pictures of held-out assets, whatever the real side of training was made of."""

from dataclasses import dataclass

import numpy as np

from data_specs.ids import content_id, seed_from
from data_specs.matched_real import VIEW_WORDS
from data_specs.params import MatchedRealParams, Params
from models.diffusion.pictures import on_white
from models.image_codec import decode_image, encode_png
from models.renderers.photographs import Photographer
from tasks.artefacts import Workspace, write_atomic
from tasks.asset_shards import SOURCE_WORD, StoredAsset, named_assets
from tasks.evaluate.subjects import Subjects
from tasks.ledger import read_manifest
from tasks.progress import Progress

VERSION = 1
"""Raised by hand when the same asset would be photographed otherwise."""

SEED_WORD = "matched_real"
"""Viewpoints and skies are those that the stage matched_real draws: a data set with its own photographs has these very pictures."""


@dataclass(frozen=True)
class Photographs:
    """of: asset id -> (P, H, W, 3) uint8 on white, without assets of which a picture shows nothing. rendered: which they are, "" = matched_real's."""

    of: dict[str, np.ndarray]
    rendered: str = ""


def open_photographs(workspace: Workspace, params: Params, data: Subjects, keys: list[str]) -> Photographs:
    """Photographic pictures of assets: those of matched_real where it has such, else rendered now, once, below `runs/<size>/evaluate`.

    Raises ValueError when the assets are not there.
    """
    if data.real_source(keys[0]) == "photographic_render":
        return Photographs({key: data.real_pictures(key) for key in keys})
    ours = params.matched_real
    settings = ours.model_dump(mode="json", include={"size_pixels", "samples_per_edge_pixel", "ambient_rays", "redraws"}) | {"seed": params.seed}
    rendered = content_id({"version": VERSION, "assets": read_manifest(workspace.folder(SOURCE_WORD)).digest(), **settings})
    paths = {key: workspace.runs / "evaluate" / f"photographs-{rendered}" / f"{key}.png" for key in keys}
    missing = [key for key, path in paths.items() if not path.is_file()]
    if missing:
        with Progress(workspace, "evaluate-photographs", len(keys), done=len(keys) - len(missing)) as progress:
            for asset in named_assets(workspace, missing):
                write_atomic(paths[asset.key], encode_png(_photograph(asset, ours, params.seed)))
                progress.advance()
    rows = {key: np.stack(np.split(decode_image(path.read_bytes()), len(VIEW_WORDS), axis=1)) for key, path in paths.items()}
    return Photographs({key: pictures for key, pictures in rows.items() if (pictures < 255).any(axis=(1, 2, 3)).all()}, rendered)


def _photograph(asset: StoredAsset, params: MatchedRealParams, seed: int) -> np.ndarray:
    """The four pictures side by side, (S, 4 S, 3) uint8; white where one shows nothing."""
    photographer = Photographer(asset.mesh(photographic=True), params, seed_from(seed, SEED_WORD, asset.key))
    taken = [photographer.take(place) for place in range(len(VIEW_WORDS))]
    nothing = np.full((params.size_pixels, params.size_pixels, 3), 255, np.uint8)
    return np.concatenate([nothing if rgba is None else on_white(rgba) for rgba in taken], axis=1)
